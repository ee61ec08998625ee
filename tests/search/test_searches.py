"""Searches decide from what was seen alone, whatever the order in which it came."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from al_ray.errors import UserError
from al_ray.search.ladder import (
    all_the_way,
    halving,
    one_rung,
    reached_by_all,
    rungs_of,
)
from al_ray.search.proposing import Proposing, study_of, trial_of
from al_ray.search.racing import Racing, p_greater
from al_ray.search.rounds import Apart
from al_ray.search.seen import Aim, Curve, Seen, configuration, layers
from al_ray.search.space import Space
from al_ray.study.ranges import Range

LABELS = (50, 100, 150, 200)


def named(*names):
    return [configuration({"strategy": name}) for name in names]


def world(seed=0, n=9, seeds=4):
    """Curves that cross: what is ahead at 100 labels need not be at 200."""
    draw = np.random.default_rng(seed)
    found = {}
    for which in named(*"abcdefghijklmnop"[:n]):
        start, end = draw.uniform(0.3, 0.6), draw.uniform(0.6, 0.9)
        for s in range(seeds):
            noise = draw.normal(0, 0.02, len(LABELS))
            values = np.linspace(start, end, len(LABELS)) + noise
            found[which, s] = Curve(LABELS, tuple(values), tuple(draw.uniform(1, 2, len(LABELS))))
    return found


def carried_out(search, known, order):
    """Run what is wanted one by one in some order, and ask again after each."""
    seen, asked = {}, 0
    while runs := search.next(Seen(seen)).runs:
        one = order(runs)
        curve = known[one.configuration, one.seed].upto(one.labels)
        assert len(curve.labels) > len(
            seen.get((one.configuration, one.seed), Curve((), (), ())).labels
        )
        seen[one.configuration, one.seed] = curve
        asked += 1
    return search.next(Seen(seen)), seen


def searches(known, seeds=(0, 1, 2, 3)):
    every = list(dict.fromkeys(which for which, _ in known))
    space = Space(({"strategy": tuple(dict(w)["strategy"] for w in every)},))
    return {
        "halving": halving(every, seeds, [50, 100, 200], Aim()),
        "one-rung": one_rung(every, seeds, 100, 200, Aim()),
        "random": all_the_way(every[:4], seeds, 200, Aim()),
        "racing": Racing(tuple(every), seeds, 200, Aim(), alpha=0.5),
        "optuna": Proposing(space, 8, seeds[:2], 200, Aim(), rung=100),
        "apart": Apart(
            {
                "x": halving(every[:5], seeds, [100, 200], Aim()),
                "y": all_the_way(every[5:], seeds, 200, Aim()),
            }
        ),
    }


@pytest.mark.parametrize("name", searches(world()))
@pytest.mark.parametrize("number", range(3))
def test_the_order_in_which_runs_end_changes_nothing(name, number):
    known = world(number)
    draw = np.random.default_rng(number)
    wanted = searches(known)[name]
    first, seen = carried_out(wanted, known, lambda runs: runs[0])
    assert first.done
    for pick in (lambda runs: runs[-1], lambda runs: runs[draw.integers(len(runs))]):
        again, there = carried_out(searches(known)[name], known, pick)
        assert (again.order, dict(again.stopped)) == (first.order, dict(first.stopped))
        assert there == seen
    # More than it asked for, as an old study has, changes nothing either.
    whole = wanted.next(Seen(known))
    assert (whole.order, dict(whole.stopped)) == (first.order, dict(first.stopped))


def test_halving_by_hand():
    """Four, two, one: the third is best at the end and gone after the first rung."""
    a, b, c, d = named("a", "b", "c", "d")
    at = {a: (0.5, 0.6, 0.7), b: (0.6, 0.7, 0.71), c: (0.1, 0.8, 0.99), d: (0.4, 0.5, 0.6)}
    known = {
        (each, s): Curve((10, 20, 40), values, (1.0,) * 3)
        for each, values in at.items()
        for s in (0, 1, 2)
    }
    search = halving([a, b, c, d], (0, 1, 2), [10, 20, 40], Aim(), reduction=2)
    assert [(rung.labels, rung.seeds, rung.keep) for rung in search.rungs] == [
        *((10, 1, 2), (20, 2, 1), (40, 3, 1)),
    ]
    found, seen = carried_out(search, known, lambda runs: runs[0])
    assert found.order == (b,)
    stops = {each: (s.rung, s.seeds, s.place, s.of, s.kept) for each, s in found.stopped.items()}
    assert stops == {a: (20, 2, 2, 2, 1), c: (10, 1, 4, 4, 2), d: (10, 1, 3, 4, 2)}
    assert sum(len(curve.labels) for curve in seen.values()) == 4 + (2 * 2 * 2 - 2) + (
        3 * 3 - 2 * 2
    )


def test_who_fails_is_let_go():
    a, b = named("a", "b")
    known = {
        (a, 0): Curve((10,), (0.9,), (1.0,), failed=True),
        (b, 0): Curve((10, 20), (0.1, 0.2), (1.0, 1.0)),
    }
    found = all_the_way([a, b], [0], 20, Aim()).next(Seen(known))
    assert (found.order, list(found.stopped)) == ((b,), [a])
    nothing = {(a, 0): Curve((), (), (), failed=True), (b, 0): known[b, 0]}
    assert all_the_way([a, b], [0], 20, Aim()).next(Seen(nothing)).order == (b,)


def test_no_rung_is_begun_when_the_hours_are_used_up():
    known = world()
    every = list(dict.fromkeys(which for which, _ in known))
    whole = halving(every, (0, 1, 2, 3), [50, 100, 200], Aim())
    first = sum(known[which, 0].seconds[0] for which in every)
    cut, seen = carried_out(replace(whole, seconds=first), known, lambda runs: runs[0])
    assert {len(curve.labels) for curve in seen.values()} == {1}
    assert cut.done
    assert len(cut.order) == 3  # the winner so far comes first
    _, seen = carried_out(replace(whole, seconds=first + 0.01), known, lambda runs: runs[0])
    assert max(len(curve.labels) for curve in seen.values()) == 2


@pytest.mark.parametrize("tails", ["normal", "t3"])
def test_racing_seldom_lets_the_best_go(tails):
    """One is best by little, six are equal beside it: heavy tails, too."""
    draw, lost, times = np.random.default_rng(1), 0, 300
    every = named(*"abcdefg")
    for _ in range(times):
        shared = draw.normal(0, 0.05, 8)
        own = draw.normal if tails == "normal" else lambda m, s: s / 1.73 * draw.standard_t(3)
        known = {
            (each, s): Curve(
                (10,), (0.7 + shared[s] + 0.002 * (each == every[0]) + own(0, 0.02),), (1.0,)
            )
            for each in every
            for s in range(8)
        }
        race = Racing(tuple(every), tuple(range(8)), 10, Aim(), alpha=0.1)
        lost += every[0] in race.next(Seen(known)).stopped
    assert lost / times < 0.1  # Bonferroni's bound; it is far less


def test_racing_lets_the_worst_go_early():
    draw = np.random.default_rng(2)
    good, bad = named("good", "bad")
    known = {
        (each, s): Curve((10,), (level + draw.normal(0, 0.01),), (1.0,))
        for each, level in ((good, 0.8), (bad, 0.3))
        for s in range(10)
    }
    race = Racing((bad, good), tuple(range(10)), 10, Aim())
    found, seen = carried_out(race, known, lambda runs: runs[0])
    assert found.order == (good,)
    assert len(seen) <= 8


def test_p_of_a_difference_is_scipys():
    from scipy.stats import ttest_1samp

    values = np.array([0.1, 0.3, -0.1, 0.2])
    assert p_greater(values) == pytest.approx(ttest_1samp(values, 0, alternative="greater").pvalue)
    # Of one number nothing is known, whatever it is.
    assert (p_greater(np.zeros(3)), p_greater(np.ones(3))) == (1.0, 1.0)


def test_a_target_missed_by_chance_lets_nobody_go():
    """Of equals each seed misses it once in five, which counts as the whole race's labels."""
    draw, lost, times = np.random.default_rng(6), 0, 200
    every = named(*"abcde")
    aim = Aim(("labels",), target=0.8)
    for _ in range(times):
        known = {
            (each, s): Curve(
                (50, 100),
                (0.7, 0.7 if draw.random() < 0.2 else draw.uniform(0.8, 0.9)),
                (1.0, 1.0),
            )
            for each in every
            for s in range(6)
        }
        race = Racing(every_in_order := tuple(every), tuple(range(6)), 100, aim, alpha=0.1)
        lost += every_in_order[0] in race.next(Seen(known)).stopped
    assert lost / times < 0.1


