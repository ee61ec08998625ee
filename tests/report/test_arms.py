"""What arms are called, and that no two of them look alike."""

from __future__ import annotations

import pandas as pd
import pytest

from al_ray.analysis.summary import ARM, with_learner
from al_ray.report.arms import _KNOWN, Arms
from al_ray.report.figures.base import chosen, domain, equals, records
from al_ray.report.theme import DARK, LIGHT, settled
from al_ray.strategies.registry import STRATEGIES

SHORT = ARM[:5]
"""Without what was trained, which is equal here."""


def arms(*rows):
    return Arms(with_learner(pd.DataFrame(rows, columns=SHORT), {}))


def test_names_are_no_longer_than_they_must_be():
    one = arms(("margin", "cold", "fine-tuned", 10, 10), ("random", "cold", "fine-tuned", 10, 10))
    assert one.names == ["random", "margin"]
    two = arms(
        ("margin", "cold", "fine-tuned", 1000, 1000),
        ("margin", "warm-new", "fine-tuned", 3000, 3000),
        ("margin", "cold", "frozen", 1000, 500),
        ("control", "cold", "fine-tuned", 70, 70),
    )
    assert two.names == [
        "margin, cold, 1,000 a step, first 1,000",
        "margin, warm-new, 3,000 a step, first 3,000",
        "margin, cold, frozen, 1,000 a step, first 500",
    ]
    assert two.line_names == ["margin, cold", "margin, warm-new", "margin, cold, frozen"]


def test_first_draws_are_named_where_they_differ():
    made = arms(("margin", "cold", "fine-tuned", 10, 20), ("margin", "cold", "fine-tuned", 10, 10))
    assert made.names == ["margin, 10 a step, first 10", "margin, 10 a step, first 20"]


def test_named_leaves_controls_out():
    rows = pd.DataFrame(
        [("margin", "cold", "fine-tuned", 10, 10, 1), ("control", "cold", "fine-tuned", 70, 70, 2)],
        columns=[*SHORT, "value"],
    )
    rows = with_learner(rows, {})
    made = Arms(rows).named(rows)
    assert made.value.tolist() == [1]
    assert made.arm.tolist() == made.line.tolist() == ["margin"]


def test_no_two_strategies_look_alike():
    assert len(set(_KNOWN.values())) == len(_KNOWN)
    assert set(STRATEGIES) <= set(_KNOWN)
    own = [(f"mine:A{i}", "cold", "fine-tuned", 10, 10) for i in range(12)]
    known = [(name, "cold", "fine-tuned", 10, 10) for name in _KNOWN]
    made = arms(*known, *own)
    assert len({(line.colour, line.shape) for line in made.lines}) == len(_KNOWN) + 12


def test_regimes_share_a_colour_and_differ_in_dash():
    made = arms(
        *(("margin", regime, "fine-tuned", 10, 10) for regime in ("cold", "warm", "warm-new")),
        ("margin", "cold", "frozen", 10, 10),
    )
    assert len({(line.colour, line.shape) for line in made.lines}) == 1
    assert len({line.dash for line in made.lines}) == 4


def test_a_strategy_looks_the_same_whatever_is_beside_it():
    alone = arms(("qbc", "cold", "fine-tuned", 10, 10)).lines[0]
    beside = arms(("margin", "warm", "frozen", 5, 5), ("qbc", "cold", "fine-tuned", 10, 10))
    other = next(line for line in beside.lines if line.strategy == "qbc")
    assert (alone.colour, alone.shape) == (other.colour, other.shape)


def test_records_are_json_and_rounded():
    frame = pd.DataFrame({"a": [0.123456, float("nan"), float("inf")], "b": ["x", None, "<"]})
    assert records(frame) == [
        {"a": 0.1235, "b": "x"},
        {"a": None, "b": None},
        {"a": None, "b": "<"},
    ]
    flags = pd.DataFrame({"n": [1, 2], "is": [True, False]})
    assert records(flags) == [{"n": 1, "is": True}, {"n": 2, "is": False}]


def test_expressions_hold_any_value():
    assert equals("group", 'a"b') == 'datum["group"] === "a\\"b"'
    assert chosen("arm", "step") == 'datum["arm"] === arm && datum["step"] === step'


@pytest.mark.parametrize("values", [[0.5], [0.1, 0.9], [float("nan")], []])
def test_a_domain_holds_its_values(values):
    low, high = domain(values)
    assert low < high
    assert all(low < value < high for value in values if value == value)


def test_files_have_colours_of_their_own():
    assert set(LIGHT) == set(DARK)
    assert settled({"fill": ["var(--ink)", "x"]}) == {"fill": [LIGHT["ink"], "x"]}
