"""How far early ranks can be trusted, and what searches would have cost, on hand-made studies."""

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

from al_ray.search.account import called
from al_ray.search.early import early, first_rung
from al_ray.search.journal import NAME, importances, trials, write_journal
from al_ray.search.recorded import Recorded, configurations_of, rungs
from al_ray.search.replay import areas, methods, replay, run
from al_ray.search.seen import Curve, Seen, configuration

LABELS = (10, 20, 30)


def recorded(at, seconds=1.0, chosen=None):
    """By name: validation and test accuracies (seeds, steps)."""
    names = {name: configuration({"strategy": name}) for name in at}
    seen, tested = {}, {}
    for name, (validation, test) in at.items():
        for seed, (v, t) in enumerate(zip(validation, test, strict=True)):
            seen[names[name], seed] = Curve(LABELS, tuple(v), (seconds,) * 3)
            tested[names[name], seed] = Curve(LABELS, tuple(t), (seconds,) * 3)
    return Recorded(
        Seen(seen),
        Seen(tested),
        dict.fromkeys(names.values(), (10, 10)),
        {},
        {(names[n], s): rows for (n, s), rows in (chosen or {}).items()},
    )


def flat(*values):
    return [list(values)] * 2


def test_an_order_that_holds_from_the_beginning():
    found = recorded(
        {n: (flat(x, x, x), flat(x, x, x)) for n, x in (("a", 0.5), ("b", 0.6), ("c", 0.7))}
    )
    assert rungs(found) == [10, 20, 30]
    told = early(found)
    assert [(each.labels, each.seeds) for each in told] == [(10, 2), (20, 2), (30, 2)]
    assert [each.tau for each in told] == pytest.approx([1, 1, 1])
    assert [each.behind for each in told] == [0, 0, 0]
    assert first_rung(told) == 10


def test_an_order_that_turns():
    """At 10 labels a is ahead, and last in the end."""
    up, down = (0.1, 0.6, 0.9), (0.6, 0.5, 0.4)
    found = recorded({"a": (flat(*down), flat(*down)), "b": (flat(*up), flat(*up))})
    told = early(found, seeds=1)
    lost = (
        areas(found)[configuration({"strategy": "b"})]
        - areas(found)[configuration({"strategy": "a"})]
    )
    assert lost == pytest.approx((0.1 + 2 * 0.6 + 0.9) / 4 - (0.6 + 2 * 0.5 + 0.4) / 4)
    assert (told[0].tau, told[0].behind) == (-1, pytest.approx(lost))
    assert told[-1].behind == 0
    assert first_rung(told) == 30
    assert first_rung(told, within=1.0) == 10
    assert first_rung(told[:1]) is None


def test_equals_are_any_of_them():
    """At the first draw all strategies have one model: whoever is taken, half of the regret."""
    found = recorded(
        {
            "a": (flat(0.5, 0.5, 0.5), flat(0.5, 0.5, 0.5)),
            "b": (flat(0.5, 0.9, 0.9), flat(0.5, 0.9, 0.9)),
        }
    )
    first = early(found)[0]
    assert np.isnan(first.tau)
    assert first.behind == pytest.approx((0.8 - 0.5) / 2)


@pytest.mark.parametrize("uneven", [False, True])
def test_the_interval_holds_the_truth_however_the_first_was_chosen(uneven):
    """Behind the truly best, for new seeds: the truth is known, and some vary more than others."""
    draw, held, times = np.random.default_rng(3), 0, 200
    names = "abcdefgh"
    for _ in range(times):
        truth = dict(zip(names, draw.normal(0.7, 0.01, len(names)), strict=True))
        at = {}
        for place, (name, level) in enumerate(truth.items()):
            sd = 0.03 if uneven and place % 4 == 0 else 0.01
            test = level + draw.normal(0, sd, (4, 1)) + np.zeros((4, 3))
            at[name] = (test + draw.normal(0, 0.02, (4, 1)), test)  # both by the same fits
        last = early(recorded(at))[-1]
        ahead = max(names, key=lambda n: at[n][0].mean())
        held += last.low <= max(truth.values()) - truth[ahead] <= last.high
    assert held / times >= 0.93


def test_tau_is_of_validation_with_the_test():
    draw = np.random.default_rng(0)
    at = {n: (draw.uniform(size=(1, 3)), draw.uniform(size=(1, 3))) for n in "abcdefgh"}
    found = recorded(at)
    validation = [np.trapezoid(v[0], LABELS) / 20 for v, _ in at.values()]
    test = [np.trapezoid(t[0], LABELS) / 20 for _, t in at.values()]
    assert early(found)[-1].tau == pytest.approx(kendalltau(validation, test).statistic)


def test_overlaps_by_hand():
    chosen = {
        ("a", 0): tuple("uvwxyz" + "abcdefghijklmn"),
        ("b", 0): tuple("uvwxyz" + "ABCDEFGHIJKLMN"),
        ("c", 0): tuple("UVWXYZ" + "abcdefghijklmn"),
    }
    one = [[0.5, 0.5, 0.5]]
    found = recorded(dict.fromkeys("abc", (one, one)), chosen=chosen)
    told = early(found)
    pairs = [
        [
            len(set(x[:n]) & set(y[:n])) / len(set(x[:n]) | set(y[:n]))
            for x, y in itertools.combinations(chosen.values(), 2)
        ]
        for n in (10, 20)
    ]
    assert np.isnan(told[0].overlap)
    assert [each.overlap for each in told[1:]] == pytest.approx([np.mean(p) for p in pairs])
    assert told[1].alike == pytest.approx(kendalltau(*pairs).statistic, nan_ok=True)


