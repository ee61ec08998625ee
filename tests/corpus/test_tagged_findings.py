"""What is counted of named entities, by hand and on KLUE's."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from helpers import SHARED

from al_ray.corpus.facts import Lengths
from al_ray.corpus.findings import findings
from al_ray.corpus.reading.tagged import read_tagged
from al_ray.corpus.rows import Corpus, Split
from al_ray.corpus.tagged_findings import tagged_facts


def corpus(*splits: list[tuple[str, str]]) -> Corpus:
    """Of texts and answers; the first are train's."""
    labels = sorted({answer for rows in splits for _, answer in rows})
    made = [
        Split(
            name,
            tuple(f"{name}:{i}" for i in range(len(rows))),
            tuple(text for text, _ in rows),
            np.array([labels.index(answer) for _, answer in rows], np.int32),
        )
        for name, rows in zip(("train", "test"), splits, strict=False)
    ]
    return Corpus("made", tuple(labels), made[0], tuple(made[1:]), task="tagging", few=False)


def test_counts_by_hand() -> None:
    train = [
        ("김 구는 서울에", "0-3:PS 5-7:LC"),  # both are followed by a particle
        ("부산 가자", "0-2:LC"),
        ("나는 박", "3-4:PS"),  # of one character, at the end
        ("없다", "O"),
    ]
    facts, test = tagged_facts(corpus(train, [("없다", "O"), ("가", "0-1:QT")]))
    assert (facts.name, facts.sentences, facts.without) == ("train", 4, 1)
    assert (facts.kinds, facts.single, facts.spaced, facts.cut) == ({"PS": 2, "LC": 2}, 1, 1, 0.5)
    assert facts.characters == Lengths(5, 8, 8)  # 2, 4, 5, 8
    assert facts.lengths == Lengths(2, 3, 3)  # 1, 2, 2, 3
    assert (facts.duplicates, facts.conflicting, facts.leaked) == (0, 0, 0)
    assert (test.name, test.sentences, test.without, test.kinds) == ("test", 2, 1, {"QT": 1})
    assert (test.leaked, test.cut) == (1, 0.0)


def test_sentences_that_are_there_twice() -> None:
    rows = [
        ("김구  집", "0-2:PS"),
        ("김구 집", "0-2:PS"),  # the same but for white space
        ("\u1100\u1175\u11b7구 집", "0-4:PS"),  # and not composed
        ("강 위", "0-1:LC"),
        ("강 위", "O"),
        ("강  위", "0-1:LC"),
        ("강가", "0-1:LC"),
    ]
    (facts,) = tagged_facts(corpus(rows))
    assert (facts.duplicates, facts.conflicting) == (4, 3)


def test_white_space_before_an_entity_makes_no_conflict() -> None:
    (facts,) = tagged_facts(corpus([("a  b c", "3-6:X"), ("a b  c", "2-6:X")]))
    assert (facts.duplicates, facts.conflicting) == (1, 0)


def test_other_code_points_make_no_conflict() -> None:
    """Places are counted in the text as it is written."""
    rows = [("강가에", "0-2:LC"), (unicodedata.normalize("NFD", "강가에"), "0-5:LC")]
    found = findings(corpus(rows, [rows[1]]))
    assert not [each for each in found.problems if each.kind == "conflicting"]
    (leaked,) = (each for each in found.problems if each.kind == "leaked")
    assert "(0 with another label)" in leaked.message
    again = findings(corpus([rows[0], (rows[0][0], "O")]))
    assert [each for each in again.problems if each.kind == "conflicting"]


def test_a_split_without_entities() -> None:
    facts = tagged_facts(corpus([("가", "0-1:A")], [("나", "O")]))[1]
    assert (facts.without, facts.kinds, facts.cut, facts.lengths) == (1, {}, 0.0, Lengths(0, 0, 0))


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared is not beside the project")
def test_klue() -> None:
    """Against counts of the file's lines by another program."""
    (facts,) = tagged_facts(read_tagged(SHARED / "data" / "klue_ner"))
    assert (facts.sentences, facts.without, sum(facts.kinds.values())) == (5_000, 0, 14_257)
    assert list(facts.kinds) == ["PS", "QT", "DT", "OG", "LC", "TI"]
    assert (facts.single, facts.spaced, facts.characters.longest) == (799, 2_409, 145)
    assert round(100 * facts.cut, 2) == 61.46
