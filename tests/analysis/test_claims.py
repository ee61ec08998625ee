"""The claims, on studies made so that the answer is known, and where there is none."""

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from small_studies import answered, name_of, noisy, predictions, study
from test_mix import ROWS

from al_ray.analysis.reference.claims import CLAIMS, claims
from al_ray.analysis.reference.labels import _all_less_half
from al_ray.analysis.study import records

LABELS = [10, 20, 30, 40]
CURVE = [0.4, 0.5, 0.6, 0.65]


def judged(claim, *studies):
    return CLAIMS[claim][2](studies)


def answer(claim, *studies):
    found = judged(claim, *studies)
    return found.answer, found.why


def arm(strategy="random", retrain="cold", size=10, initial=10, head="fine-tuned"):
    return (strategy, retrain, head, size, initial)


def joined(one, *others):
    """One study of the arms of several, with equal labels."""
    frames = {
        name: pd.concat([getattr(each, name) for each in (one, *others)], ignore_index=True)
        for name in ("trajectories", "steps")
    }
    return replace(one, memory={}, **frames)


def test_generated_text_answers_nothing():
    arms = {"random": noisy(CURVE, 8, 0.001), "margin": noisy(CURVE, 8, 0.001, 1, 0.1)}
    table = claims([study(arms, LABELS, demonstration=True)])
    assert set(table.answer) == {"cannot tell"}
    assert table.why.str.contains("generated").all()
    assert (table.ours == "").all()


def test_thirteen_claims_even_of_nothing():
    for studies in ([], [study({}, LABELS)], [study({"random": {0: CURVE}}, [10])]):
        table = claims(studies)
        assert table.claim.tolist() == [f"C{number}" for number in range(1, 14)]
        assert set(table.answer) == {"cannot tell"}
        assert list(table.columns) == ["claim", "text", "theirs", "ours", "answer", "why"]


@pytest.mark.parametrize("seeds", [1, 2, 4])
def test_few_seeds_answer_nothing_and_print_no_differences(seeds):
    """What the verdict would not say: no points, no '(+nan to +nan)', no '1 seeds'."""
    made = np.random.default_rng(0).random((4, seeds, 40, 4)) < CURVE
    names = ("random", "margin", "entropy", "qbc")
    table = claims([answered(dict(zip(names, made, strict=True)), LABELS)])
    assert set(table.answer) == {"cannot tell"}
    assert not table.ours.str.contains(r"points|nan|%|\b1 seeds").any()
    assert table.ours[0].startswith("a corpus, margin: needs 5 or more complete seeds (")
    assert f"({seeds} seed{'s' if seeds > 1 else ''})" in table.ours[0]


@pytest.mark.parametrize(
    ("shifts", "word"),
    [
        ([0.1, 0.1], "supported"),
        ([0.1, 0.0], "cannot tell"),
        ([0.1, -0.1], "contradicted"),
    ],
)
def test_c1(shifts, word):
    arms = {"random": noisy(CURVE, 8, 0.005)}
    arms |= {
        name: noisy(CURVE, 8, 0.005, place, shift)
        for place, (name, shift) in enumerate(zip(["margin", "entropy"], shifts, strict=True), 1)
    }
    assert answer("C1", study(arms, LABELS))[0] == word
    few = {name: dict(list(seeds.items())[:4]) for name, seeds in arms.items()}
    assert answer("C1", study(few, LABELS))[0] == "cannot tell"


FINE = {arm("random"): noisy(CURVE, 8, 0.005), arm("margin"): noisy(CURVE, 8, 0.005, 1, 0.1)}


def test_c1_frozen_arms_answer_nothing():
    frozen = {arm("random", head="frozen"): noisy(CURVE, 8, 0.005, 2)}
    frozen[arm("margin", head="frozen")] = noisy(CURVE, 8, 0.005, 3, -0.1)
    assert answer("C1", study(frozen, LABELS))[0] == "cannot tell"
    table = claims([study(frozen, LABELS)])
    assert set(table.answer) == {"cannot tell"}
    assert table.why.str.startswith("all heads are frozen").all()
    assert answer("C1", study({**frozen, **FINE}, LABELS))[0] == "supported"


