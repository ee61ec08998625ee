"""The page in a headless Chromium, as a reader has it."""

from __future__ import annotations

import re

import pytest
from written_studies import HOSTILE, SEVEN, write_study

from al_ray.report.build import write_report

pytestmark = pytest.mark.browser

MARKS = ".mark-line path, .mark-symbol path, .mark-rect path, .mark-rule line, .mark-area path"
NOT_EMPTY = """([name, marks]) => [...document.querySelectorAll(`[data-figure="${name}"] .chart`)]
    .map((chart) => [...chart.querySelectorAll(marks)].filter((mark) => {
        const box = mark.getBBox();
        const shown = Number(getComputedStyle(mark).opacity) > 0;
        return shown && (box.width > 0 || box.height > 0);
    }).length)"""


COSTS = '[data-figure="costs"] .mark-rect path'


def drawn(opened, figure):
    return opened.page.inner_html(f'[data-figure="{figure}"] .panels')


@pytest.fixture(scope="module")
def opened(written, browser):
    from pages import Opened

    page = Opened(browser, written.page, viewport={"width": 1400, "height": 900})
    yield page
    page.context.close()


def names(opened):
    found = opened.page.evaluate(
        "[...document.querySelectorAll('[data-figure]')].map((each) => each.dataset.figure)"
    )
    assert len(found) >= 12
    return found


def test_it_says_nothing_and_asks_nobody(written, opened):
    assert opened.said == []
    assert opened.requests == []
    assert written.notes == ()
    html = written.page.read_text(encoding="utf-8")
    outside = re.findall(r"""(?:src|href)\s*=\s*["']?(https?:[^"' >]+)""", html)
    assert outside == []
    assert written.page.stat().st_size < 4e6


def test_every_panel_of_every_figure_has_marks(opened):
    for name in names(opened):
        panels = opened.page.evaluate(NOT_EMPTY, [name, MARKS])
        assert panels, name
        assert all(count > 0 for count in panels), (name, panels)


def test_every_kind_of_the_reference_study(opened):
    kinds = opened.page.evaluate(
        "[...document.querySelectorAll('[data-kind-of-figure]')].map((each) =>"
        " Number(each.dataset.kindOfFigure))"
    )
    assert set(kinds) == set(range(1, 9))


def test_an_arm_is_switched_off_and_on_everywhere(opened):
    button = opened.page.locator('[data-figure="curves"] .legend button[data-line="margin"]')
    before = {name: drawn(opened, name) for name in ("curves", "spread", "costs")}
    bars = opened.page.locator(COSTS).count()
    button.focus()
    opened.page.keyboard.press("Enter")
    opened.page.wait_for_function(
        '([name, html]) => document.querySelector(`[data-figure="${name}"] .panels`)'
        ".innerHTML !== html",
        arg=["costs", before["costs"]],
    )
    for name, html in before.items():
        assert drawn(opened, name) != html, name
    pressed = '.legend button[data-line="margin"][aria-pressed="false"]'
    others = '.legend button[data-line="margin"][aria-pressed="true"]'
    assert opened.page.locator(pressed).count() > 2
    assert opened.page.locator(others).count() == 0
    button.click()
    opened.page.wait_for_function(
        "([selector, count]) => document.querySelectorAll(selector).length === count",
        arg=[COSTS, bars],
    )


@pytest.mark.parametrize(
    ("figure", "control"),
    [
        ("curves", "metric"),
        ("curves", "band"),
        ("savings", "target_labels"),
        ("agreement", "setting"),
        ("label-accuracy", "arm"),
        ("label-mix", "arm"),
        ("one-label", "label"),
        ("committee", "label"),
        ("committee", "seed"),
    ],
)
def test_choosing_changes_the_figure(opened, figure, control):
    select = opened.page.locator(f'[data-figure="{figure}"] select[data-control="{control}"]')
    before, at = drawn(opened, figure), select.input_value()
    select.select_option("1" if at == "0" else "0")
    opened.page.wait_for_function(
        '([name, html]) => document.querySelector(`[data-figure="${name}"] .panels`)'
        ".innerHTML !== html",
        arg=[figure, before],
    )
    select.select_option(at)


@pytest.mark.parametrize("figure", ["label-accuracy", "label-mix"])
def test_the_step_slider_by_keyboard(opened, figure):
    slider = opened.page.locator(f'[data-figure="{figure}"] input[type=range]')
    said = opened.page.locator(f'[data-figure="{figure}"] output')
    before = drawn(opened, figure)
    first = said.inner_text()
    slider.focus()
    opened.page.keyboard.press("ArrowLeft")
    opened.page.wait_for_function(
        '([name, html]) => document.querySelector(`[data-figure="${name}"] .panels`)'
        ".innerHTML !== html",
        arg=[figure, before],
    )
    assert said.inner_text() != first
    assert slider.get_attribute("aria-valuetext") == said.inner_text()


