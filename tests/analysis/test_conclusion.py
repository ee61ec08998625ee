"""The sentence on top says no more than the verdict, and its commands are taken."""

import math
import re
import shlex

import numpy as np
import pytest
from small_studies import alike, answered, arm, noisy, study

from al_ray.analysis import gains
from al_ray.analysis.conclusion import SMALL, conclusion
from al_ray.analysis.verdict import FOUND, verdict
from al_ray.commands.experiment import Experiment
from al_ray.commands.options import study_config
from al_ray.commands.parser import study_parser
from al_ray.study.running import Price

LABELS = [1000, 2000, 3000, 4000, 5000]
CURVE = [0.5, 0.6, 0.66, 0.70, 0.72]
GAINS = [0.5, 0.64, 0.70, 0.74, 0.76]
EXPERIMENT = Experiment("news7", "", ("random", "margin"), (3000,), 21_000, 8, 128)
COMMAND = "python experiments/news7.py --model mini --seeds 0 1 2 3 4 5 --steps 5"


def of(arms, command=COMMAND, **more):
    made = study(arms, LABELS, **more)
    made.description["run"] = {"command": command}
    made.description["training"] = {"min_updates": 150}
    return made


def pair(margin, seeds=6, sd=0.004, **more):
    return of({"random": noisy(CURVE, seeds, sd), "margin": margin}, **more)


def asked(command):
    """The study that a command asks for."""
    counted = re.sub(
        r"\$\(seq (\d+) (\d+)\)",
        lambda found: " ".join(map(str, range(int(found[1]), int(found[2]) + 1))),
        command,
    )
    words = shlex.split(counted)[2:]
    return study_config(EXPERIMENT, study_parser(EXPERIMENT).parse_args(words))


def number(text):
    return float(text.replace(",", ""))


def test_a_saving_is_the_verdicts_own_with_its_cost():
    one = pair(noisy(GAINS, 6, 0.004, 1))
    found, numbers = conclusion(one, labels_per_day=500), verdict(one).numbers[0]
    assert (found.kind, found.arm, found.commands) == ("label with", "margin", ())
    least, of_all, days, of_days, seeds = re.findall(r"[\d,.]*\d", found.sentence)
    assert number(least) == pytest.approx(numbers["labels_low"], abs=10)
    assert number(least) <= numbers["labels_low"]
    assert number(days) == pytest.approx(number(least) / 500, rel=0.03)
    assert [number(each) for each in (of_all, of_days, seeds)] == [5000, 10, 6]


def test_a_saving_in_money():
    one = pair(noisy(GAINS, 6, 0.004, 1))
    found = conclusion(one, label_price=Price.parsed("150 KRW"))
    least = number(re.search(r"at least ([\d,]+) of", found.sentence)[1])
    money = re.search(r"person-days, ([\d,]+) of 750,000 KRW;", found.sentence)
    assert number(money[1]) == 150 * least
    one.description["label_price"] = "150KRW"
    one.memory.clear()
    assert conclusion(one).sentence == found.sentence


def test_of_several_the_one_that_saves_most_at_least_and_for_all_at_once():
    """What is picked as the best of three is said with less than its own interval would."""
    better = [value + 0.01 * (value > 0.5) for value in GAINS]
    arms = {
        "random": noisy(CURVE, 6, 0.004),
        "margin": noisy(GAINS, 6, 0.004, 1),
        "entropy": noisy(better, 6, 0.004, 2),
        "badge": noisy(CURVE, 6, 0.004, 3),
    }
    one = of(arms)
    found, table = conclusion(one), verdict(one).set_index("strategy")
    assert found.arm == "entropy"
    least = number(re.search(r"at least ([\d,]+) of", found.sentence)[1])
    assert least < table.numbers["entropy"]["labels_low"] - 10
    assert "2 arms" in found.sentence


