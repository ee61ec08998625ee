"""The page of a project in which places of a text are marked, in a headless Chromium."""

from __future__ import annotations

import pytest
from annotators import DESKTOP, PHONE, Annotator, restarted, visits
from small_desk import TOKEN, SmallDesk

from al_ray.labelling.page import Server

pytestmark = pytest.mark.browser

LABELS = ("PS", "LC", "OG")

TEXTS = (
    "김철수가 서울에서 이영희를 만났다",
    "한미 정상이 만났다",
    "그 영화 진짜 재미있다",
    "👍🏽👨‍👩‍👧 박지성은 🇰🇷 수원 출신",
    "삼성전자 부산",
    "국회에서 열린 회의",
    "a\x1b[0m 대전역 b",
    "처음부터 끝까지",
    "제주도는 섬이다",
    "마지막 대구 문장",
)

WHERE = """([start, end]) => {
  const text = document.getElementById("text");
  const places = [];
  const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    let offset = 0;
    for (const sign of walker.currentNode.data) {
      places.push([walker.currentNode, offset, offset + sign.length]);
      offset += sign.length;
    }
  }
  const box = (place) => {
    const range = document.createRange();
    range.setStart(places[place][0], places[place][1]);
    range.setEnd(places[place][0], places[place][2]);
    return range.getBoundingClientRect();
  };
  const [first, last] = [box(start), box(end - 1)];
  const middle = (box) => [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
  return { from: [first.left + 1, middle(first)[1]], to: [last.right - 1, middle(last)[1]],
    first: middle(first), last: middle(last) };
}"""


class Marker(Annotator):
    """An annotator who marks."""

    def at(self, text: str, part: str) -> tuple[int, int]:
        """In Python's characters."""
        assert text.count(part) == 1
        return text.index(part), text.index(part) + len(part)

    def marks(self) -> list[tuple[str, str]]:
        """As they are seen: the label's name and the characters."""
        return [
            (mark.get_attribute("data-name"), mark.text_content())
            for mark in self.page.locator("#text mark").all()
        ]

    def read(self, part: str) -> None:
        """Wait until the text is there, and for long enough to have been read."""
        self.shows(part)
        self.page.wait_for_selector("#choice:not(.fresh)")

    def drag(self, start: int, end: int) -> None:
        where = self.page.evaluate(WHERE, sorted([start, end]))
        from_, to = (where["from"], where["to"])[:: 1 if start < end else -1]
        self.page.mouse.move(*from_)
        self.page.mouse.down()
        self.page.mouse.move(*to, steps=4)
        self.page.mouse.up()

    def tap(self, start: int, end: int) -> None:
        where = self.page.evaluate(WHERE, [start, end])
        for place in ("first", "last")[: min(end - start, 2)]:
            self.page.touchscreen.tap(*where[place])

    def wide(self) -> int:
        return self.page.evaluate("document.documentElement.scrollWidth - innerWidth")


@pytest.fixture
def desk():
    return SmallDesk(TEXTS, LABELS, task="tagging")


@pytest.fixture
def server(desk):
    with Server(desk, token=TOKEN) as server:
        yield server


@pytest.fixture
def come(browser, server):
    """A new browser profile at the page."""
    with visits(browser, server.address, Marker) as go:
        yield go


def answer(text: str, **parts: str) -> str:
    """What the page is to say, by Python's own count."""
    found = [
        (text.index(part), text.index(part) + len(part), label)
        for label, several in parts.items()
        for part in several.split("|")
    ]
    return " ".join(f"{start}-{end}:{label}" for start, end, label in sorted(found)) or "O"