def test_undertrained_arms_answer_nothing():
    """Random is 20 points below a linear model on the frozen encoder with the same labels."""
    frozen = {arm("random", head="frozen"): noisy(CURVE, 8, 0.005, 2, 0.2)}
    alike = {arm("entropy"): noisy(CURVE, 8, 0.005, 4, 0.1)}
    one = study({**FINE, **alike, **frozen}, LABELS)
    for claim in ("C1", "C4", "C11"):
        found = judged(claim, one)
        assert (found.answer, "undertrained" in found.why) == ("cannot tell", True)
        assert "points" not in found.ours


def test_c1_counts_an_arm_of_three_names_once():
    arms = FINE | {
        arm("entropy"): FINE[arm("margin")],
        arm("least-confidence"): FINE[arm("margin")],
        arm("qbc"): noisy(CURVE, 8, 0.005, 3),
    }
    one = study(arms, LABELS)
    same = ~one.steps.strategy.isin(["random", "qbc"])
    one.steps["picks_digest"] = [
        f"{seed}-{step}-{'same' if is_same else name}"
        for seed, step, is_same, name in zip(
            one.steps.seed, one.steps.step, same, one.steps.strategy, strict=True
        )
    ]
    assert answer("C1", one) == (
        "cannot tell",
        "1 of 2 are better beyond doubt, none is worse",
    )


def test_c1_holds_for_new_test_rows():
    """Arms that are equally good get other rows right; seeds alone call most of them different."""
    rng, off = np.random.default_rng(0), 0
    for _ in range(8):
        right = rng.random((2, 20, 100, 1)) < rng.beta(2, 1, (2, 1, 100, 1))
        one = answered(dict(zip(("random", "margin"), right, strict=True)), [10])
        off += answer("C1", one)[0] != "cannot tell"
    assert off <= 2  # at 5 %, so few in 99 of 100


def steps_of(shift, initial=10):
    """Steps of 10 and of 20, at equal numbers of labels where both are."""
    small = study({arm("margin"): noisy(CURVE, 6, 0.005, 1, shift)}, LABELS)
    large = {arm("margin", size=20, initial=initial): noisy(CURVE[::2], 6, 0.005, 2)}
    return joined(small, study(large, LABELS[::2]))


@pytest.mark.parametrize(
    ("shift", "word"), [(0.1, "supported"), (0.0, "cannot tell"), (-0.1, "contradicted")]
)
def test_c2(shift, word):
    assert answer("C2", steps_of(shift))[0] == word


def test_c2_needs_equal_first_draws():
    assert answer("C2", steps_of(0.1, initial=20)) == (
        "cannot tell",
        "needs two step sizes with the same first draw (--initial)",
    )


def test_c2_holds_for_new_test_rows():
    """Two of 40 rows more in every seed: sure of the seeds, and nothing of other rows."""
    more = np.arange(40)[:, None] < [10, 22, 24, 24]
    small = answered({arm("margin"): np.array([more] * 6)}, LABELS)
    large = answered({arm("margin", size=20): np.array([more[:, [0, 1]]] * 6)}, LABELS[::2])
    both = joined(small, large)
    frame = pd.concat([small.predictions, large.predictions], ignore_index=True)
    found = judged("C2", replace(both, predictions=frame))
    assert "+5.0 points" in found.ours
    assert "6 seeds and 40 test rows" in found.ours
    assert found.answer == "cannot tell"


def test_c2_leaves_random_out():
    """Cold it is trained on the same rows, so that it has nothing to say of steps."""
    one = steps_of(0.1)
    for frame in (one.trajectories, one.steps):
        frame["strategy"] = "random"
    assert answer("C2", one)[0] == "cannot tell"


@pytest.mark.parametrize(("drop", "word"), [(0.1, "supported"), (-0.1, "contradicted")])
def test_c3(drop, word):
    jumpy, steady = [0.5, 0.5 - abs(drop), 0.6, 0.5], [0.5, 0.55, 0.6, 0.65]
    cold, warm = (jumpy, steady) if drop > 0 else (steady, jumpy)
    arms = {
        arm("margin", "cold"): noisy(cold, 6, 0.005),
        arm("margin", "warm-new"): noisy(warm, 6, 0.005, 1),
    }
    assert answer("C3", study(arms, LABELS))[0] == word