def test_hovering_tells_values(opened):
    point = opened.page.locator('[data-figure="curves"] .mark-symbol path').last
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    opened.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tip = opened.page.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    assert re.search(r"mean:?\s*\d+\.\d%", tip.inner_text())


def test_numbers_as_a_table(opened):
    details = opened.page.locator('[data-figure="versus"] details')
    details.locator("summary").click()
    row = details.locator("tbody tr").first
    row.wait_for()
    assert row.locator("th").inner_text()
    assert re.fullmatch(r"-?\d+\.\d\d", row.locator("td").first.inner_text())
    details.locator("summary").click()


def test_a_hostile_text_stays_text(opened):
    assert "al_ray" in opened.page.title()
    assert opened.page.locator("img").count() == 0
    shown = opened.page.locator("#texts li p", has_text="document.title")
    assert shown.first.inner_text().startswith(HOSTILE[:60])
    error = opened.page.locator("#missing ~ .scroll td.words").first
    assert error.inner_text() == "RuntimeError: <b>boom</b>"


def test_hostile_labels_stay_text(tmp_path, open_page):
    labels = (
        "<img src=x onerror=\"document.title='owned'\">",
        "</script><script>alert(1)</script>",
    )
    out = write_study(tmp_path, ("random", "margin"), labels, 2, 3, (20,), controls=())
    page = open_page(write_report(out, pictures=False).page)
    assert page.said == []
    assert page.page.locator("img").count() == 0
    bar = page.page.locator('[data-figure="label-accuracy"] .mark-rect path').first
    bar.hover(position={"x": 4, "y": 4})
    page.page.locator("#vg-tooltip-element.visible").wait_for()
    assert page.page.locator("img").count() == 0
    assert "owned" not in page.page.title()


def test_it_is_stamped_and_the_missing_are_named(opened):
    assert "DEMONSTRATION" in opened.page.locator(".stamp").inner_text()
    missing = opened.page.locator("#missing ~ .scroll").first.inner_text()
    assert missing.count("entropy") == 10  # two step sizes, five seeds
    assert "failed" in missing
    assert "not begun" in missing


def test_generated_text_answers_no_claim(opened):
    claims = opened.page.locator("#claims")
    assert "none of the 13 claims is answered" in claims.inner_text()
    assert not claims.locator("table").is_visible()
    claims.locator("summary").click()
    assert claims.locator("table").is_visible()
    assert claims.locator("tbody tr").count() == 13
    assert claims.locator(".answer").count() == 0
    assert opened.page.locator(".verdict").count() >= 6


@pytest.mark.parametrize(("corpus", "is_theirs"), [("NEWS-7", True), ("mine", False)])
def test_real_text_answers_every_claim(open_page, tmp_path, corpus, is_theirs):
    """They are folded away where the corpus is none of theirs."""
    facts = {"seeds": 5, "steps": 2, "step_sizes": (20,), "pool": 120, "tests": 30}
    facts |= {"controls": (), "demonstration": False, "name": corpus}
    real = write_study(tmp_path / "real", ("random", "margin"), **facts)
    page = open_page(write_report(real, pictures=False).page).page
    assert page.locator("#claims table").is_visible() == is_theirs
    page.locator("#claims details").evaluate("(each) => { each.open = true; }")
    answers = page.locator("#claims .answer").all_inner_texts()
    assert len(answers) == 13
    assert {answer.split(" ", 1)[1] for answer in answers} <= {
        "supported",
        "contradicted",
        "cannot tell",
    }


@pytest.mark.parametrize(("width", "height", "screens"), [(1280, 800, 1), (390, 844, 2)])
def test_the_answer_and_then_the_first_curve(written, open_page, width, height, screens):
    page = open_page(written.page, viewport={"width": width, "height": height}).page
    assert page.locator("#answer .says").inner_text()
    order = page.evaluate("[...document.querySelectorAll('main > *[id]')].map((each) => each.id)")
    ours = ["answer", "curves", "verdict", "figures", "claims", "study"]
    assert [name for name in order if name in ours] == ours
    chart = page.locator("#curves .chart svg").first.bounding_box()
    assert chart["y"] + chart["height"] <= screens * height
    assert page.locator("main").inner_text().lower().count("demonstration") == 1


