"""Embedded sentences with named entities: generated, for runs with no download.

Every sentence is written by this module; nothing measured on it says anything about real text. A
name is made of a beginning and an end, most of which are rare, and a particle follows it within its
word; what is a name is told by its end and by the words beside it. A quarter of the sentences have
none.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from al_ray.corpus.embedded.writing import Dice, attach, check_size, generated, words
from al_ray.corpus.entities import Entity, written
from al_ray.corpus.rows import Corpus

WITHOUT = 0.25
"""Share of the sentences that have no name."""
SKEW = 2
"""The larger, the rarer are most beginnings and ends of names."""

_SURNAMES = tuple("김이박최정강조윤장임한오서신권황안송류홍")
_GIVEN = words(
    """
    민준, 서연, 도윤, 지우, 하은, 주원, 수아, 지호, 예은, 건우, 다은, 현우, 채원, 우진, 소율, 성민,
    유나, 태윤, 가온, 나래, 보람, 슬기, 한결, 아름, 으뜸, 다솜
    """
)
_PLACES = words(
    """
    한빛, 새로, 구름, 솔향, 물안, 다온, 늘푸, 별내, 가람, 해오름, 버들, 느티, 달맞이, 모래내, 까치,
    노을
    """
)
_PLACE_ENDS = words("시, 군, 읍, 동, 강, 산, 항, 섬, 고개, 마을")
_COMPANIES = words(
    """
    누리, 미래, 첫눈, 은하, 바른, 큰솔, 온새, 두레, 나루, 청람, 이음, 한올, 슬아, 가온길, 참빛, 여울
    """
)
_COMPANY_ENDS = words("전자, 은행, 건설, 대학교, 병원, 신문, 구단, 협회, 연구원, 재단")

# {kind} is a name; what follows a bar is chosen by the name's last syllable: 은/는.
_WITH = (
    "{PS|은/는} 어제 {LC}에서 열린 회의에 참석했다",
    "{OG|이/가} {DT} 새 제품을 내놓는다고 밝혔다",
    "{PS} 대표는 {OG|과/와} 계약을 맺었다",
    "{DT} {LC|을/를} 찾은 사람이 크게 늘었다",
    "{OG} 소속 {PS|이/가} 결승에 올랐다",
    "{LC} 주민들은 {OG|을/를} 상대로 소송을 냈다",
    "{PS} 씨와 {PS} 씨가 함께 책을 썼다",
    "{OG|은/는} {LC}에 공장을 짓는다",
    "{DT} 문을 여는 {LC} 도서관에 기대가 크다",
    "{PS|을/를} 만난 것은 {DT} 일이다",
    "{LC}에서 {LC}까지 새 길이 난다",
    "{OG|과/와} {OG|이/가} 손을 잡았다",
    "새 감독에 {PS|이/가} 뽑혔다",
    "{PS}의 노래가 다시 사랑받고 있다",
)
_PLAIN = (
    "오늘은 바람이 많이 불어 무척 춥다",
    "어제 본 영화는 생각보다 재미있었다",
    "점심에는 따뜻한 국수를 먹고 싶다",
    "회의가 길어져서 저녁 약속에 늦었다",
    "새로 산 신발이 발에 잘 맞지 않는다",
    "아이들이 마당에서 공을 차며 놀고 있다",
    "버스가 오지 않아 한참을 기다렸다",
    "비가 그치자 하늘이 맑게 개었다",
    "요즘은 책을 읽을 시간이 거의 없다",
    "가격이 올라서 사는 사람이 줄었다",
)
_BEFORE = ("", "", "", "한편 ", "이에 따라 ", "소식통에 따르면 ", "지난해와 달리 ", "그러나 ")
_AFTER = (
    "",
    "",
    "고 전했다",
    "는 소식이다",
    ", 반응은 엇갈렸다",
    ", 자세한 내용은 알려지지 않았다",
)
_SLOT = re.compile(r"{(?P<kind>[A-Z]+)(?:\|(?P<closed>[^/}]+)/(?P<opened>[^}]+))?}")


def generate(train: int = 2000, test: int = 1000, seed: int = 0) -> Corpus:
    """Generated Korean sentences with names of persons PS, places LC, organisations OG, dates DT.

    The same arguments give the same corpus on every machine; the train rows do not depend on
    `test`. No sentence occurs twice.

    Args:
        train: sentences of the pool, with ids `train:0`, `train:1`, and so on.
        test: of the only test, `test:0` and so on.
        seed: another seed is another corpus.

    Raises:
        CorpusError: fewer than two sentences are asked of a split.
    """
    seen: set[str] = set()
    found = {name: _rows(name, n, seed, seen) for name, n in (("train", train), ("test", test))}
    return generated("embedded-entities", "tagging", found)


def _rows(name: str, n: int, seed: int, seen: set[str]) -> list[tuple[str, str]]:
    check_size(name, n)
    dice = Dice(seed, f"embedded entities {name}")
    rows: list[tuple[str, str]] = []
    while len(rows) < n:
        text, entities = sentence(dice)
        if text not in seen:
            seen.add(text)
            rows.append((text, written(entities)))
    return rows


def sentence(dice: Dice) -> tuple[str, list[Entity]]:
    """One, and the names in it."""
    plain = dice.uniform() < WITHOUT
    pattern = dice.pick(_PLAIN if plain else _WITH)
    before, after = dice.pick(_BEFORE), dice.pick(_AFTER)
    second = dice.pick(_PLAIN) + " " if plain or dice.uniform() < 0.3 else ""
    text, entities, done = before + second, [], 0
    for slot in _SLOT.finditer(pattern):
        text += pattern[done : slot.start()]
        done = slot.end()
        name = _NAMES[slot["kind"]](dice)
        entities.append(Entity(len(text), len(text) + len(name), slot["kind"]))
        text += attach(name, slot["closed"], slot["opened"]) if slot["closed"] else name
    return text + pattern[done:] + after, entities


def _person(dice: Dice) -> str:
    return dice.pick_skewed(_SURNAMES, SKEW) + dice.pick_skewed(_GIVEN, SKEW)


def _place(dice: Dice) -> str:
    return dice.pick_skewed(_PLACES, SKEW) + dice.pick_skewed(_PLACE_ENDS, SKEW)


def _organisation(dice: Dice) -> str:
    blank = " " if dice.uniform() < 0.2 else ""
    return dice.pick_skewed(_COMPANIES, SKEW) + blank + dice.pick_skewed(_COMPANY_ENDS, SKEW)


def _date(dice: Dice) -> str:
    year = f"{dice.whole(1990, 2030)}년 " if dice.uniform() < 0.4 else ""
    return f"{year}{dice.whole(1, 13)}월 {dice.whole(1, 29)}일"


_NAMES: dict[str, Callable[[Dice], str]] = {
    "PS": _person,
    "LC": _place,
    "OG": _organisation,
    "DT": _date,
}
