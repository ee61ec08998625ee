"""A page of many arms: groups, filters, and curves of which few are named."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from small_studies import arm, noisy, study, write

from al_ray.analysis.study import load
from al_ray.analysis.summary import arms as summarised
from al_ray.report.arms import Arms
from al_ray.report.build import write_report
from al_ray.report.figures.base import wrapped

RATES, EPOCHS = (1e-4, 5e-5), (3, 5, 10)
TRAININGS = list(product(RATES, EPOCHS))
CURVE = [0.5, 0.6, 0.7]


def level(strategy, rate, epochs):
    """Margin is best at 1e-4 and 10 epochs, random worst at 5e-5 and 3."""
    return 0.04 * (strategy == "margin") + 0.02 * (rate == 1e-4) + 0.002 * epochs


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    made = {
        arm(strategy, learning_rate=rate, epochs=epochs): noisy(
            CURVE, 6, 0.001, place, level(strategy, rate, epochs)
        )
        for place, (strategy, (rate, epochs)) in enumerate(product(("random", "margin"), TRAININGS))
    }
    made |= {
        arm(name, "frozen"): noisy(CURVE, 6, 0.001, 99, shift)
        for name, shift in (("random", -0.01), ("margin", 0.01))
    }
    facts = {"model": {"name": "a model", "digest": "d"}, "train_rows": 1000, "notes": []}
    tables = study(made, [10, 20, 30])
    folder = tmp_path_factory.mktemp("many") / "out"
    write(folder, replace(tables, description={**tables.description, **facts}))
    return folder


@pytest.fixture(scope="module")
def arms(out):
    read = load(out)
    return Arms(read.trajectories, summarised(read.steps, read.trajectories, read.test))


@pytest.fixture(scope="module")
def opened(out, browser):
    from pages import Opened

    written = write_report(out, pictures=False)
    assert written.notes == ()
    page = Opened(browser, written.page, viewport={"width": 1200, "height": 900})
    yield page
    page.context.close()


def test_best_worst_and_the_best_random_are_named(arms):
    assert arms.many
    assert arms.roles(arms.groups[0]) == {
        "margin, learning rate 0.0001, epochs 10": "best",
        "random, learning rate 0.0001, epochs 10": "random",
        "random, frozen": "worst",
    }


def test_axes_are_what_varies(arms):
    assert arms.axes == {
        "strategy": ["random", "margin"],
        "head": ["fine-tuned", "frozen"],
        "learning rate": ["learning rate 0.0001", "learning rate 5e-05"],
        "epochs": ["epochs 3", "epochs 5", "epochs 10"],
    }
    frozen = next(each for each in arms.each if each["arm"] == "margin, frozen")
    assert frozen["axes"] == {"strategy": "margin", "head": "frozen"}


def test_of_few_lines_all_are_drawn_as_they_are(arms, out):
    rows = load(out).trajectories
    few = Arms(rows[rows.epochs.isin([0, 3])])
    assert not few.many
    assert set(few.roles(few.groups[0]).values()) == {""}


def test_trainings_of_one_strategy_differ_in_their_dash(arms):
    looks = [(line.colour, line.shape, line.dash) for line in arms.lines]
    assert len(set(looks)) == len(looks) == 14


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("margin", ["margin"]),
        ("a-name-of-ones-own-without-a-comma", ["a-name-of-ones-own-without-a-comma"]),
        ("margin, learning rate 0.0001, epochs 10", ["margin,", "learning rate 0.0001, epochs 10"]),
    ],
)
def test_long_names_have_two_lines(name, lines):
    assert wrapped(name) == lines


def shown(opened, selector):
    return opened.page.evaluate(
        "(selector) => [...document.querySelectorAll(selector)]"
        ".filter((each) => each.checkVisibility()).map((each) => each.textContent)",
        selector,
    )


def coloured(opened):
    """Lines of the curves that are drawn, and those that are thick."""
    return opened.page.evaluate(
        "[...document.querySelectorAll('#curves .mark-line path')]"
        ".filter((each) => each.getAttribute('d')).map((each) =>"
        " Number(each.getAttribute('stroke-width')))"
    )


@pytest.mark.browser
def test_verdicts_are_grouped_by_training(opened):
    assert opened.said == []
    groups = shown(opened, ".setting summary strong")
    assert len(groups) == len(TRAININGS) + 1
    assert "fine-tuned, learning rate 5e-05, epochs 3" in groups
    assert shown(opened, "#verdict h3") == ["Best with best"]
    names = shown(opened, "#curves .mark-text.role-mark text")
    assert set(names) == {
        "best: margin, learning rate 0.0001, epochs 10",
        "random, learning rate 0.0001, epochs 10",
        "worst: random, frozen",
    }
    assert sorted(coloured(opened)) == [1] * 11 + [2] * 3


@pytest.mark.browser
def test_an_axis_filters_everything_by_keyboard(opened):
    page = opened.page
    page.locator(".filter summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")  # strategy, then head, then the rate
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.wait_for_function("document.getElementById('shown').value === '8 of 14'")
    # Of few lines all are as they are; a frozen head has no rate, and stays.
    page.wait_for_function(
        "[...document.querySelectorAll('#curves .mark-line path')]"
        ".filter((each) => each.getAttribute('d')).length === 8"
    )
    assert coloured(opened) == [2] * 8
    assert not shown(opened, "#curves .mark-text.role-mark text")
    assert not any("5e-05" in text for text in shown(opened, ".setting summary strong"))
    rows = shown(opened, "#versus .mark-symbol path")
    assert len(rows) == 4
    page.locator("#versus details.numbers summary").click()
    page.wait_for_function(  # the table is made when it is opened
        "[...document.querySelectorAll('#versus table tbody th')]"
        ".some((each) => each.checkVisibility())"
    )
    cells = shown(opened, "#versus table tbody th")
    assert len(cells) == 4
    assert not any("5e-05" in text for text in cells)
    page.locator("#everything").click()
    page.wait_for_function("document.getElementById('shown').value === 'all 14'")
    assert len(shown(opened, "#versus table tbody th")) == 7


@pytest.mark.browser
def test_it_fits_a_phone_and_prints_every_sentence(out, open_page):
    page = open_page(out / "report" / "index.html", viewport={"width": 400, "height": 800}).page
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    labels = page.evaluate(
        "[...document.querySelectorAll('#versus .role-axis-label text')]"
        ".map((each) => each.textContent)"
    )
    assert np.all(["…" not in text for text in labels])
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".verdict:visible").count() == len(TRAININGS) + 1
