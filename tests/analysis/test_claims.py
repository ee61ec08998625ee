"""The claims, on studies made so that the answer is plain, and where there is none."""

import pandas as pd
import pytest
from small_studies import name_of, noisy, predictions, study
from test_mix import ROWS

from al_ray.analysis.claims import CLAIMS, claims

LABELS = [10, 20, 30, 40]
CURVE = [0.4, 0.5, 0.6, 0.65]


def answer(claim, *studies):
    table = claims(studies).set_index("claim")
    assert list(table.index) == list(CLAIMS)
    return table.answer[claim], table.why[claim]


def arm(strategy="random", retrain="cold", size=10, initial=10):
    return (strategy, retrain, "fine-tuned", size, initial)


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


def steps_of(shift):
    """Steps of 10 and of 20 from one first draw, at equal numbers of labels where both are."""
    small = study({arm("margin"): noisy(CURVE, 6, 0.005, 1, shift)}, LABELS)
    large = study({arm("margin", size=20): noisy(CURVE[::2], 6, 0.005, 2)}, LABELS[::2])
    frames = {
        name: pd.concat([getattr(small, name), getattr(large, name)], ignore_index=True)
        for name in ("trajectories", "steps")
    }
    return small.__class__(**{**vars(small), **frames})


@pytest.mark.parametrize(
    ("shift", "word"), [(0.1, "supported"), (0.0, "cannot tell"), (-0.1, "contradicted")]
)
def test_c2(shift, word):
    assert answer("C2", steps_of(shift))[0] == word


@pytest.mark.parametrize(("drop", "word"), [(0.1, "supported"), (-0.1, "contradicted")])
def test_c3(drop, word):
    jumpy, steady = [0.5, 0.5 - abs(drop), 0.6, 0.5], [0.5, 0.55, 0.6, 0.65]
    cold, warm = (jumpy, steady) if drop > 0 else (steady, jumpy)
    arms = {
        arm("margin", "cold"): noisy(cold, 6, 0.005),
        arm("margin", "warm-new"): noisy(warm, 6, 0.005, 1),
    }
    assert answer("C3", study(arms, LABELS))[0] == word


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


@pytest.mark.parametrize(("large", "word"), [(-0.05, "supported"), (0.05, "contradicted")])
def test_c5(large, word):
    arms = {
        arm("margin"): noisy(CURVE, 8, 0.001),
        arm("qbc"): noisy(CURVE, 8, 0.001, 1),
        arm("margin", size=30): noisy(CURVE, 8, 0.001, 2),
        arm("qbc", size=30): noisy(CURVE, 8, 0.001, 3, large),
    }
    assert answer("C5", study(arms, LABELS))[0] == word


def right(text):
    return ["가" if letter == "1" else "나" for letter in text]


@pytest.mark.parametrize(
    ("random", "margin", "word"),
    [
        ("1" * 83 + "0" * 17, "1" * 82 + "0" + "1" * 2 + "0" * 15, "supported"),
        ("1" * 50 + "0" * 50, "1" * 49 + "0" + "1" * 2 + "0" * 48, "cannot tell"),
        ("1" * 50 + "0" * 50, "1" * 60 + "0" * 40, "contradicted"),
    ],
)
def test_c6(random, margin, word):
    arms = {"random": noisy([0.5], 5, 0.01), "margin": noisy([0.5], 5, 0.01)}
    made = predictions(
        {
            (name_of(name, seed), 0): right(text)
            for name, text in (("random", random), ("margin", margin))
            for seed in range(5)
        },
        ["가"] * 100,
    )
    assert answer("C6", study(arms, [10], predictions=made))[0] == word


@pytest.mark.parametrize(("favoured", "word"), [("hard", "supported"), ("easy", "contradicted")])
def test_c7(favoured, word):
    """가 is easy, 다 is hard; margin chooses one of them, and what is chosen gains."""
    truth = ["가"] * 10 + ["나"] * 10 + ["다"] * 10
    wrong = {"가": "나", "나": "다", "다": "가"}

    def answers(correct):
        return [
            label if place % 10 < correct[label] else wrong[label]
            for place, label in enumerate(truth)
        ]

    first = {"가": 9, "나": 5, "다": 2}
    last = {"가": 9, "나": 6, "다": 8} if favoured == "hard" else first
    said, picks = {}, []
    for seed in range(6):
        for name in ("random", "margin"):
            said[name_of(name, seed), 0] = answers(first)
            said[name_of(name, seed), 1] = answers(last if name == "margin" else first)
            share = {"hard": "다다다나", "easy": "가가가나"}[favoured]
            batch = share if name == "margin" else "가가나나"
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
    rows = pd.concat([ROWS, ROWS.assign(label="다")], ignore_index=True)
    arms = {name: noisy([0.5, 0.6], 6, 0.001) for name in ("random", "margin")}
    one = study(
        arms,
        [10, 20],
        predictions=predictions(said, truth),
        selections=pd.concat(picks, ignore_index=True),
        rows=rows,
    )
    assert answer("C7", one)[0] == word


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
            for step in range(4)
        ],
        ignore_index=True,
    )
    one = study({"random": noisy(CURVE, 6, 0.01)}, LABELS, selections=picks, rows=rows)
    assert answer("C8", one)[0] == word


def with_controls(full):
    arms = {
        "margin": noisy(CURVE, 6, 0.001),
        ("control", "cold", "fine-tuned", 80, 80): noisy([full], 6, 0.001),
    }
    one = study(arms, LABELS)
    one.steps["pool_share"] = one.steps.n_labelled / 80
    return one


@pytest.mark.parametrize(
    ("full", "word"), [(0.651, "supported"), (0.655, "cannot tell"), (0.70, "contradicted")]
)
def test_c10(full, word):
    assert answer("C10", with_controls(full))[0] == word


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


@pytest.mark.parametrize(
    ("short", "word"), [(-0.05, "supported"), (0.05, "contradicted"), (0.0, "cannot tell")]
)
def test_c12(short, word):
    def of(shift, updates):
        arms = {"random": noisy(CURVE, 8, 0.005), "margin": noisy(CURVE, 8, 0.005, 1, shift)}
        one = study(arms, LABELS)
        one.steps["updates"] = updates
        return one

    assert answer("C12", of(short, 40), of(0.05, 200))[0] == word
    assert answer("C12", of(short, 40))[0] == "cannot tell"


@pytest.mark.parametrize(
    ("ends", "word"),
    [
        ((0.650, 0.75), "supported"),
        ((0.650, 0.650), "contradicted"),
        ((0.70, 0.75), "contradicted"),
    ],
)
def test_c13(ends, word):
    def of(name, end):
        one = study({"margin": noisy([0.4, 0.65, 0.65, end], 6, 0.0005)}, LABELS)
        one.description["corpus"]["name"] = name
        return one

    assert answer("C13", of("short", ends[0]), of("long", ends[1]))[0] == word
    assert answer("C13", of("short", ends[0]))[0] == "cannot tell"