def test_schedules_of_which_one_has_chosen_nothing_yet():
    """Two that have chosen nothing have no rows in common to be compared."""
    one = [[0.5, 0.5, 0.5]]
    rows = {
        (name, 0): tuple(f"{name if name > 'b' else ''}{n}" for n in range(20)) for name in "abcd"
    }
    found = recorded(dict.fromkeys("abcd", (one, one)), chosen=rows)
    late = {which: (20, 10) for which in found.configurations if dict(which)["strategy"] > "b"}
    told = early(replace(found, schedules={**found.schedules, **late}))
    assert [each.labels for each in told] == [20, 30]
    assert told[0].overlap == pytest.approx(1 / 5)  # a and b; c and d are not counted
    assert told[1].overlap == pytest.approx(1 / 6)


def test_having_none_tells_a_configuration_apart():
    facts = {
        "trajectory": list("abcde"),
        "strategy": ["core-set", "core-set", "margin", "my:Gini", "my:Gini"],
        "parameters": [""] * 5,
        "head": ["frozen"] * 5,
        "committee": [None] * 5,
        "candidates": [None, 2000, None, None, None],
        "strategy_source": ["", "", "", "a" * 32, "b" * 32],
        "rates": [[1e-4]] * 5,
    }
    found = configurations_of(pd.DataFrame(facts))
    assert len(set(found.values())) == 5
    assert called(found["c"]) == "margin"


def test_replays_pay_for_what_they_ask():
    draw = np.random.default_rng(1)
    at = {n: (draw.uniform(size=(3, 3)), draw.uniform(size=(3, 3))) for n in "abcdef"}
    found = recorded(at)
    every = replay(found, methods(found)["all"], 5)
    assert {each.seconds for each in every} == {6 * 3 * 3}
    assert len({each.winner for each in every}) == 1
    best = max(at, key=lambda n: np.mean([np.trapezoid(v, LABELS) for v in at[n][0]]))
    assert dict(every[0].winner)["strategy"] == best
    truth = {n: np.mean([np.trapezoid(t, LABELS) / 20 for t in at[n][1]]) for n in at}
    assert every[0].behind == pytest.approx(max(truth.values()) - truth[best])
    one = replay(found, methods(found)["one-rung"], 20)
    # All to 20 labels (the first rung after the first draw) with a seed; one of them to the end.
    assert {each.fits for each in one} == {6 * 2 + 3 * 3 - 2}
    assert {each.behind for each in one} <= {max(truth.values()) - x for x in truth.values()}
    assert replay(found, methods(found)["optuna"], 2) == replay(found, methods(found)["optuna"], 2)


def test_a_replay_never_sees_what_it_has_not_paid_for():
    """Accuracies after a rung may be anything: who is let go there is the same."""
    draw = np.random.default_rng(2)
    at = {n: (draw.uniform(size=(3, 3)), draw.uniform(size=(3, 3))) for n in "abcdef"}
    later = {n: (v.copy(), t) for n, (v, t) in at.items()}
    for validation, _ in later.values():
        validation[:, 2] = draw.uniform(size=3)
    ends = []
    for each in (recorded(at), recorded(later)):
        search = methods(each)["one-rung"](each.configurations, each.seeds, 0)
        ends.append(set(search.next(run(each, search)).stopped))
    assert ends[0] == ends[1]


def test_a_journal_is_what_optuna_reads(tmp_path):
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from optuna.trial import TrialState

    found = recorded(
        {
            "a": (flat(0.5, 0.6, 0.7), flat(0, 0, 0)),
            "b": (flat(0.1, 0.2, 0.3), flat(0, 0, 0)),
            "c": (flat(0.9, 0.9, 0.9), flat(0, 0, 0)),
        }
    )
    c = configuration({"strategy": "c"})
    cut = {
        key: curve.upto(20) if key[0] == c else curve for key, curve in found.seen.curves.items()
    }
    path = tmp_path / "optuna.journal"
    for _ in range(2):  # in place of the one that is there
        write_journal(replace(found, seen=Seen(cut)), path)
    study = optuna.load_study(
        study_name=NAME, storage=JournalStorage(JournalFileBackend(str(path)))
    )
    told = {trial.params["strategy"]: trial for trial in study.trials}
    assert len(study.trials) == 3
    assert told["a"].intermediate_values == pytest.approx({10: 0.5, 20: 0.55, 30: 0.6})
    assert (told["a"].state, told["a"].value) == (TrialState.COMPLETE, pytest.approx(0.6))
    assert (told["c"].state, told["c"].last_step) == (TrialState.PRUNED, 20)
    assert study.best_trial.params == {"strategy": "a"}  # who was let go is not compared with it
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_journal_of_schedules_that_do_not_end_together():
    curves = {}
    for name, labels in (("a", (10, 20, 30, 40)), ("b", (10, 25, 40, 55))):
        curves[configuration({"strategy": name}), 0] = Curve(labels, (0.5,) * 4, (1.0,) * 4)
    schedules = {which: (10, 10 if n == 0 else 15) for n, (which, _) in enumerate(curves)}
    found = Recorded(Seen(curves), Seen(curves), schedules, {}, {})
    assert [each.last_step for each in trials(found)] == [40, 40]


def test_what_mattered():
    """Strategy decides all, the step size nothing."""
    at = {}
    for strategy, level in (("a", 0.9), ("b", 0.5), ("c", 0.1)):
        for size in (10, 20, 30, 40):
            which = configuration({"strategy": strategy, "step_size": size})
            at[which, 0] = Curve(LABELS, (level,) * 3, (1.0,) * 3)
    found = Recorded(Seen(at), Seen({}), {}, {})
    said = importances(found)
    assert said["fANOVA"]["strategy"] > 0.95
    assert said.keys() == {"PED-ANOVA", "fANOVA"}
