"""Held-out rows and subsamples, against hand-worked mixes and plain set properties."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest

from al_ray.corpus.reading.read import read
from al_ray.corpus.rows import Corpus, Split
from al_ray.corpus.splits import (
    choose_tests,
    drop_leaked,
    label_mix,
    limit,
    shares_of,
    text_keys,
    thin,
    total_variation,
)
from al_ray.errors import CorpusError
from al_ray.randomness import keys, row_hashes

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"


def split(name: str, counts: list[int]) -> Split:
    """So many rows of each label, the labels taking turns."""
    rounds = range(max(counts))
    labels = np.array([c for i in rounds for c, n in enumerate(counts) if i < n], np.int32)
    ids = tuple(f"{name}-{i}" for i in range(len(labels)))
    return Split(name, ids, tuple(f"text of {i}" for i in ids), labels)


def corpus(train: list[int], *tests: list[int]) -> Corpus:
    names = ("test", "dev")
    given = tuple(split(name, counts) for name, counts in zip(names, tests, strict=False))
    return Corpus("made", tuple("abc"[: len(train)]), split("train", train), given, ("As read.",))


def test_label_mix_and_total_variation_by_hand() -> None:
    mix = label_mix(split("s", [1, 3, 0]), 3)
    assert mix.tolist() == [0.25, 0.75, 0.0]
    assert mix.dtype == np.float64
    # |0.25 - 0.5| + |0.75 - 0.25| + |0 - 0.25| = 1, half of it 0.5
    assert total_variation(mix, np.array([0.5, 0.25, 0.25])) == pytest.approx(0.5)
    assert total_variation(mix, mix) == 0.0
    assert total_variation(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1.0


def test_a_test_of_the_same_mix_is_kept_as_it_is() -> None:
    made = corpus([50, 50], [6, 4])  # total variation 0.1 exactly, not more
    assert choose_tests(made, None) is made
    assert choose_tests(made, "given") is made


def test_a_test_of_another_mix_gives_way_to_held_out_rows() -> None:
    made = corpus([50, 50], [7, 3], [5, 5])  # total variation 0.2
    chosen = choose_tests(made, None)
    assert [(test.name, len(test)) for test in chosen.tests] == [
        ("holdout", 20),
        ("test", 10),
        ("dev", 10),
    ]
    assert len(chosen.train) == 80
    assert chosen.notes[0] == "As read."
    assert "total variation 0.20" in chosen.notes[1]
    assert "20 of 100 train rows" in chosen.notes[1]
    asked = choose_tests(made, "given")
    assert asked.tests == made.tests
    assert "total variation 0.20" in asked.notes[-1]


def test_only_the_main_test_decides() -> None:
    made = corpus([50, 50], [5, 5], [9, 1])
    assert choose_tests(made, None) is made


def test_without_a_test_rows_are_held_out() -> None:
    made = corpus([30, 20])
    chosen = choose_tests(made, None)
    assert [(test.name, len(test)) for test in chosen.tests] == [("holdout", 10)]
    assert "No test is given" in chosen.notes[-1]
    with pytest.raises(CorpusError, match="made: --test-split given") as caught:
        choose_tests(made, "given")
    assert "\n" not in str(caught.value)
    with pytest.raises(CorpusError, match="--test-split both"):
        choose_tests(made, "both")


def test_held_out_rows_are_those_with_the_smallest_keys_in_file_order() -> None:
    made = corpus([13, 12], [5, 5])
    chosen = choose_tests(made, "holdout")
    order = keys(row_hashes(made.train.row_ids), 0, 0, "holdout")
    by_key = sorted(range(25), key=lambda i: int(order[i]))
    expected = [made.train.row_ids[i] for i in sorted(by_key[:5])]
    assert list(chosen.tests[0].row_ids) == expected
    rest = [row_id for row_id in made.train.row_ids if row_id not in expected]
    assert list(chosen.train.row_ids) == rest
    for part in (chosen.train, chosen.tests[0]):
        for row_id, text, label in zip(part.row_ids, part.texts, part.labels, strict=True):
            at = made.train.row_ids.index(row_id)
            assert (text, label) == (made.train.texts[at], made.train.labels[at])


def test_the_draw_does_not_depend_on_the_order_of_the_file() -> None:
    made = corpus([30, 20])
    turned = Corpus("made", made.labels, made.train.take(list(range(49, -1, -1))), ())
    first = choose_tests(made, None).tests[0].row_ids
    assert choose_tests(turned, None).tests[0].row_ids == first[::-1]
    assert limit(turned, 7, None).train.row_ids == limit(made, 7, None).train.row_ids[::-1]


def test_limits_nest_and_keep_file_order() -> None:
    made = corpus([60, 60], [20, 20], [10, 10])
    previous: set[str] = set()
    for n in (4, 10, 50, 119):
        train = limit(made, n, None).train
        assert len(train) == n
        places = [made.train.row_ids.index(row_id) for row_id in train.row_ids]
        assert places == sorted(places)
        assert previous < set(train.row_ids)
        previous = set(train.row_ids)


def test_each_test_is_limited_apart_and_notes_say_so() -> None:
    made = corpus([60, 60], [20, 20], [5, 5])
    limited = limit(made, None, 12)
    assert limited.train is made.train
    assert [len(test) for test in limited.tests] == [12, 10]
    assert limited.notes == ("As read.", "test: 12 of 40 rows are used (--test-limit).")
    assert limit(made, 10_000, 10_000).notes == made.notes
    assert limit(made, None, None).digest == made.digest
    assert limited.digest != made.digest


def test_draws_of_different_purposes_are_different_rows() -> None:
    made = corpus([100, 100])
    held = set(choose_tests(made, "holdout").tests[0].row_ids)
    pool = set(limit(made, 40, None).train.row_ids)
    as_test = Corpus("made", made.labels, made.train, (made.train.take(range(200), "test"),))
    tested = set(limit(as_test, None, 40).tests[0].row_ids)
    assert len({frozenset(held), frozenset(pool), frozenset(tested)}) == 3


def test_a_limit_too_small_to_study() -> None:
    made = corpus([60, 60], [20, 20])
    with pytest.raises(CorpusError, match=r"made: --pool-limit 1 leaves 1 train rows with 1 label"):
        limit(made, 1, None)
    for pool, test in ((0, None), (None, 0), (-1, None)):
        with pytest.raises(CorpusError, match="give at least 1"):
            limit(made, pool, test)


def test_a_label_that_leaves_train_is_said() -> None:
    made = corpus([40, 40, 1])
    seen = set()
    for n in range(4, 81):
        limited = limit(made, n, None)
        lost = 2 not in limited.train.labels
        note = f"Train keeps no row of the label c (--pool-limit {n})."
        assert (note in limited.notes) == lost
        seen.add(lost)
    assert seen == {True, False}


def test_a_holdout_that_leaves_one_label() -> None:
    made = corpus([1, 1])
    with pytest.raises(CorpusError, match="--test-split holdout leaves 1 train rows"):
        choose_tests(made, None)


# --- leakage ------------------------------------------------------------------------------------


def written(name: str, *rows: tuple[str, int]) -> Split:
    ids = tuple(f"{name}-{i}" for i in range(len(rows)))
    labels = np.array([label for _, label in rows], np.int32)
    return Split(name, ids, tuple(text for text, _ in rows), labels)


def test_leaked_rows_are_dropped_against_every_test() -> None:
    apart = unicodedata.normalize("NFD", "한 글")
    texts = ("한 글", " 한\u3000글\n", apart, "나", "다", "라", "한글")
    train = written("train", *((text, i % 2) for i, text in enumerate(texts)))
    tests = (written("test", ("한 글", 1), ("x", 0)), written("dev", ("다", 0)))
    made = Corpus("made", ("a", "b"), train, tests)
    dropped = drop_leaked(made)
    assert dropped.train.row_ids == ("train-3", "train-5", "train-6")
    assert dropped.train.texts == ("나", "라", "한글")
    assert dropped.tests == made.tests
    assert dropped.notes == (
        "4 of 7 train rows have the text of a test row and are left out (--drop-leaked).",
    )
    again = drop_leaked(dropped)
    assert again.digest == dropped.digest
    assert again.notes[-1].startswith("0 of 3 train rows")
    assert len(set(text_keys(train).tolist())) == 5


def test_dropping_leaves_nothing_to_study() -> None:
    train = written("train", ("가", 0), ("나", 1))
    made = Corpus("made", ("a", "b"), train, (written("test", ("가", 0), ("나", 1)),))
    with pytest.raises(CorpusError, match="made: --drop-leaked leaves 0 train rows with 0 label"):
        drop_leaked(made)


def test_rows_repeated_within_train_are_dropped_against_the_hold_out() -> None:
    rows = [(f"text {i % 60}", i % 2) for i in range(120)]
    held = choose_tests(Corpus("made", ("a", "b"), written("train", *rows), ()), None)
    dropped = drop_leaked(held)
    assert not set(dropped.train.texts) & set(dropped.tests[0].texts)
    assert len(dropped.train) < len(held.train)
    assert len(dropped.tests[0]) == 24


# --- skew ---------------------------------------------------------------------------------------


def test_a_label_is_thinned_and_the_rest_stays() -> None:
    made = corpus([100, 100, 30], [20, 20, 10])
    thinned = thin(made, {"a": 0.1, "c": 0.5})
    assert np.bincount(thinned.train.labels).tolist() == [10, 100, 15]
    assert thinned.tests == made.tests
    places = [made.train.row_ids.index(row_id) for row_id in thinned.train.row_ids]
    assert places == sorted(places)
    assert thinned.notes[-1] == (
        "Train keeps 10 of 100 rows of a, 15 of 30 rows of c (--imbalance); 125 of 230 rows remain."
    )
    assert thin(made, {}) is made
    assert thin(made, {"a": 1.0}).digest == made.digest


def test_a_smaller_share_keeps_a_subset_whatever_the_other_labels() -> None:
    made = corpus([100, 100, 30], [20, 20, 10])
    previous: set[str] = set()
    for share in (0.001, 0.05, 0.3, 0.8, 1.0):
        train = thin(made, {"a": share}).train
        kept = {i for i, label in zip(train.row_ids, train.labels, strict=True) if label == 0}
        assert len(kept) == max(1, round(100 * share))
        assert previous < kept
        previous = kept
        with_other = thin(made, {"b": 0.2, "a": share}).train
        assert kept <= set(with_other.row_ids)


@pytest.mark.parametrize("share", [0.0, -0.1, 1.5, float("nan")])
def test_shares_out_of_range(share: float) -> None:
    with pytest.raises(CorpusError, match="not a share; give a number above 0, up to 1"):
        thin(corpus([10, 10], [5, 5]), {"a": share})


def test_an_unknown_label_lists_those_there_are() -> None:
    with pytest.raises(CorpusError, match=r"--imbalance z=0\.5: no label 'z'; .* a, b"):
        thin(corpus([10, 10], [5, 5]), {"z": 0.5})


def test_shares_as_they_are_written() -> None:
    assert shares_of(["스포츠=0.1", "a=b=1", "0=.5"]) == {"스포츠": 0.1, "a=b": 1.0, "0": 0.5}
    assert shares_of([]) == {}
    for words in (["a"], ["a="], ["=0.1"], ["a=b"], ["a=0.1", "a=0.2"]):
        with pytest.raises(CorpusError, match="not LABEL=SHARE"):
            shares_of(words)


# --- real data ----------------------------------------------------------------------------------


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not beside the project")
def test_no_limit_is_not_to_blame_for_what_train_is() -> None:
    one = Split("train", ("a", "b"), ("가", "나"), np.zeros(2, np.int32))
    corpus = Corpus("made", ("O",), one, (), task="tagging", few=False)
    assert limit(corpus, None, 5).train is one
    with pytest.raises(CorpusError, match="--pool-limit 1"):
        limit(corpus, 1, 5)


def test_leakage_of_nsmc() -> None:
    given = read(SHARED / "nsmc")
    tested = set(given.tests[0].texts)  # nothing is folded here: NSMC is as clean as that
    rows = zip(given.train.row_ids, given.train.texts, strict=True)
    expected = [row_id for row_id, text in rows if text not in tested]
    dropped = drop_leaked(given)
    assert list(dropped.train.row_ids) == expected
    assert len(given.train) - len(expected) == 3_507
    thinned = thin(dropped, {"1": 0.1})
    assert (thinned.train.labels == 1).sum() == round(0.1 * (dropped.train.labels == 1).sum())


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not beside the project")
def test_ynat_is_held_out_because_its_dev_is_skewed() -> None:
    given = read(SHARED / "ynat")
    society = given.labels.index("사회")
    assert label_mix(given.train, 7)[society] == pytest.approx(0.100, abs=5e-4)
    assert label_mix(given.tests[0], 7)[society] == pytest.approx(0.406, abs=5e-4)
    chosen = choose_tests(given, None)
    assert [(test.name, len(test)) for test in chosen.tests] == [("holdout", 7_309), ("dev", 9_107)]
    assert len(chosen.train) == 36_547 - 7_309
    assert "dev is evaluated too" in chosen.notes[-1]
    mixes = [label_mix(part, 7) for part in (chosen.train, chosen.tests[0])]
    assert total_variation(*mixes) < 0.03


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not beside the project")
def test_nsmc_keeps_its_test() -> None:
    given = read(SHARED / "nsmc")
    assert choose_tests(given, None) is given