def test_areas_are_from_where_all_schedules_begin():
    """One curve, seen from two first draws on or in finer steps, is as good as itself."""
    whole = Curve((50, 100, 125, 150), (0.2, 0.5, 0.58, 0.6), (1.0,) * 4)
    late, coarse = whole.at({100, 150}), whole.at({50, 100, 150})
    aim = Aim(common=frozenset({100, 150}))
    assert [aim.values([each]) for each in (whole, late, coarse)] == [(-0.55,)] * 3
    assert len({Aim().values([each]) for each in (whole, late, coarse)}) == 3


# Optuna


def test_trials_are_told_as_optuna_means_them():
    from optuna.trial import TrialState

    space = Space(({"strategy": ("a", "b"), "learning_rate": Range(1e-5, 1e-3, log=True)},))
    which = configuration({"strategy": "a", "learning_rate": 1e-4})
    curve = Curve((50, 100), (0.5, 0.7), (1.0, 2.0))
    whole = trial_of(space, which, [curve, curve], Aim(), pruned=False)
    assert (whole.state, whole.value) == (TrialState.COMPLETE, pytest.approx(0.6))
    assert whole.intermediate_values == pytest.approx({50: 0.5, 100: 0.6})
    cut = trial_of(space, which, [curve.upto(50)], Aim(), pruned=True)
    assert (cut.state, cut.intermediate_values) == (TrialState.PRUNED, {50: 0.5})
    failed = trial_of(space, which, [Curve((), (), (), failed=True)], Aim(), pruned=False)
    assert failed.state == TrialState.FAIL
    both = Aim(("area", "seconds"))
    several = trial_of(space, which, [curve], both, pruned=False)
    assert several.values == pytest.approx([0.6, 3.0])
    study = study_of(both, [several], 1)
    assert [trial.number for trial in study.best_trials] == [0]