def test_where_no_bound_holds_for_all_at_once_none_is_said(monkeypatch):
    """An arm that is found by Holm's correction may have none at Bonferroni's."""
    one = of({
        "random": noisy(CURVE, 6, 0.004),
        "margin": noisy(GAINS, 6, 0.004, 1),
        "entropy": noisy(GAINS, 6, 0.004, 2),
    })  # fmt: skip
    monkeypatch.setitem(gains.LEAST, "saves", lambda found: math.nan)
    said = conclusion(one).sentence
    assert "arms at once not shown how many" in said
    assert not re.search(r"at least|nan|unknown", said)


@pytest.mark.parametrize("place", range(6))
def test_no_more_is_said_than_the_verdict_says(place):
    """Of worlds with and without gains: who is named was found, and what is excluded is so."""
    rng = np.random.default_rng(place)
    gains = [0.0, *rng.choice([-0.03, 0.0, 0.0, 0.03, 0.08], 3)]
    curves = [[CURVE[0], *(value + gain for value in CURVE[1:])] for gain in gains]
    seeds, rows = int(rng.choice([4, 5, 10, 20])), int(rng.choice([200, 1000]))
    names = ("random", "margin", "entropy", "badge")
    right = dict(zip(names, alike(rng, curves, seeds, rows, fit=0.05), strict=True))
    one = answered(right, LABELS)
    found, table = conclusion(one), verdict(one).set_index("strategy")
    ends = [numbers.get("high") for numbers in table.numbers]
    if found.kind == "label with":
        numbers = table.numbers[found.arm]
        assert table.kind[found.arm] in FOUND
        said = re.search(r"at least ([\d,.]+)", found.sentence)
        least = number(said[1]) if said else 0
        own = {
            "saves": numbers["labels_low"],
            "saves on the way": numbers["mean_saved_low"],
            "better": 100 * numbers["low"],
        }[table.kind[found.arm]]
        assert least <= own + 0.05
    elif found.kind == "label at random":
        assert not set(table.kind) & {*FOUND, "cannot tell"}
        limit = re.search(r"above ([\d.]+) points", found.sentence)
        assert 100 * max(ends) - 0.05 <= (float(limit[1]) if limit else 0) <= 100 * SMALL + 0.05
    else:
        assert found.kind in ("cannot tell", "depends on the metric")
        assert found.arm is None or table.kind[found.arm] in FOUND


def test_random_where_a_gain_is_excluded():
    found = conclusion(pair(noisy(CURVE, 6, 0.004, 1)))
    assert found.kind == "label at random"
    worse = conclusion(pair(noisy(CURVE, 6, 0.004, 1, -0.05)))
    assert worse.kind == "label at random"
    assert "worse" in worse.sentence


def test_where_nothing_is_shown_nor_excluded_more_seeds():
    one = pair(noisy(CURVE, 6, 0.02, 1), sd=0.02)
    found, numbers = conclusion(one), verdict(one).numbers[0]
    assert found.kind == "cannot tell"
    (command,) = found.commands
    assert asked(command).seeds == tuple(range(int(numbers["seeds_for"])))
    rng = np.random.default_rng(0)
    random, margin = alike(rng, [CURVE] * 2, seeds=20, rows=300, suits=1.5, fit=0.001)
    limited = conclusion(answered({"random": random, "margin": margin}, LABELS))
    assert (limited.kind, limited.commands) == ("cannot tell", ())
    assert "test rows" in limited.next


def test_few_seeds_of_some_arms_are_not_said_of_all():
    arms = {"random": noisy(CURVE, 6, 0.004), "margin": noisy(CURVE, 6, 0.004, 1)}
    few = conclusion(of({**arms, "entropy": noisy(CURVE, 3, 0.004, 2)}))
    assert few.plain == (
        "Cannot tell: 1 of 2 arms have 3 seeds or fewer, and a verdict takes 5 or more"
    )


def test_few_seeds_and_none_of_random():
    found = conclusion(pair(noisy(CURVE, 3, 0.004, 1, 0.1), seeds=3))
    assert (found.kind, found.arm) == ("cannot tell", None)
    assert not re.search("points|labels saved|nan", found.sentence)
    assert asked(found.commands[0]).seeds == tuple(range(10))
    for arms in ({"random": noisy(CURVE, 6, 0.01)}, {"margin": noisy(CURVE, 6, 0.01)}):
        alone = conclusion(of(arms))
        assert alone.kind == "cannot tell"
        assert {*asked(alone.commands[0]).strategies} == {"random", "margin"}