def test_c3_by_hand_over_rows():
    """Of four rows cold has 3, 1, 2, 1 right: 2/4, 0, 1/4 lost in three turns; warm-new nothing."""
    cold = np.array([[1, 0, 0, 0], [1, 0, 1, 0], [1, 1, 1, 1], [0, 0, 0, 0]], bool)
    warm = np.array([[0, 0, 0, 0], [0, 0, 0, 1], [0, 1, 1, 1], [1, 1, 1, 1]], bool)
    arms = {
        arm("margin", "cold"): np.array([cold] * 5),
        arm("margin", "warm-new"): np.array([warm] * 5),
    }
    found = judged("C3", answered(arms, LABELS))
    assert "+25.0 points" in found.ours
    assert "5 seeds and 4 test rows" in found.ours
    assert found.answer == "cannot tell"  # of four rows nobody knows


@pytest.mark.parametrize(
    ("sd", "shift", "word"),
    [
        (0.002, 0.0, "supported"),
        (0.05, 0.0, "cannot tell"),
        (0.002, 0.05, "contradicted"),
    ],
)
def test_c4(sd, shift, word):
    arms = {
        "least-confidence": noisy(CURVE, 8, sd),
        "margin": noisy(CURVE, 8, sd, 1),
        "entropy": noisy(CURVE, 8, sd, 2, shift),
    }
    assert answer("C4", study(arms, LABELS))[0] == word
    binary = study(arms, LABELS, test_labels=("가", "나"))
    assert answer("C4", binary) == (
        "cannot tell",
        "with two labels the three are one order by mathematics",
    )


def test_c4_small_differences_are_alike():
    """A true difference of 0.3 points, known to less than 0.1: it is not 0, and it is small."""
    words = []
    for number in range(12):
        arms = {"margin": noisy(CURVE, 20, 0.002, 2 * number)}
        arms["entropy"] = noisy(CURVE, 20, 0.002, 2 * number + 1, 0.003)
        words.append(answer("C4", study(arms, LABELS[:2]))[0])
    assert words.count("contradicted") <= 1
    assert words.count("supported") >= 11


JUST = np.array([0.0, 0.2, 1.0, 2.0, 3.0, 4.0]) / 1000
"""Above 0 with t = 2.65 at 5 degrees of freedom: p = 0.045 alone, 0.14 of three."""


def test_c4_intervals_hold_together():
    margin = {seed: [0.61 + more] for seed, more in enumerate(JUST)}
    arms = {"margin": margin, "entropy": {seed: [0.6] for seed in range(6)}}
    assert answer("C4", study(arms, [10]))[0] == "contradicted"
    arms["least-confidence"] = arms["entropy"]
    assert answer("C4", study(arms, [10]))[0] == "cannot tell"


@pytest.mark.parametrize(
    ("large", "small", "word"),
    [
        (-0.05, 0.0, "supported"),
        (-0.05, -0.003, "supported"),  # a known 0.3 points are alike
        (-0.003, 0.0, "supported"),  # and slightly worse is worse
        (0.0, 0.0, "cannot tell"),
        (0.05, 0.0, "contradicted"),
        (-0.05, -0.05, "contradicted"),
    ],
)
def test_c5(large, small, word):
    arms = {
        arm("margin"): noisy(CURVE, 8, 0.001),
        arm("qbc"): noisy(CURVE, 8, 0.001, 1, small),
        arm("margin", size=30): noisy(CURVE, 8, 0.001, 2),
        arm("qbc", size=30): noisy(CURVE, 8, 0.001, 3, large),
    }
    assert answer("C5", study(arms, LABELS))[0] == word


@pytest.mark.parametrize(
    ("random", "margin", "word"),
    [
        ("1" * 83 + "0" * 17, "1" * 82 + "0" + "1" * 2 + "0" * 15, "supported"),
        ("1" * 50 + "0" * 50, "1" * 49 + "0" + "1" * 2 + "0" * 48, "cannot tell"),
        ("1" * 50 + "0" * 50, "1" * 60 + "0" * 40, "contradicted"),
    ],
)
@pytest.mark.parametrize("other", ["my:other", "qbc"])
def test_c6(random, margin, word, other):
    """Also where two arms are of one strategy with two parameters."""

    def of(seeds, rows):
        arms = {
            name: np.array([[[letter == "1"] for letter in text * rows]] * seeds)
            for name, text in (("random", random), ("qbc", margin), ("my:other", margin))
        }
        made = answered(arms, [10])
        for table in (made.trajectories, made.steps):
            mine = table.strategy == "my:other"
            if "parameters" in table:
                table.loc[mine, "parameters"] = "disagreement=mean-kl" if other == "qbc" else ""
            table.loc[mine, "strategy"] = other
        return made

    assert answer("C6", of(5, 60))[0] == word
    assert answer("C6", of(4, 60))[0] == "cannot tell"  # however much of random's it contains
    if word == "supported":  # of 100 test rows nobody knows to a point
        assert answer("C6", of(5, 1))[0] == "cannot tell"