def test_the_same_colour_for_an_arm_everywhere(opened):
    strokes = opened.page.evaluate(
        """[...document.querySelectorAll('.legend button[data-line="qbc"] svg path:last-child')]
            .map((path) => path.getAttribute('fill'))"""
    )
    assert len(strokes) > 5
    assert len(set(strokes)) == 1
    colours = opened.page.evaluate(
        """(name) => [...document.querySelectorAll('[data-legend] .mark-symbol path')]
            .filter((path) => path.getAttribute('aria-label')?.includes(`arm: ${name}`)
                || path.getAttribute('aria-label')?.includes(`line: ${name}`))
            .map((path) => path.getAttribute('fill')).filter((fill) => fill !== 'transparent')""",
        "qbc",
    )
    assert set(colours) == {strokes[0]}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_narrow_and_both_themes(written, open_page, theme):
    page = open_page(written.page, viewport={"width": 390, "height": 844}, color_scheme=theme)
    assert page.said == []
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 390
    wide = page.page.evaluate(
        """[...document.querySelectorAll('.chart')].filter((chart) => chart.clientWidth + 1
            < chart.querySelector('svg').getBoundingClientRect().width).length"""
    )
    assert wide == 0
    ink, paper = page.page.evaluate(
        """['color', 'backgroundColor'].map((name) =>
            getComputedStyle(document.body)[name].match(/[0-9]+/g).map(Number))"""
    )
    assert contrast(ink, paper) > 7
    soft = page.page.evaluate(
        """getComputedStyle(document.querySelector('.caption')).color.match(/[0-9]+/g).map(Number)"""
    )
    assert contrast(soft, paper) > 4.5


def test_the_theme_button(written, open_page):
    page = open_page(written.page, color_scheme="light").page
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.locator("#theme").click()
    page.locator("#theme").click()
    assert page.locator("#theme .value").inner_text() == "dark"
    assert page.evaluate(colour) != light
    page.emulate_media(media="print")
    assert page.evaluate(colour) == light  # paper is white, whatever the screen was


def test_korean_glyphs_are_drawn(opened):
    """Different syllables give different pixels; boxes are all alike."""
    pictures = opened.page.evaluate(
        """(family) => [...'가힣뷁정'].map((syllable) => {
            const canvas = document.createElement('canvas');
            canvas.width = canvas.height = 40;
            const pen = canvas.getContext('2d');
            pen.font = `28px ${family || getComputedStyle(document.body).fontFamily}`;
            pen.fillText(syllable, 4, 32);
            return canvas.toDataURL();
        })""",
        "",
    )
    if len(set(pictures)) == 1:
        pytest.skip("no Korean font here; install one (Debian: apt-get install fonts-nanum)")
    assert len(set(pictures)) == 4
    assert opened.page.locator("#korean").is_hidden()
    axis = opened.page.locator('[data-figure="label-mix"] .chart').first.inner_text()
    assert all(label in axis for label in SEVEN)


def test_it_prints(written, open_page, tmp_path):
    path = tmp_path / "page.pdf"
    open_page(written.page).page.pdf(path=path, format="A4")
    assert path.read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    "facts",
    [
        {"seeds": 1},
        {"steps": 1},
        {"labels": ("부정", "긍정"), "retrains": ("cold", "warm-new")},
        {"strategies": ("random",)},
        {"strategies": ("margin", "random"), "missing": ("random",)},
        {"missing": ("margin",)},
        {"seeds": 1, "steps": 1, "strategies": ("margin",)},
    ],
    ids=str,
)
def test_small_and_odd_studies(tmp_path, open_page, facts):
    given = {"strategies": ("random", "margin"), "seeds": 2, "steps": 3, "controls": (), **facts}
    out = write_study(tmp_path, **given, step_sizes=(20,), pool=120, tests=30)
    written = write_report(out, pictures=False)
    assert written.notes == ()
    page = open_page(written.page)
    assert page.said == []
    assert not re.search(r"\bnan\b|\b1 seeds\b", page.page.inner_text("main"))
    assert page.page.locator('.verdict:not([data-kind="cannot tell"])').count() == 0
    assert (
        page.page.locator("#savings, #gain, h3:text('Penalties'), h3:text('At how many')").count()
        == 0
    )
    for name in page.page.evaluate(
        "[...document.querySelectorAll('[data-figure]')].map((each) => each.dataset.figure)"
    ):
        panels = page.page.evaluate(NOT_EMPTY, [name, MARKS])
        assert all(count > 0 for count in panels), (name, panels)


def contrast(one, other):
    """WCAG's contrast of two colours."""

    def light(colour):
        parts = [value / 255 for value in colour[:3]]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    first, second = sorted((light(one), light(other)), reverse=True)
    return (first + 0.05) / (second + 0.05)