def test_what_is_missing_decides_or_is_said():
    gone = {("margin", seed): "failed" for seed in (0, 1, 2)}
    few = conclusion(pair(noisy(CURVE, 8, 0.01, 1, 0.02), 8, 0.01, status=gone))
    assert few.kind == "cannot tell"
    assert "3 of 16 trajectories are missing" in few.sentence
    assert few.commands == (COMMAND,)
    one = {("margin", 0): "failed"}
    found = conclusion(pair(noisy(GAINS, 12, 0.002, 1, 0.05), 12, 0.002, status=one))
    assert found.kind == "label with"
    assert "1 of 24 trajectories are missing" in found.sentence


def test_metrics_that_disagree():
    better = pair(noisy(CURVE, 8, 0.01, 1), 8, 0.01)
    better.steps.loc[better.steps.strategy == "margin", "test_macro_f1"] += 0.05
    found = conclusion(better)
    assert (found.kind, found.arm) == ("depends on the metric", None)
    assert "by macro-F1 (+4.8 points)" in found.sentence
    worse = pair(noisy(GAINS, 6, 0.004, 1))
    worse.steps.loc[worse.steps.strategy == "margin", "test_macro_f1"] -= 0.2
    found = conclusion(worse)
    assert (found.kind, found.arm) == ("depends on the metric", "margin")
    assert "worse than random by macro-F1" in found.sentence


def test_where_random_is_no_measure():
    frozen = arm("random", "frozen")
    arms = {arm("random"): noisy(CURVE, 6, 0.004), arm("margin"): noisy(GAINS, 6, 0.004, 1)}
    short = conclusion(of({frozen: noisy(CURVE, 6, 0.004, 0, 0.3), **arms}))
    assert short.kind == "cannot tell"
    assert asked(short.commands[0]).training.min_updates == 300
    level = [noisy([0.5] * 5, 6, 0.004, seed) for seed in range(2)]
    flat = conclusion(of({"random": level[0], "qbc": level[1]}))
    assert flat.kind == "cannot tell"
    assert asked(flat.commands[0]).step_sizes == (500,)
    # Once that was done it is not asked for again, but half of it.
    sizes = {
        (strategy, "cold", "fine-tuned", size, size): level[place]
        for size in (1000, 500)
        for place, strategy in enumerate(("random", "qbc"))
    }
    assert asked(conclusion(of(sizes)).commands[0]).step_sizes == (250,)
    ones = {(*key[:3], 1, 1): values for key, values in [*sizes.items()][:2]}
    end = conclusion(of(ones))
    assert (end.kind, end.commands) == ("cannot tell", ())
    assert "another encoder" in end.next


@pytest.mark.parametrize("margin", [CURVE, GAINS])
def test_after_a_frozen_head_fine_tuning(margin):
    arms = {
        arm("random", "frozen"): noisy(CURVE, 6, 0.004),
        arm("margin", "frozen"): noisy(margin, 6, 0.004, 1),
    }
    (command,) = conclusion(of(arms)).commands
    tuned = asked(command)
    assert (tuned.heads, tuned.strategies) == (("fine-tuned",), ("random", "margin"))
    assert tuned.seeds == tuple(range(10))
    (command,) = conclusion(of(arms, "al-ray run DATA --model M")).commands
    assert command == "al-ray run DATA --model M --fine-tune"


def test_a_demonstration_is_marked_and_leads_to_ones_own_texts():
    found = conclusion(pair(noisy(GAINS, 6, 0.004, 1), demonstration=True))
    assert found.sentence.startswith("Demonstration on generated text, not a finding: label with ")
    assert found.plain.startswith("Label with margin")
    assert found.commands == ("al-ray run FOLDER --model ENCODER",)