HARD, EASY = "다다다나", "가가가나"


def chosen(batches, last):
    """가 is easy, 다 is hard; what arms choose, by arm and seed, and what they learn of it."""
    truth = ["가"] * 100 + ["나"] * 100 + ["다"] * 100
    wrong = {"가": "나", "나": "다", "다": "가"}

    def answers(correct):
        return [
            label if place % 10 < correct[label] else wrong[label]
            for place, label in enumerate(truth)
        ]

    first = {"가": 9, "나": 5, "다": 2}
    said, picks = {}, []
    for name, seeds in {"random": ["가가나나"] * 6, **batches}.items():
        for seed, batch in enumerate(seeds):
            said[name_of(name, seed), 0] = answers(first)
            said[name_of(name, seed), 1] = answers(first if name == "random" else last)
            picks.append(
                pd.DataFrame(
                    {
                        "trajectory": name_of(name, seed),
                        "step": 0,
                        "rank": range(4),
                        "row_id": [f"r{i}" for i in range(4)],
                        "label": list(batch),
                    }
                )
            )
    return study(
        {name: noisy([0.5, 0.6], 6, 0.001) for name in ("random", *batches)},
        [10, 20],
        predictions=predictions(said, truth),
        selections=pd.concat(picks, ignore_index=True),
        rows=pd.concat([ROWS, ROWS.assign(label="다")], ignore_index=True),
    )


@pytest.mark.parametrize(
    ("batch", "last", "word"),
    [
        (HARD, {"가": 9, "나": 6, "다": 8}, "supported"),
        (EASY, {"가": 9, "나": 5, "다": 2}, "contradicted"),
    ],
)
def test_c7(batch, last, word):
    assert answer("C7", chosen({"margin": [batch] * 6}, last))[0] == word


def test_c7_is_corrected_over_the_arms():
    """By seed -1 five times and 0.5 once: t = -3, p = 0.03, which of two arms is 0.06."""
    seeds, last = [EASY] * 5 + ["다나나나"], {"가": 9, "나": 5, "다": 2}
    one = judged("C7", chosen({"margin": seeds}, last))
    assert "−0.75 (−1.39 to −0.11; 6 seeds)" in one.ours
    assert one.answer == "contradicted"
    assert answer("C7", chosen({"margin": seeds, "entropy": seeds}, last))[0] == "cannot tell"


@pytest.mark.parametrize(("batch", "word"), [("가나", "supported"), ("나나", "contradicted")])
def test_c8(batch, word):
    rows = pd.DataFrame(
        {
            "row_id": [f"r{i}" for i in range(400)],
            "split": "train",
            "label": ["가", "나"] * 200,
            "text": "",
            "tokens": 1,
        }
    )
    picks = pd.concat(
        [
            pd.DataFrame(
                {
                    "trajectory": name_of("random", seed),
                    "step": step,
                    "rank": range(10),
                    "row_id": [f"{seed}{step}{i}" for i in range(10)],
                    "label": list(batch * 5),
                }
            )
            for seed in range(6)
            for step in range(6)
        ],
        ignore_index=True,
    )
    one = study({"random": noisy(CURVE, 6, 0.01)}, LABELS, selections=picks, rows=rows)
    assert answer("C8", one)[0] == word
    few = picks.trajectory.isin([name_of("random", seed) for seed in range(4)])
    four = {"random": noisy(CURVE, 4, 0.01)}
    one = study(four, LABELS, selections=picks[few], rows=rows)
    assert answer("C8", one)[0] == "cannot tell"  # of however many batches


