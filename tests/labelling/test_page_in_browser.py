"""The page in a headless Chromium, as an annotator has it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from annotators import DESKTOP, PHONE, Annotator, restarted, visits
from small_desk import LABELS, TOKEN, SmallDesk

from al_ray.labelling.page import Server

pytestmark = pytest.mark.browser


@pytest.fixture
def desk():
    return SmallDesk()


@pytest.fixture
def server(desk):
    with Server(desk, token=TOKEN) as server:
        yield server


@pytest.fixture
def come(browser, server):
    """A new browser profile at the page."""
    with visits(browser, server.address) as go:
        yield go


def test_a_batch_by_keyboard_alone(come, desk):
    her = come().named("김라벨")
    said = {}
    for i in range(8):
        her.shows(f"{i}. ")
        her.press(str(i % 7 + 1))
        said[f"r{i}"] = LABELS[i % 7]
    her.shows("8. ")
    her.press("s")
    said["r8"] = ""

    her.shows("9. ")  # undone twice: the skip, and the one before
    her.press("u")
    her.shows("8. ")
    her.press("u")
    her.shows("7. ")
    assert her.page.inner_text("#before-text") == f"앞서 붙인 라벨: {LABELS[0]}"
    her.press("3", "s")
    said["r7"] = LABELS[2]

    her.shows("9. ")
    her.press("n")
    her.page.keyboard.type("s1? 헷갈림")  # keys are text there
    her.press("Enter", "4")
    said["r9"] = LABELS[3]

    her.shows("10. ")
    assert not her.page.is_visible("#hint")
    her.press("h")
    her.page.wait_for_function("() => document.getElementById('hint').textContent.includes('87 %')")
    her.press("1")
    said["r10"] = LABELS[0]

    her.shows("11. ")
    her.press("/")
    her.page.keyboard.type("1su")
    her.press("Escape")
    her.page.wait_for_selector("#search", state="hidden")
    her.shows("11. ")
    her.press("/")
    her.page.keyboard.type("40. ")
    her.page.wait_for_function(  # its turn has not come
        "() => document.getElementById('search-said').textContent"
        " && !document.querySelector('#search-list button')"
    )
    her.press("Escape", "Escape", "/")
    her.page.keyboard.type("4. ")
    her.page.wait_for_selector("#search-list button >> text=14. ")
    her.press("Enter", "Enter")
    her.shows("4. ")
    assert her.page.is_visible("#back")
    her.press("2")
    said["r4"] = LABELS[1]
    for i in range(11, 20):
        her.shows(f"{i}. ")
        her.press(f"Numpad{i % 7 + 1}")
        said[f"r{i}"] = LABELS[i % 7]
    her.shows("20. ")  # the next batch, by itself
    her.sent()
    assert desk.answers("김라벨") == said
    assert len({event.annotation for event in desk.events}) == len(desk.events) == 25
    assert [e.note for e in desk.events if e.row_id == "r9"] == ["s1? 헷갈림"]
    assert all(0 <= e.seconds < 60 for e in desk.events if e.state != "undone")
    assert {e.source for e in desk.events} == {"page"}


@pytest.mark.parametrize("where", [DESKTOP, PHONE], ids=["1280", "390"])
def test_nothing_is_lost_or_said_twice(come, desk, server, where):
    """The server goes away, the page is used on, and loaded again once the server is back."""
    her = come(**where).named("김라벨")
    page = her.page
    tap = page.tap if "has_touch" in where else page.click

    def choose(i: int) -> None:
        her.shows(f"{i}. ")
        tap(f"#labels button:nth-child({i % 7 + 1})")

    for i in range(5):
        choose(i)
    her.sent()
    server.stop()
    for i in range(5, 9):
        choose(i)
    page.wait_for_selector("#lost:visible")
    page.wait_for_function("() => document.getElementById('lost').textContent.includes('4건')")
    tap("[data-act=undo]")
    choose(8)
    her.shows("9. ")
    assert her.waiting() == 6
    with restarted(server, desk) as again:
        page.reload()
        her.shows("9. ")
        her.sent()
        page.wait_for_selector("#lost", state="hidden")
        assert len(desk.events) == 11
        tap("[data-act=undo]")  # what was said before the page was loaded
        choose(8)
        choose(9)
        her.sent()
    with restarted(again, desk):
        choose(10)  # sent by itself, without a reload
        her.sent()
    assert desk.answers("김라벨") == {f"r{i}": LABELS[i % 7] for i in range(11)}
    assert len({event.annotation for event in desk.events}) == len(desk.events) == 15


def test_an_answer_whose_receipt_was_lost_counts_once(come, desk):
    her = come().named("김라벨")
    drops = iter([True, True])

    def lose(route: Any) -> None:
        if next(drops, False):
            route.fetch()  # the server has it
            route.abort()
        else:
            route.continue_()

    her.page.route("**/api/say", lose)
    her.press("1")
    her.shows("1. ")
    her.sent()
    assert [event.row_id for event in desk.events] == ["r0"]
    assert next(drops, None) is None


def test_two_annotators_and_two_tabs(come, desk, server):
    her, him = come().named("김라벨"), come("en").named("Lee")
    tab = Annotator(her.page.context, server.address)
    tab.shows("0. ")
    her.press("1")
    tab.shows("1. ")  # what is said in one tab is not asked in the other
    tab.press("2")
    her.shows("2. ")
    him.shows("0. ")
    him.press("3", "s")
    him.shows("2. ")
    for each in (her, him, tab):
        each.sent()
    assert desk.answers("김라벨") == {"r0": LABELS[0], "r1": LABELS[1]}
    assert desk.answers("Lee") == {"r0": LABELS[2], "r1": ""}
    assert len(desk.events) == 4
    tab.page.click("#who")
    tab.named("박둘째").shows("0. ")
    her.page.reload()  # a tab keeps its own
    her.shows("2. ")
    assert her.page.inner_text("#who") == "김라벨"
    assert tab.errors == []


def test_keys_with_the_korean_input_method(come, desk):
    """It gives other letters at the same places, and syllables that are not finished."""
    her = come().named("김라벨")
    press = """([code, key, facts]) => document.activeElement.dispatchEvent(new KeyboardEvent(
        "keydown", { code, key, bubbles: true, cancelable: true, ...facts }))"""
    her.page.evaluate(press, ["KeyS", "ㄴ", {}])
    her.shows("1. ")
    her.page.evaluate(press, ["KeyS", "ㄴ", {"repeat": True}])
    her.page.evaluate(press, ["KeyS", "ㄴ", {"isComposing": True}])
    her.page.evaluate(press, ["KeyS", "s", {"ctrlKey": True}])
    her.shows("1. ")
    her.page.evaluate(press, ["KeyU", "ㅕ", {}])
    her.shows("0. ")
    her.page.evaluate(press, ["KeyN", "ㅜ", {}])
    her.page.keyboard.insert_text("메모")
    her.page.evaluate(press, ["Enter", "Enter", {"isComposing": True}])
    assert her.page.evaluate("document.activeElement.id") == "note-input"
    her.press("Escape")
    her.page.evaluate(press, ["Digit2", "2", {}])
    her.shows("1. ")
    her.sent()
    assert [(e.state, e.note) for e in desk.events] == [
        ("skipped", ""), ("undone", ""), ("answered", "메모"),
    ]  # fmt: skip


def test_learning_the_next_batch_done_and_error(come, desk):
    desk.by_itself = False
    desk.size, desk.rows = 2, dict(list(desk.rows.items())[:4])
    her = come("en").named("Lee")
    kind = "(kind) => document.querySelector('#rest:not([hidden])')?.dataset.kind === kind"
    her.press("1", "2")
    her.page.wait_for_function(kind, arg="learning")
    desk.error = "no room on the disk"
    her.page.wait_for_function(kind, arg="error")
    assert her.page.inner_text("#rest-error") == "no room on the disk"
    desk.error = ""
    desk.learn()
    her.shows("2. ")
    her.press("1", "2")
    her.page.wait_for_function(kind, arg="done")
    assert her.page.is_disabled("#labels button")
    her.press("u")
    her.shows("3. ")


def test_what_is_refused_is_shown_and_what_fails_is_kept(come, desk):
    from al_ray.errors import StorageError

    her = come("en").named("Lee")
    desk.failure = StorageError("no room <b>left</b>")
    her.press("1")
    her.page.wait_for_function("() => lost.textContent.includes('no room <b>left</b>')")
    assert her.waiting() == 1
    desk.failure = None
    her.sent()
    her.page.wait_for_selector("#lost", state="hidden")
    desk.labels = ("정치",)
    her.press("2")
    her.page.wait_for_selector("#refused:visible")
    assert "경제" in her.page.inner_text("#refused-list")
    assert her.waiting() == 0
    her.page.reload()
    her.page.click("#dismiss")
    her.page.wait_for_selector("#refused", state="hidden")
    assert desk.answers("Lee") == {"r0": "정치"}


def test_an_address_that_is_no_longer_served(come, desk, server):
    """What waits is neither dropped nor given to whoever listens there now."""
    her = come("en").named("Lee")
    server.stop()
    with Server(SmallDesk(), TOKEN[::-1], server.port) as other:
        her.press("1")
        her.page.wait_for_function("() => lost.textContent.includes('no longer served')")
        assert her.waiting() == 1
        her.page.goto(other.address)
        her.page.wait_for_selector("#name[open]")
        assert her.waiting() == 1
    with restarted(server, desk) as again:
        her.page.goto(again.address)
        her.shows("1. ")
        her.sent()
    assert desk.answers("Lee") == {"r0": LABELS[0]}


def test_many_labels_are_found_by_their_first_consonants(come, desk):
    desk.labels = [f"라벨 {i:02}" for i in range(40)] + ["정치 일반"]
    her = come().named("김라벨")
    her.press("f")
    her.page.keyboard.insert_text("ㅈㅊ")
    assert her.page.locator("#labels button").count() == 1
    her.press("Enter")
    her.shows("1. ")
    assert her.page.locator("#labels button").count() == 41
    her.press("Escape", "0")
    her.shows("2. ")
    her.sent()
    assert desk.answers("김라벨") == {"r0": "정치 일반", "r1": "라벨 09"}


HOSTILE = [
    "<script>document.title = 'taken'</script><img src=x onerror=\"document.title='taken'\">",
    "</textarea></p></main><h1>끝</h1>",
    "\u202eright to left\u202c \u2067ab\u2069 שלום",
    "a\0b\x1b[31m",
    "긴 글 " * 40_000,
    "\ud83d half of a pair",
    "",
]


@pytest.mark.parametrize("where", [DESKTOP, PHONE], ids=["1280", "390"])
def test_hostile_texts_are_text(come, desk, where):
    desk.rows = {f"r{i}": text for i, text in enumerate(HOSTILE)}
    desk.labels = ("<b>예</b>", "아주 긴 라벨 이름이 버튼 하나에 들어가지 않을 만큼 길어질 때" * 2)
    desk.title, desk.guideline = "<i>제목</i>", "<script>1</script>"
    her = come(**where).named("</button>")
    page = her.page
    seen = []
    for _ in HOSTILE:
        seen.append(page.text_content("#text"))
        inside = page.evaluate(
            "document.querySelectorAll('#text :not(span), #title *, #labels b').length"
        )
        assert inside == 0
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0
        assert (
            page.locator("#labels button").last.bounding_box()["y"] < page.viewport_size["height"]
        )
        page.click("#labels button:first-child")
    page.wait_for_selector("#rest:visible")
    assert seen[:3] == HOSTILE[:3]
    assert seen[3] == "a␀b␛[31m"
    assert seen[4] == HOSTILE[4]
    assert "taken" not in page.title()
    her.sent()
    assert set(desk.answers("</button>").values()) == {"<b>예</b>"}
    assert json.loads(json.dumps(page.inner_text("#who"))) == "</button>"


def test_everything_fits_a_phone(come):
    her = come(**PHONE).named("김라벨")
    page = her.page
    height = page.viewport_size["height"]
    for selector in ("#labels button", "#acts button"):
        for box in [each.bounding_box() for each in page.locator(selector).all()]:
            assert box["height"] >= 44
            assert box["y"] + box["height"] <= height
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#text").bounding_box()["y"] > 0
    page.tap("#acts [data-act=guide]")
    assert page.locator("#guide").bounding_box()["height"] == height
    page.tap("#guide button")
    assert not page.is_visible("#guide")
