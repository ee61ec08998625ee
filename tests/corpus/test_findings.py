"""What is said of a corpus, against corpora made by hand and the known truths of the real ones."""

from __future__ import annotations

import sys
import types
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from helpers import Inline

from al_ray.corpus.facts import WORST_FIRST, Lengths, Problem
from al_ray.corpus.findings import HUGE, findings
from al_ray.corpus.reading.read import read
from al_ray.corpus.rows import Corpus, Split
from al_ray.corpus.tokens import lengths, prepared

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared"


def split(name: str, *rows: tuple[str, int]) -> Split:
    ids = tuple(f"{name}-{n}" for n in range(len(rows)))
    return Split(
        name, ids, tuple(text for text, _ in rows), np.array([c for _, c in rows], np.int32)
    )


def many(name: str, *counts: int) -> Split:
    """So many rows of each label, every text its own."""
    return split(name, *((f"{name} {c} {i}", c) for c, n in enumerate(counts) for i in range(n)))


def corpus(train: Split, *tests: Split, **more: object) -> Corpus:
    return Corpus("made", ("a", "b", "c"), train, tests, **more)  # type: ignore[arg-type]


def only(made: Corpus, kind: str, **options: object) -> Problem:
    """The one problem of this kind."""
    (problem,) = (p for p in findings(made, **options).problems if p.kind == kind)  # type: ignore[arg-type]
    return problem


def test_a_clean_corpus() -> None:
    found = findings(corpus(many("train", 20, 20, 20), many("test", 10, 10, 10)))
    assert found.problems == ()
    assert found.notes() == ()
    assert [(s.name, s.rows, s.empty, s.duplicates, s.labels, s.shift) for s in found.splits] == [
        ("train", 60, 0, 0, (20, 20, 20), 0.0),
        ("test", 30, 0, 0, (10, 10, 10), 0.0),
    ]


def test_duplicates_are_rows_whose_text_an_earlier_row_has() -> None:
    made = corpus(
        split("train", ("가", 0), ("나", 1), ("가", 0), ("다", 2), ("가", 0), ("나", 1)),
        left_out={"train": ("e1", "e2", "e3")},
    )
    facts = findings(made).splits[0]
    # rows 2, 4 and 5, and the second and third of the empty
    assert (facts.rows, facts.empty, facts.repeated, facts.duplicates) == (9, 3, 3, 5)
    problem = only(made, "duplicates")
    assert problem.count == 5
    assert "5 of 9 rows repeat the text of an earlier row, 2 of them empty" in problem.message
    assert [example.rows for example in problem.examples] == [
        ("train-0", "train-2"),
        ("train-1", "train-5"),
    ]
    assert [example.text for example in problem.examples] == ["가", "나"]
    assert only(made, "empty").count == 3


def test_texts_are_compared_composed_and_with_white_space_folded() -> None:
    apart = unicodedata.normalize("NFD", "한글 글")
    assert apart != "한글 글"
    made = corpus(
        split("train", ("한글 글", 0), (apart, 1), ("  한글\u3000\n글 ", 2), ("한글글", 0))
    )
    assert findings(made).splits[0].repeated == 2


def test_one_text_with_two_labels() -> None:
    rows = [("가", 0), ("나", 1), ("가", 0), ("가", 2), ("나", 1), ("다", 0), ("다", 1)]
    made = corpus(split("train", *rows))
    problem = only(made, "conflicting")
    assert problem.count == 5  # three rows of 가, two of 다
    assert problem.message == "train: 2 texts have two labels or more (5 rows)"
    assert [example.rows for example in problem.examples] == [
        ("train-0", "train-3"),
        ("train-5", "train-6"),
    ]


def test_leaked_rows_of_each_test() -> None:
    train = split("train", ("가", 0), ("나", 1), ("가", 1), ("다", 2), ("라", 0))
    made = corpus(train, split("test", ("x", 0), ("가", 0)), split("dev", ("라", 0), ("라", 1)))
    leaked = {p.split: p for p in findings(made).problems if p.kind == "leaked"}
    assert leaked["test"].count == 2
    assert leaked["test"].message == (
        "2 of 5 train rows have the text of a row of test (1 with another label)"
    )
    assert [e.rows for e in leaked["test"].examples] == [
        ("train-0", "test-1"),
        ("train-2", "test-1"),
    ]
    assert leaked["dev"].count == 1
    assert "--drop-leaked" in leaked["dev"].remedy


def test_labels_missing_and_rare() -> None:
    made = corpus(many("train", 20, 9, 0), many("test", 20, 0, 1))
    missing = {p.split: p for p in findings(made).problems if p.kind == "missing label"}
    assert missing["train"].message == "train has no row of the label c"
    assert missing["test"].message == "test has no row of the label b"
    rare = only(made, "rare label")
    assert (rare.split, rare.count) == ("train", 1)
    assert rare.message == "train has fewer than 10 rows of the label b (9)"


def test_a_label_mix_that_differs() -> None:
    made = corpus(many("train", 50, 30, 20), many("test", 38, 31, 31), many("dev", 40, 40, 20))
    shifts = [facts.shift for facts in findings(made).splits]
    assert shifts == pytest.approx([0, 0.12, 0.10])
    problem = only(made, "shifted")
    assert problem.split == "test"
    assert "total variation 0.12); most a, 50.0 % against 38.0 %" in problem.message