def test_the_winner_is_optunas_best():
    known = world(3)
    search = searches(known)["optuna"]
    found, _ = carried_out(search, known, lambda runs: runs[0])
    told = [
        trial_of(search.space, which, [known[which, s] for s in (0, 1)], Aim(), pruned=False)
        for which in found.order
    ]
    best = study_of(Aim(), told, 0).best_trial
    assert search.space.described(found.order[0])[0] == best.params


def test_a_trial_is_a_configuration_however_often_it_is_proposed():
    """One frozen head beside a range: it would be proposed again and again."""
    space = Space(
        (
            {"head": ("frozen",), "strategy": ("random",)},
            {"head": ("fine-tuned",), "strategy": ("random",), "rate": Range(1e-5, 1e-3, log=True)},
        )
    )

    def search(trials, space=space):
        return Proposing(space, trials, (0,), 100, Aim(), at_once=3)

    def complete(search):
        seen = {}
        while runs := search.next(Seen(seen)).runs:
            for run in runs:
                level = 0.9 if dict(run.configuration).get("head") == "frozen" else 0.5
                seen[run.configuration, run.seed] = Curve((50, 100), (level,) * 2, (1.0,) * 2)
        return search.next(Seen(seen))

    found = complete(search(7))
    assert len(set(found.order)) == len(found.order) == 7
    few = Space(({"strategy": ("a", "b", "c")},))
    assert len(complete(search(9, few)).order) == 3  # there are no more


def test_grids_that_differ_are_suggested_each_by_its_own():
    """A frozen head has no learning rate; the strategies of the two are not the same."""
    space = Space(
        (
            {"head": ("frozen",), "strategy": ("a", "b", "c")},
            {"head": ("fine-tuned",), "strategy": ("a", "b"), "epochs": Range(2, 9, whole=True)},
        )
    )
    proposed = {space.suggested(study_of(Aim(), [], n).ask()) for n in range(40)}
    for each in proposed:
        point = dict(each)
        assert ("epochs" in point) == (point["head"] == "fine-tuned")
        names, distributions = space.described(each)
        assert names.keys() == distributions.keys()
    assert {dict(each)["head"] for each in proposed} == {"frozen", "fine-tuned"}


