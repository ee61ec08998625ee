"""Rows that are sequences of units: against brute force, numbers worked by hand, and cuts."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al_ray.errors import UserError
from al_ray.strategies import STRATEGIES, Outputs, best_path, build, check_needs, log_softmax
from al_ray.tasks import TASKS
from al_ray.tasks.tagging import Tagging

TASK = Tagging(("O", "B-LC", "I-LC", "B-PS", "I-PS"))
GIVEN = Tagging.gives
TAGGING = [name for name in STRATEGIES if build(name).ranks and build(name).needs <= GIVEN]
TAGGING += ["least-confidence:path=legal", "qbc:disagreement=mean-kl", "class-weighted:smoothing=1"]


def outputs_of(lengths, seed=0, members=3, labelled=True):
    """Of rows with so many characters each."""
    random, units = np.random.default_rng(seed), np.array(lengths, np.int64)
    n, width = int(units.sum()), len(TASK.classes)

    def logs(*shape):
        return log_softmax(random.normal(scale=2, size=shape).astype(np.float32))

    return Outputs(
        logs(members, n, width),
        vectors=random.normal(size=(len(units), 6)).astype(np.float32),
        units=units,
        legal=TASK.legal,
        dropout=logs(4, n, width),
        labelled=outputs_of([3, 1, 5], seed + 1, 1, labelled=False) if labelled else None,
    )


def take(outputs, rows):
    first = np.cumsum(outputs.units) - outputs.units
    kept = np.concatenate([np.arange(first[r], first[r] + outputs.units[r]) for r in rows])
    return Outputs(
        outputs.log_probabilities[:, kept],
        vectors=outputs.vectors[rows],
        units=outputs.units[rows],
        legal=outputs.legal,
        dropout=outputs.dropout[:, kept],
        labelled=outputs.labelled,
    )


def doubled(outputs):
    """Each sentence said twice."""
    first = np.cumsum(outputs.units) - outputs.units
    kept = np.concatenate(
        [np.tile(np.arange(first[r], first[r] + n), 2) for r, n in enumerate(outputs.units)]
    )
    return Outputs(
        outputs.log_probabilities[:, kept], units=2 * outputs.units, labelled=outputs.labelled
    )


def is_legal(tags):
    before = ("O", *tags[:-1])
    return all(
        tag[0] != "I" or (last != "O" and last[2:] == tag[2:])
        for last, tag in zip(before, tags, strict=True)
    )


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.integers(0, 2**32 - 1))
def test_the_best_path_is_that_of_all_legal_ones(lengths, seed):
    outputs = outputs_of(lengths, seed, labelled=False)
    logs = outputs.log_probabilities[0]
    path, best = best_path(logs, outputs.units, TASK.legal)
    done = 0
    for row, n in enumerate(lengths):
        mine = logs[done : done + n]
        every = {
            tags: sum(mine[place, tag] for place, tag in enumerate(tags))
            for tags in itertools.product(range(len(TASK.classes)), repeat=n)
            if is_legal([TASK.classes[tag] for tag in tags])
        }
        assert best[row] == pytest.approx(max(every.values()))
        assert every[tuple(path[done : done + n])] == pytest.approx(max(every.values()))
        done += n


@pytest.mark.parametrize("name", TAGGING)
def test_a_rows_score_is_its_own(name):
    """Bit by bit, whatever rows are beside it, in whatever order."""
    strategy = build(name)
    outputs = outputs_of([1, 7, 30, 2, 2, 19, 64, 3, 1, 8])
    whole = strategy.score(outputs)
    assert whole.shape == (10,)
    assert np.isfinite(whole).all()
    for rows in ([3], [9, 0], [6, 5, 4], list(range(9, -1, -1))):
        np.testing.assert_array_equal(strategy.score(take(outputs, np.array(rows))), whole[rows])


def test_long_rows_draw_least_confidence_and_not_mnlp():
    """A sentence said twice: -sum log max p is twice as large, its mean the same."""
    once = outputs_of([4, 9, 1, 6])
    twice = doubled(once)
    for name, factor in (("least-confidence", 2), ("mnlp", 1), ("ltp", 1), ("class-weighted", 1)):
        both = [build(name).score(each) for each in (once, twice)]
        np.testing.assert_allclose(both[1], factor * both[0], rtol=1e-12, err_msg=name)


def test_by_hand():
    p = np.array([[0.5, 0.3, 0.2], [0.9, 0.05, 0.05], [0.2, 0.2, 0.6]])
    outputs = Outputs(np.log(p)[None], units=np.array([2, 1]))
    found = {name: build(name).score(outputs) for name in ("least-confidence", "mnlp", "ltp")}
    np.testing.assert_allclose(found["least-confidence"], [-np.log(0.45), -np.log(0.6)])
    np.testing.assert_allclose(found["mnlp"], [-np.log(0.45) / 2, -np.log(0.6)])
    np.testing.assert_allclose(found["ltp"], [0.5, 0.4])


def test_rare_classes_weigh_more():
    """Of four labelled units three are the first class; smoothing 0.25: weights 1, 2 and 4."""
    known = np.array([[0.8, 0.1, 0.1]] * 3 + [[0.1, 0.8, 0.1]])
    labelled = Outputs(np.log(known)[None], units=np.array([4]))
    p = np.array([[0.6, 0.2, 0.2], [0.2, 0.6, 0.2], [0.2, 0.2, 0.6]])
    outputs = Outputs(np.log(p)[None], units=np.array([1, 1, 1]), labelled=labelled)
    found = build("class-weighted:smoothing=0.25").score(outputs)
    np.testing.assert_allclose(found, [0.4 / 1, 0.4 / 0.5, 0.4 / 0.25])
    with pytest.raises(UserError, match="above 0"):
        build("class-weighted:smoothing=0")


def test_the_least_certain_unit_hides_nothing_in_a_long_row():
    """`entropy` is a mean, in which one uncertain character drowns; `ltp` sees it."""
    sure, torn = [0.98, 0.01, 0.01], [0.34, 0.33, 0.33]
    outputs = Outputs(np.log([sure] * 20 + [torn] + [[0.8, 0.1, 0.1]] * 3)[None],
                      units=np.array([21, 3]))  # fmt: skip
    first, second = build("ltp").score(outputs)
    assert first > second
    first, second = build("entropy").score(outputs)
    assert first < second


@pytest.mark.parametrize("name", ["margin", "badge", "expected-gradient-length", "learning-loss"])
def test_what_needs_one_distribution_is_refused_by_name(name):
    with pytest.raises(UserError, match=f"--strategies {name}: .*tagging"):
        check_needs(name, build(name), GIVEN, "tagging")


@pytest.mark.parametrize("name", ["mnlp", "ltp", "class-weighted"])
def test_what_needs_a_sequence_is_refused_by_name(name):
    with pytest.raises(UserError, match=f"--strategies {name}: it needs rows of several units"):
        check_needs(name, build(name), TASKS["classification"].gives, "classification")


def test_units_are_checked():
    logs = np.log(np.full((1, 3, 2), 0.5))
    for units in ([2], [3, 0], [4]):
        with pytest.raises(ValueError, match="units"):
            Outputs(logs, units=np.array(units))
    logs[0, 2, 1] = np.nan
    with pytest.raises(Exception, match="1 of 2 rows") as caught:
        Outputs(logs, units=np.array([2, 1]))
    assert caught.value.rows == [1]