def in_turns(alternating, foretold, sizes=(10,)):
    """Six seeds of eight batches: shares of 가 in turns or not, under qbc; and of what it predicts.

    foretold: -1 where 가 is chosen less after it was predicted too often, as is claimed.
    """
    rng = np.random.default_rng(0)
    picks, members = [], []
    arms = {
        arm(name, size=size): noisy(CURVE * 2, 6, 0.01)
        for name, size in product(("random", "qbc"), sizes)
    }
    for (name, size), seed in product(product(("random", "qbc"), sizes), range(6)):
        trajectory = name_of(name, seed, size)
        place = sizes.index(size)
        own = np.random.default_rng(seed).permutation([2, 8, 4, 6, 3, 7, 5, 5])
        counts = [2, 8] * 4 if name == "qbc" and alternating[place] else own
        for step, count in enumerate(counts):
            facts = {"trajectory": trajectory, "step": step}
            batch = ["가"] * count + ["나"] * (10 - count)
            picks.append(pd.DataFrame({**facts, "rank": range(10), "row_id": "r0", "label": batch}))
            share = int(foretold[place] * (count - 5)) if foretold[place] else rng.integers(-4, 5)
            table = [[50, 5 - share, 0], [5 + share, 50, 0], [0, 0, 50]]
            facts |= {"member": 0, "learning_rate": 1e-4, "collapsed": None}
            members.append(facts | {"predicted_counts": None, "confusion": table})
    return study(
        arms,
        [10 * n for n in range(1, 9)],
        selections=pd.concat(picks, ignore_index=True),
        members=pd.DataFrame(members),
        rows=ROWS,
    )


@pytest.mark.parametrize(
    ("alternating", "foretold", "word"),
    [
        ([True], [-1], "supported"),
        ([True], [1], "cannot tell"),  # more of what was predicted too often: not as claimed
        ([True], [0], "cannot tell"),
        ([False], [-1], "contradicted"),
        ([True, False], [0, -1], "cannot tell"),  # both, but not in one setting
        ([True, False], [-1, 0], "supported"),
    ],
)
def test_c9(alternating, foretold, word):
    assert answer("C9", in_turns(alternating, foretold, (10, 20)[: len(foretold)]))[0] == word


def with_controls(full, random, arms=1):
    """Of 80 rows; random and arms, with 0.65 at half, or random with less."""
    made = {arm("random"): noisy([*CURVE[:3], random], 6, 0.0003)}
    for place in range(arms):
        made[arm(f"my:{place}")] = noisy(CURVE, 6, 0.0003, place + 1)
    made["control", "cold", "fine-tuned", 80, 80] = noisy([full], 6, 0.0003, 50)
    one = study(made, LABELS)
    one.steps["pool_share"] = one.steps.n_labelled / 80
    return one


@pytest.mark.parametrize(
    ("full", "random", "word"),
    [
        (0.651, 0.64, "supported"),
        (0.651, 0.65, "cannot tell"),
        (0.655, 0.64, "cannot tell"),
        (0.70, 0.64, "contradicted"),
        (0.70, 0.699, "contradicted"),
    ],
)
def test_c10(full, random, word):
    found = judged("C10", with_controls(full, random))
    assert found.answer == word
    assert ("chosen or not" in found.why) == (random == 0.65)


def test_c10_needs_random():
    one = with_controls(0.651, 0.64)
    frames = {
        name: getattr(one, name)[getattr(one, name).strategy != "random"]
        for name in ("trajectories", "steps")
    }
    assert answer("C10", replace(one, memory={}, **frames))[0] == "cannot tell"


def test_c10_sets_an_arm_against_all_labels_of_its_own_training():
    arms = {}
    for model, full in (("one", 0.70), ("other", 0.60)):
        arms[*arm("margin"), model] = noisy(CURVE, 5, 0.0)
        arms["control", "cold", "fine-tuned", 80, 80, model] = noisy([full], 5, 0.0)
    one = study(arms, LABELS)
    one.steps["pool_share"] = one.steps.n_labelled / 80
    less = {
        row["model"]: float(_all_less_half(one, row, "").values.mean())
        for row in records(one.arms())
        if row["strategy"] == "margin"
    }
    assert less == pytest.approx({"one": 0.70 - CURVE[-1], "other": 0.60 - CURVE[-1]})


def test_c10_the_best_of_many_arms_is_not_taken():
    """Of an arm t = 3.4 says that it lacks less than half a point: enough beside random, p = 0.04,
    but not as the best of six arms.
    """
    more = np.array([0.3, 0.6, 1, 2, 3, 3]) / 1000
    wide = {seed: [0.65 + 0.02 * (-1) ** seed] for seed in range(6)}
    arms = {
        arm("random"): {seed: [0.6] for seed in range(6)},
        arm("margin"): {seed: [0.65 + x] for seed, x in enumerate(more)},
        ("control", "cold", "fine-tuned", 80, 80): {seed: [0.655] for seed in range(6)},
    }
    for others, word in ((0, "supported"), (5, "cannot tell")):
        one = study(arms | {arm(f"my:{n}"): wide for n in range(others)}, [10])
        one.steps["pool_share"] = np.where(one.steps.strategy == "control", 1.0, 0.5)
        assert answer("C10", one)[0] == word


