"""Held-out rows and subsamples, against hand-worked mixes and plain set properties."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from al_ray.corpus.read import read
from al_ray.corpus.rows import Corpus, Split
from al_ray.corpus.splits import choose_tests, label_mix, limit, total_variation
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