def test_no_test() -> None:
    assert only(corpus(many("train", 20, 20, 20)), "no test").remedy.startswith("a study holds out")


def test_huge_texts_and_lengths_in_characters() -> None:
    texts = ["x" * n for n in range(1, 100)] + ["y" * (HUGE + 1)]
    made = corpus(split("train", *((text, i % 3) for i, text in enumerate(texts))))
    # of 1 … 99 and one more, half have up to 50 or 51, and 95 of 100 have up to 95 or 96
    assert findings(made).splits[0].characters == Lengths(51, 96, HUGE + 1)
    problem = only(made, "huge")
    assert problem.count == 1
    assert problem.examples[0].rows == ("train-99",)
    assert problem.examples[0].text == "y" * 30 + "…"


def test_texts_longer_than_the_maximum_length() -> None:
    made = corpus(many("train", 20, 20, 20))
    tokens = {"train": np.array([5, 6, 7, 8], np.int64)}
    assert not [p for p in findings(made, tokens, 8).problems if p.kind == "cut"]
    problem = only(made, "cut", tokens=tokens, max_length=7)
    assert problem.message == "train: 25.0 % of 4 texts looked at are longer than 7 tokens, and cut"
    facts = findings(made, tokens, 7).splits[0].tokens
    assert facts is not None
    assert (facts.sampled, facts.share, facts.lengths.longest) == (4, 0.25, 8)


def test_worst_first_three_examples_and_harmless_excerpts() -> None:
    rows = [(f"\x1b[31m{i}\u202e", i % 3) for i in range(9)] * 2
    made = corpus(split("train", *rows), split("test", *rows), left_out={"train": ("e",) * 9})
    found = findings(made)
    order = [WORST_FIRST.index(problem.kind) for problem in found.problems]
    assert order == sorted(order)
    assert found.problems[0].kind == "leaked"
    assert all(len(problem.examples) <= 3 for problem in found.problems)
    texts = [example.text for problem in found.problems for example in problem.examples]
    assert "·[31m0·" in texts
    assert all(text.isprintable() for text in texts)


def test_notes_of_a_study_name_the_remedy() -> None:
    made = corpus(split("train", ("가", 0), ("가", 1), ("나", 2)), split("test", ("가", 0)))
    notes = findings(made).notes()
    assert [note.partition(";")[0].partition(" of ")[0] for note in notes] == [
        "2",
        "train: 1 texts have two labels or more (2 rows)",
        "train: 1",
    ]
    assert "--drop-leaked" in notes[0]
    assert not any("\n" in note for note in notes)


# --- tokens -------------------------------------------------------------------------------------


class _ByCharacter:
    """A tokeniser with a token a character and two of its own, that cuts as it is told."""

    def encode(self, texts: list[str], max_length: int) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
        sizes = np.array([min(len(text) + 2, max_length) for text in texts], np.int32)
        return sizes, np.zeros(sizes.sum(), np.int32)


def test_tokens_of_a_sample_before_any_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    stub = types.ModuleType("al_ray.corpus.tokens.tokenisers")
    stub.open_tokeniser = lambda folder: _ByCharacter()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "al_ray.corpus.tokens.tokenisers", stub)
    monkeypatch.setattr(prepared, "ProcessPoolExecutor", Inline)
    monkeypatch.setattr(lengths, "SAMPLE", 10)
    monkeypatch.setattr(lengths, "_BATCH", 2)
    made = corpus(many("train", 20, 20, 20), split("test", ("가나다", 0), ("가" * 5000, 1)))
    counted = lengths.token_lengths(made, Path("folder"))
    assert sorted(counted["test"]) == [5, 5002]
    assert len(counted["train"]) == 5
    assert (counted["train"] >= len("train 0 0") + 2).all()
    again = lengths.token_lengths(made, Path("folder"))
    assert all((again[name] == counted[name]).all() for name in counted)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared is not beside the project")
def test_tokens_of_a_real_tokenizer_in_a_process_of_its_own() -> None:
    pytest.importorskip("al_ray.corpus.tokens.tokenisers")
    made = corpus(split("train", ("정말 재미있는 영화", 0), ("가 " * 500, 1)))
    counted = lengths.token_lengths(made, SHARED / "models" / "kobert-tokenizer")["train"]
    assert counted.max() > 500
    assert 4 < counted.min() < 12


# --- real data ----------------------------------------------------------------------------------


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared is not beside the project")
class TestReal:
    def test_nsmc(self) -> None:
        found = findings(read(SHARED / "data" / "nsmc"))
        train, test = found.splits
        assert (train.rows, train.empty, train.duplicates) == (150_000, 5, 3_817)
        assert (test.rows, test.empty, test.duplicates) == (50_000, 3, 842)
        assert [p.kind for p in found.problems][:3] == ["leaked", "conflicting", "conflicting"]

    def test_ynat(self) -> None:
        found = findings(read(SHARED / "data" / "ynat"))
        train, dev = found.splits
        society = found.labels.index("사회")
        assert round(100 * train.labels[society] / sum(train.labels), 1) == 10.0
        assert round(100 * dev.labels[society] / sum(dev.labels), 1) == 40.6
        assert [p.kind for p in found.problems] == ["shifted"]
        assert "most 사회, 10.0 % against 40.6 %" in found.problems[0].message
