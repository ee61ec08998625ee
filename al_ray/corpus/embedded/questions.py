"""Embedded questions on short contexts: generated, for runs with no download.

Every sentence is of `entities`, and a context is two to four of them; a question asks for the name
of one kind that occurs once, by the words beside it. Nothing measured on it says anything about
real text.
"""

from __future__ import annotations

from al_ray.corpus.embedded.entities import sentence
from al_ray.corpus.embedded.writing import Dice, check_size, generated
from al_ray.corpus.rows import Corpus
from al_ray.corpus.spans import written

_ASKED = {
    "PS": ("누구에 대한 글인가?", "나오는 사람은 누구인가?", "누구의 이름이 나오는가?"),
    "LC": ("어디에 대한 글인가?", "나오는 장소는 어디인가?", "어느 곳이 나오는가?"),
    "OG": ("어느 기관에 대한 글인가?", "나오는 회사는 어디인가?", "무슨 단체가 나오는가?"),
    "DT": ("언제의 일인가?", "며칠의 일인가?", "글에 나오는 날은 언제인가?"),
}


def generate(train: int = 2000, test: int = 1000, seed: int = 0) -> Corpus:
    """Generated Korean questions, each with a context and the span of it that answers.

    The same arguments give the same corpus on every machine; the train rows do not depend on
    `test`.

    Args:
        train: questions of the pool, with ids `train:0`, `train:1`, and so on.
        test: of the only test, `test:0` and so on.
        seed: another seed is another corpus.

    Raises:
        CorpusError: fewer than two questions are asked of a split.
    """
    found = {name: _rows(name, n, seed) for name, n in (("train", train), ("test", test))}
    return generated("embedded-questions", "reading", found)


def _rows(name: str, n: int, seed: int) -> list[tuple[str, str]]:
    check_size(name, n)
    dice = Dice(seed, f"embedded questions {name}")
    rows: list[tuple[str, str]] = []
    while len(rows) < n:
        context, spans = "", []
        for _ in range(dice.whole(2, 5)):
            text, entities = sentence(dice)
            begin = len(context) + bool(context)
            context += " " * bool(context) + text
            spans += [(each.kind, begin + each.start, begin + each.end) for each in entities]
        kinds = [kind for kind, _, _ in spans]
        once = [each for each in spans if kinds.count(each[0]) == 1]
        if once:
            kind, start, end = dice.pick(once)
            rows.append((f"{dice.pick(_ASKED[kind])}\n{context}", written([(start, end)])))
    return rows
