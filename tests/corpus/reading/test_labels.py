"""Labels as people write them: what is one label, what may be two, and what is no class at all."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path

import pytest

from al_ray.corpus.reading.labels import Variants, cleaned, variants
from al_ray.corpus.reading.read import read
from al_ray.errors import CorpusError


def file(folder: Path, labels: Iterable[object], name: str = "t.csv") -> Path:
    path = folder / name
    lines = [f"글 {i},{label}" for i, label in enumerate(labels)]
    path.write_text("text,label\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(CorpusError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: column 'label' ")
    assert "\n" not in message
    return message


def test_labels_that_look_the_same_are_the_same(tmp_path: Path) -> None:
    """As macOS and Windows write them, with blanks around them, and with those of the web."""
    apart = unicodedata.normalize("NFD", "긍정")
    assert apart != "긍정"
    corpus = read(file(tmp_path, ["긍정", apart, "긍정 ", "\u3000부정", "부정\u200b", "부정"]))
    assert corpus.labels == ("긍정", "부정")
    assert corpus.train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    (said,) = [note for note in corpus.notes if "NFC" in note]
    assert "train: 4 labels" in said
    assert corpus.digest == read(file(tmp_path, ["긍정"] * 3 + ["부정"] * 3)).digest


@pytest.mark.parametrize(
    ("labels", "most"),
    [
        (["pos", "Pos", "pos", "neg"], "pos"),
        (["ＩＴ", "IT", "ＩＴ", "경제"], "ＩＴ"),
        (["IT 과학", "IT과학", "IT과학", "경제"], "IT과학"),
        (["straße", "STRASSE", "straße", "x"], "straße"),
    ],
)
def test_variants_are_refused_and_each_remedy_works(
    tmp_path: Path, labels: list[str], most: str
) -> None:
    path = file(tmp_path, labels)
    message = refusal(path)
    assert f"{most!r} (2)" in message
    ways: tuple[Variants, ...] = ("join", "keep")
    assert all(f"--label-variants {way}" in message for way in ways)
    joined, kept = (read(path, label_variants=way) for way in ways)
    assert joined.labels == tuple(sorted({most, labels[-1]}))
    assert [joined.labels[code] for code in joined.train.labels] == [most] * 3 + labels[-1:]
    assert kept.labels == tuple(sorted(set(labels)))


def test_variants_of_train_and_test_are_one(tmp_path: Path) -> None:
    file(tmp_path, ["Pos", "Pos", "neg"], "train.csv")
    file(tmp_path, ["pos", "neg"], "test.csv")
    with pytest.raises(CorpusError, match=r"'Pos' \(2\) = 'pos' \(1\)"):
        read(tmp_path)
    corpus = read(tmp_path, label_variants="join")
    assert corpus.labels == ("Pos", "neg")
    assert corpus.tests[0].labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    "unseen", list("\u200b\u2060\ufeff\u200c\u200d\u00ad\ufe0f\u200e\u3164\uffa0\u180e")
)
def test_what_nobody_sees_makes_no_label(unseen: str) -> None:
    inside = f"정{unseen}치"
    assert variants({"정치": 2, inside: 1}) == [["정치", inside]]
    assert cleaned(f"{unseen}정치{unseen}") == "정치"
    assert cleaned(inside) == inside  # which is refused, and not changed without a word


def test_labels_that_differ_are_no_variants() -> None:
    assert variants(dict.fromkeys(["긍정", "부정", "1", "2", "10", "a", "b"], 1)) == []


SCORES = [i * 1.5 for i in range(350)]


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (SCORES, "350 different numbers"),
        ([10 * i for i in range(40)] * 9, "40 different numbers"),
        ([f"{i}%" for i in range(1, 60)], "59 different numbers"),
        (["2024-01-05", "2024-01-06"] * 4, "dates"),
        (["2024-01-05 10:00:00", "2024.1.6"] * 4, "dates"),
        (["2024년 1월 5일", "2024년 1월 6일"], "dates"),
        ([f"이유는 {i}번입니다" for i in range(30)], "30 different values in 30 rows"),
        ([f"{'이유는 여러 가지입니다' * 6} {i % 25}" for i in range(90)], "25 different values"),
    ],
)
def test_what_is_no_class_is_refused(tmp_path: Path, labels: list[object], why: str) -> None:
    message = refusal(file(tmp_path, labels))
    assert why in message
    assert "--label-column" in message


def test_words_in_the_place_of_numbers_are_classes(tmp_path: Path) -> None:
    """The remedies that are told for numbers; and what never was a number."""
    assert read(file(tmp_path, ["low" if s < 200 else "high" for s in SCORES])).labels == (
        "high",
        "low",
    )
    codes = [10 * i for i in range(40)] * 9
    assert len(read(file(tmp_path, [f"c{code}" for code in codes])).labels) == 40


@pytest.mark.parametrize(
    "labels",
    [
        [*range(150)] * 4,  # codes of intents
        [*range(1, 41)] * 2,
        [0.5, 1.0, 1.5, 4.5, 5.0] * 3,  # stars
        [2021, 2022, 2023] * 2,
        ["12가 34나", "b"],
    ],
)
def test_codes_and_stars_are_classes(tmp_path: Path, labels: list[object]) -> None:
    assert len(read(file(tmp_path, labels)).labels) == len(set(labels))


def test_no_label_at_all(tmp_path: Path) -> None:
    path = file(tmp_path, ["", " "])
    with pytest.raises(CorpusError, match="no row of train has a label"):
        read(path, keep_unlabelled=True)