def test_a_batch_by_keyboard_alone(come, desk, server):
    her = come().named("김라벨")
    press, right, more = her.press, ["ArrowRight"], ["Shift+ArrowRight"]
    said = {}

    her.read("김철수")
    assert her.page.inner_text("#done span") == "표시할 것 없음"
    press(*more * 3, "1")  # within a word: a particle follows
    press("Control+ArrowRight", *right, *more * 2, "2")
    press("Control+ArrowRight", "Alt+ArrowRight", "Alt+ArrowLeft")
    press("Control+Shift+ArrowRight", "Shift+ArrowLeft", "Shift+3")
    assert her.marks() == [("PS", "김철수"), ("LC", "서울"), ("OG", "이영희")]
    assert her.text == TEXTS[0]  # the names are no part of it
    press("1")  # it is the one at the caret
    assert her.page.inner_text("#done span") == "표시 3개 저장"
    press("Enter")
    said["r0"] = answer(TEXTS[0], PS="김철수|이영희", LC="서울")
    assert said["r0"] == "0-3:PS 5-7:LC 10-13:PS"

    her.read("한미")  # side by side, of one character, at the beginning
    assert her.page.inner_text("#toast") == "저장했습니다: PS 김철수, LC 서울, PS 이영희"
    press(*more, "2", *more, "2", "Enter")
    said["r1"] = "0-1:LC 1-2:LC"

    her.read("영화")
    press("Enter")
    said["r2"] = "O"
    her.read("박지성")  # undone, and what was nothing is something
    press("u")
    her.read("영화")
    assert her.page.inner_text("#before-text") == "앞서 표시한 것: 표시 없음"
    press("u")
    her.read("한미")
    assert her.marks() == [("LC", "한"), ("LC", "미")]
    press("End", "Home", "Delete", "Tab", "3", "Enter")
    said["r1"] = "1-2:OG"
    her.read("영화")
    press("Enter")

    her.read("박지성")  # what people call one character is several
    press(*right * 3, *more * 3, "1")
    press(*right * 2, *more, "2")  # a flag
    press("Control+ArrowRight", "Control+Shift+ArrowLeft", "3")
    said["r3"] = answer(TEXTS[3], PS="박지성", LC="🇰🇷", OG="수원")
    her.page.reload()
    her.read("박지성")
    assert her.marks() == [("PS", "박지성"), ("LC", "🇰🇷"), ("OG", "수원")]
    press("Enter")

    her.read("삼성")  # at both ends, and what overlaps takes the other's place
    press(*more * 2, "2", "Home", *more * 4, "3", "End", *["Shift+ArrowLeft"] * 3, "2", "Enter")
    said["r4"] = answer(TEXTS[4], OG="삼성전자", LC="부산")  # and no blank

    her.read("국회")
    her.sent()
    server.stop()
    press(*more * 2, "3")
    with restarted(server, desk) as again:
        her.page.reload()
        her.read("국회")
        press("n")
        her.page.keyboard.type("1s 메모")
        press("Enter", "s")
        said["r5"] = ""

        her.read("대전역")  # signs that are drawn have their length
        start, end = her.at(TEXTS[6], "대전역")
        press(*right * start, *more * (end - start), "2", *right, "Backspace")
        assert her.marks() == [("LC", "대전역")]
        press("ArrowLeft", "ArrowLeft", "Backspace")
        assert her.marks() == []
        press("Home", *right * start, *more * (end - start), "2", "Enter")
        said["r6"] = answer(TEXTS[6], LC="대전역")

        her.read("처음부터")
        press("Shift+End", "1", "Enter")
        said["r7"] = "0-8:PS"
        her.read("제주도")
        press(*more * 3, "Escape", "1", "Enter")  # nothing was selected any more
        said["r8"] = "O"
        her.read("마지막")
        press("Control+ArrowRight", "Control+Shift+ArrowRight", "2")
        press("/")
        her.page.wait_for_selector("#search-list small >> text=PS 김철수, LC 서울, PS 이영희")
        press("Enter", "Enter")  # the one before is opened
        her.read("제주도")
        press(*more * 3, "2", "Enter")
        said["r8"] = "0-3:LC"
        her.read("마지막")
        assert her.marks() == [("LC", "대구")]
        press("Enter")
        said["r9"] = answer(TEXTS[9], LC="대구")
        her.page.wait_for_selector("#rest:visible")
        her.sent()
    assert again.port == server.port
    assert desk.answers("김라벨") == said
    assert [e.note for e in desk.events if e.row_id == "r5"] == ["1s 메모"]
    assert len({event.annotation for event in desk.events}) == len(desk.events)