# What there is to choose from, and what is better


def test_spaces():
    space = Space(({"x": (1, 2, 3), "y": ("a", "b")},))
    assert space.size == 6
    every = space.sample(100, seed=1)
    assert sorted(every) == sorted(
        configuration({"x": x, "y": y}) for x, y in itertools.product((1, 2, 3), "ab")
    )
    assert space.sample(4, seed=1) == every[:4] != space.sample(4, seed=2)
    wide = Space(({"rate": Range(1e-5, 1e-3, log=True), "n": Range(2, 4, whole=True)},))
    found = [dict(each) for each in wide.sample(400, seed=3)]
    assert wide.size == math.inf
    assert {each["n"] for each in found} == {2, 3, 4}
    below = np.mean([each["rate"] < 1e-4 for each in found])
    assert 0.4 < below < 0.6  # half of a logarithmic range
    assert all(1e-5 <= each["rate"] <= 1e-3 for each in found)
    whole = Space(({"n": Range(50, 5000, whole=True, log=True), "y": ("a", "b")},))
    below = np.mean([dict(each)["n"] < 500 for each in whole.sample(400, seed=4)])
    assert 0.4 < below < 0.6  # of numbers one by one 9 % are
    kept = space.where("y", lambda value: value == "a")
    assert {dict(each)["y"] for each in kept.all()} == {"a"}


@pytest.mark.parametrize("text", ["1..", "3..2", "0..1:log", "1..2:lin", "a..b", "1..inf", "2..2"])
def test_what_is_no_range(text):
    with pytest.raises(UserError, match="no range; give two numbers"):
        Range.parsed(text, whole=False)


def test_ranges_say_themselves():
    for text, whole in (("1e-05..0.0005:log", False), ("3..10", True)):
        assert str(Range.parsed(text, whole)) == text


def test_areas_and_labels_by_numpy():
    draw = np.random.default_rng(4)
    for _ in range(50):
        labels = np.cumsum(draw.integers(1, 50, 5))
        accuracy = np.sort(draw.uniform(0.2, 0.9, 5))
        curve = Curve(tuple(labels.tolist()), tuple(accuracy), (1.0,) * 5)
        span = labels[-1] - labels[0]
        assert curve.area() == pytest.approx(np.trapezoid(accuracy, labels) / span)
        target = draw.uniform(accuracy[0], accuracy[-1])
        assert curve.labels_to(target) == pytest.approx(np.interp(target, accuracy, labels))
        assert curve.labels_to(1.1) == math.inf
        assert curve.labels_to(0.0) == labels[0]


def test_fronts_by_brute_force():
    draw = np.random.default_rng(5)
    names = named(*map(str, range(12)))
    values = {each: tuple(draw.integers(0, 4, 2).tolist()) for each in names}
    found, left, number = layers(values), set(names), 0
    while left:
        front = {
            one
            for one in left
            if not any(
                all(a <= b for a, b in zip(values[other], values[one], strict=True))
                and values[other] != values[one]
                for other in left
            )
        }
        assert {each for each, layer in found.items() if layer == number} == front
        left, number = left - front, number + 1
    order = Aim(("area", "seconds")).order(
        {each: [Curve((1,), (0.5,), (float(place % 3),))] for place, each in enumerate(names)}
    )
    assert order[:4] == [each for place, each in enumerate(names) if place % 3 == 0]


def test_rungs_that_all_schedules_reach():
    assert reached_by_all([(100, 50), (100, 100)], 320) == [100, 200, 300]
    assert reached_by_all([(50, 30), (80, 30)], 200) == [80, 110, 140, 170, 200]
    assert reached_by_all([(50, 30), (60, 30)], 200) == []
    assert rungs_of([100, 200, 300]) == [100, 300]
    assert rungs_of(list(range(50, 1001, 50))) == [100, 350, 1000]
    assert rungs_of([300]) == [300]