@pytest.mark.parametrize(
    ("curve", "word"),
    [
        ([0.4, 0.66, 0.7, 0.72], "supported"),  # with a little less than 20 of 40
        ([0.4, 0.5, 0.6, 0.66], "contradicted"),
    ],
)
def test_c11(curve, word):
    arms = {"random": noisy(CURVE, 6, 0.001), "margin": noisy(curve, 6, 0.001, 1)}
    assert answer("C11", study(arms, LABELS))[0] == word


def test_c11_a_flat_baseline_saves_nothing():
    """Random has as much with 20 labels as with 40, and so has margin: half of nothing is saved."""
    flat = [0.4, 0.6, 0.6, 0.6]
    arms = {"random": noisy(flat, 8, 0.001), "margin": noisy(flat, 8, 0.001, 1)}
    found = judged("C11", study(arms, LABELS))
    assert found.answer != "supported"
    assert found.ours == "a corpus, margin, N = 40: no saving was shown"


def with_updates(shift, updates, labels=LABELS, controls=0, **source):
    arms = {
        arm(name, size=10, initial=labels[0]): noisy(CURVE, 8, 0.005, seed, by)
        for seed, (name, by) in enumerate({"random": 0.0, "margin": shift}.items())
    }
    full = {("control", "cold", "fine-tuned", 90, 90): {n: [0.9] for n in range(controls)}}
    one = study(arms | full, labels)
    one.steps["updates"] = np.where(one.steps.strategy == "control", 9999, updates)
    for name, digest in source.items():
        one.description.setdefault(name, {})["digest"] = digest
    return one


@pytest.mark.parametrize(
    ("short", "word"), [(-0.05, "supported"), (0.05, "contradicted"), (0.0, "cannot tell")]
)
def test_c12(short, word):
    assert answer("C12", with_updates(short, 40), with_updates(0.05, 200))[0] == word
    assert answer("C12", with_updates(short, 40))[0] == "cannot tell"
    found = judged("C12", with_updates(short, 40), with_updates(0.05, 40, controls=8))
    assert found.ours == ""  # a control's updates are no arm's


@pytest.mark.parametrize(
    "other",
    [{"model": "m"}, {"corpus": "c"}, {"labels": [20, 30, 40, 50]}],
    ids=["another encoder", "another corpus", "another first draw"],
)
def test_c12_compares_what_is_equal_but_for_the_updates(other):
    found = judged("C12", with_updates(-0.05, 40, **other), with_updates(0.05, 200))
    assert (found.answer, found.ours) == ("cannot tell", "")


POOL = [100, 200, 300, 400, 500]
"""Labels of a pool of 1,000."""


def of_corpus(name, curve, labels=POOL, model="m"):
    one = study({"margin": noisy(curve, 6, 0.0005)}, labels)
    one.description["corpus"] = {"name": name, "digest": name}
    one.description["model"] = {"digest": model}
    return one


SETTLED, RISING = [0.4, 0.6, 0.65, 0.65, 0.65], [0.4, 0.5, 0.6, 0.65, 0.7]


@pytest.mark.parametrize(
    ("one", "other", "word"),
    [
        (SETTLED, RISING, "supported"),
        (SETTLED, SETTLED, "contradicted"),
        (RISING, RISING, "contradicted"),
    ],
)
def test_c13(one, other, word):
    assert answer("C13", of_corpus("short", one), of_corpus("long", other))[0] == word
    assert answer("C13", of_corpus("short", one))[0] == "cannot tell"
    noise = of_corpus("short", one)
    noise.steps.loc[noise.steps.n_labelled == 500, "test_score"] += [0.2, -0.2] * 3
    assert answer("C13", noise, of_corpus("long", other))[0] == "cannot tell"


def test_c13_is_about_the_share_of_the_pool():
    """To 30 % of it nothing is known; to 35 % that a curve has settled is not."""
    rising = of_corpus("long", RISING)
    short = of_corpus("short", SETTLED[1:4], [100, 200, 300])
    assert answer("C13", short, rising)[0] == "cannot tell"
    short = of_corpus("short", SETTLED[1:4], [150, 250, 350])
    assert answer("C13", short, rising)[0] == "cannot tell"
    other_model = of_corpus("short", SETTLED, model="another")
    assert answer("C13", other_model, rising)[0] == "cannot tell"