def test_by_mouse(come, desk):
    her = come("en").named("Lee")
    page = her.page
    her.read("김철수")
    page.click("#labels button:first-child")
    assert "Select characters first" in page.inner_text("#toast")
    her.drag(0, 3)
    her.press("1")
    assert page.evaluate("getSelection().isCollapsed")
    her.drag(4, 8)  # with the blank before it
    page.click("#labels button:nth-child(2)")
    her.drag(10, 13)
    her.press("1")
    assert her.marks() == [("PS", "김철수"), ("LC", "서울에"), ("PS", "이영희")]
    her.drag(4, 9)
    her.drag(7, 5)  # begun within what is selected, and backward
    her.press("3")
    assert her.marks()[1] == ("OG", "서울")
    page.click("#text mark >> nth=1")
    assert page.get_attribute("#labels button:nth-child(3)", "aria-current") == "true"
    her.press("2")
    page.click("#text mark >> nth=2")
    page.click("#remove")
    page.click("#text mark >> nth=0")
    her.press("Backspace")
    assert page.inner_text("#done span") == "Save 1 mark"
    page.click("#done")
    her.read("한미")
    her.sent()
    assert desk.answers("Lee") == {"r0": "5-7:LC"}
    her.drag(1, 2)
    her.press("g", "n", "Escape", "g")  # it is not lost by what is opened beside it
    page.click("#done")
    her.read("영화")
    page.click("[data-act=undo]")
    her.read("한미")
    assert her.marks() == []


def test_by_touch(come, desk):
    her = come(**PHONE).named("김라벨")
    page = her.page
    her.read("김철수")
    her.tap(0, 3)
    page.tap("#labels button:nth-child(1)")
    her.tap(5, 7)
    page.tap("#labels button:nth-child(3)")
    her.tap(15, 16)  # one character is touched once
    page.tap("#labels button:nth-child(3)")
    her.tap(9, 10)  # a blank, where no mark begins
    her.tap(10, 13)
    page.tap("#labels button:nth-child(1)")
    where = page.evaluate(WHERE, [5, 6])
    page.touchscreen.tap(*where["first"])
    page.tap("#labels button:nth-child(2)")
    assert her.marks() == [("PS", "김철수"), ("LC", "서울"), ("PS", "이영희"), ("OG", "만")]
    where = page.evaluate(WHERE, [0, 1])
    page.touchscreen.tap(*where["first"])
    page.tap("#remove")
    assert not page.is_visible("#remove")
    for box in [each.bounding_box() for each in page.locator("footer button:visible").all()]:
        assert box["height"] >= 44
        assert 0 <= box["x"] <= 390 - box["width"]
        assert box["y"] + box["height"] <= page.viewport_size["height"]
    assert her.wide() <= 0
    page.tap("#done")
    her.read("한미")
    her.sent()
    assert desk.answers("김라벨") == {"r0": "5-7:LC 10-13:PS 15-16:OG"}


def test_the_suggestion_is_hidden_until_asked_for_and_taken_over(come, desk):
    her = come().named("김라벨")
    page = her.page
    her.read("김철수")
    her.press("End", *["Shift+ArrowLeft"] * 3, "3")
    assert page.locator("#text u").count() == 0
    her.press("h")
    page.wait_for_selector("#hint button")
    assert "PS 김철" in page.inner_text("#hint")
    assert page.locator("#text u").text_content() == "김철"
    her.press("Escape")
    assert page.locator("#text u").count() == 0
    her.press("h")
    page.wait_for_selector("#hint button")
    her.press("h")
    assert her.marks() == [("PS", "김철"), ("OG", "만났다")]
    assert not page.is_visible("#hint")
    her.press("Enter")
    her.read("한미")
    her.press("h")
    page.wait_for_function("() => document.getElementById('hint').textContent.includes('없습니다')")
    her.press("h")
    assert not page.is_visible("#hint")
    her.press("Shift+ArrowRight", "2", "Enter")
    her.read("영화")
    her.press("Shift+ArrowRight", "2", "h")  # one's own stays where both are
    page.click("#hint button")
    assert her.marks() == [("LC", "그")]
    her.sent()
    assert desk.answers("김라벨") == {"r0": "0-2:PS 15-18:OG", "r1": "0-1:LC"}


def test_keys_with_the_korean_input_method(come, desk):
    her = come().named("김라벨")
    press = """([code, key, facts]) => document.activeElement.dispatchEvent(new KeyboardEvent(
        "keydown", { code, key, bubbles: true, cancelable: true, ...facts }))"""
    her.read("김철수")
    her.page.evaluate(press, ["ArrowRight", "ArrowRight", {"shiftKey": True}])
    her.page.evaluate(press, ["Digit1", "1", {}])
    her.page.evaluate(press, ["Enter", "Enter", {"isComposing": True}])
    her.page.evaluate(press, ["Enter", "Enter", {"repeat": True}])
    assert her.marks() == [("PS", "김")]
    her.page.evaluate(press, ["KeyS", "ㄴ", {}])
    her.read("한미")
    her.page.evaluate(press, ["KeyU", "ㅕ", {}])
    her.read("김철수")
    assert her.marks() == [("PS", "김")]  # what was begun before it was skipped


def test_many_labels_and_another_annotator(come, desk):
    desk.labels = [f"라벨{i:02}" for i in range(40)] + ["인물"]
    her = come().named("김라벨")
    her.read("김철수")
    her.press(*["Shift+ArrowRight"] * 3, "f")
    her.page.keyboard.insert_text("ㅇㅁ")
    her.press("Enter")
    assert her.marks() == [("인물", "김철수")]
    her.page.click("#who")
    her.named("박둘째").read("김철수")
    assert her.marks() == []  # nobody sees what another has begun
    her.press("Enter")
    her.page.click("#who")
    her.named("김라벨").read("김철수")
    her.press("Enter")
    her.read("한미")
    her.sent()
    assert desk.answers("김라벨") == {"r0": "0-3:인물"}
    assert desk.answers("박둘째") == {"r0": "O"}


def test_from_line_to_line(come, desk):
    desk.rows = {"r0": "첫 줄\n둘째 줄\n\n끝"}
    her = come().named("김라벨")
    her.read("첫 줄")
    her.press("ArrowDown", "Shift+ArrowRight", "Shift+ArrowRight", "1")
    her.press("ArrowDown", "ArrowDown", "Shift+ArrowLeft", "2", "Shift+ArrowUp", "Escape", "Enter")
    her.page.wait_for_selector("#rest:visible")
    her.sent()
    assert desk.answers("김라벨") == {"r0": "4-6:PS 10-11:LC"}


def test_tab_leaves_the_text(come):
    """Nobody who goes by keyboard is held in it."""
    her = come().named("김라벨")
    her.read("김철수")
    her.press("Shift+ArrowRight", "1", "End", "Shift+ArrowLeft", "2", "Home")
    focus = "document.activeElement.id"
    her.press("Tab")
    assert her.page.inner_text("#told") == "LC 다"
    assert her.page.evaluate(focus) == "text"
    her.press("Tab")
    assert her.page.evaluate("document.activeElement.dataset.label") == "PS"
    her.press("Shift+Tab")
    assert her.page.evaluate(focus) == "text"
    her.press("Shift+Tab")
    assert her.page.inner_text("#told") == "PS 김"
    her.press("Shift+Tab")
    assert her.page.evaluate(focus) != "text"


HOSTILE = [
    "<img src=x onerror=\"document.title='taken'\">",
    "\u202eright to left\u202c \u2067ab\u2069 שלום",
    "a\0b\x1b[31m\n\n줄",
    "긴 글 " * 20_000 + "끝",
    "\ud83d half of a pair",
    "",
]


@pytest.mark.parametrize("where", [DESKTOP, PHONE], ids=["1280", "390"])
def test_hostile_texts_and_labels_are_text(come, desk, where):
    desk.rows = {f"r{i}": text for i, text in enumerate(HOSTILE)}
    desk.labels = ("<b>예</b>", '";}</style>아주긴라벨이름이버튼하나에들어가지않을만큼길어질때' * 2)
    her = come(**where).named("</button>")
    page = her.page
    for text in HOSTILE:
        page.wait_for_selector("#choice:not(.fresh)")
        shown = page.text_content("#text")
        assert len(shown) == len(text) or not text
        her.press("Shift+ArrowRight", "1", "End", "Shift+ArrowLeft", "2", "h")
        assert page.text_content("#text") == shown
        assert page.locator("#text :not(span, mark, u), #labels b, #done b").count() == 0
        assert page.locator("#text mark").count() == (2 if text else 0)
        assert her.wide() <= 0
        page.click("#done")
    page.wait_for_selector("#rest:visible")
    her.sent()
    assert "taken" not in page.title()
    first, last = desk.labels
    assert desk.answers("</button>") == {
        f"r{i}": f"0-1:{first} {len(text) - 1}-{len(text)}:{last}" if text else "O"
        for i, text in enumerate(HOSTILE)
    }
