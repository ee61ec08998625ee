"""Agreement against published figures, and the definition by pairs of values."""

import math
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from al_ray.labelling.answers.agreement import alpha, pairs

# Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, examples A and C.
BINARY = ["0100000010", "1110010000"]
MISSING = ["12332141 2   ".replace(" 2   ", "2..."), "12332241 25.3".replace(" ", ""),
           ".33323422 51.".replace(" ", ""), "123324412 51.".replace(" ", "")]  # fmt: skip


def units(observers):
    """By unit, the value of each observer that has one."""
    return {
        str(unit): {str(who): value for who, value in enumerate(column) if value != "."}
        for unit, column in enumerate(zip(*observers, strict=True))
        if sum(value != "." for value in column) > 1
    }


def test_published():
    assert alpha(units(BINARY)) == pytest.approx(0.095, abs=5e-4)
    assert alpha(units(MISSING)) == pytest.approx(0.743, abs=5e-4)


ANSWERS = st.dictionaries(
    st.sampled_from("123456"),
    st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"), min_size=2),
    min_size=1,
)


@given(ANSWERS)
def test_is_its_definition(answers):
    """Observed over expected disagreement, of all pairs of values within and across units."""
    values = [value for by in answers.values() for value in by.values()]
    observed = sum(
        sum(a != b for a, b in permutations(by.values(), 2)) / (len(by) - 1)
        for by in answers.values()
    ) / len(values)
    expected = sum(a != b for a, b in permutations(values, 2)) / (len(values) * (len(values) - 1))
    if not expected:
        assert math.isnan(alpha(answers))
    else:
        assert alpha(answers) == pytest.approx(1 - observed / expected)


def test_who_disagrees_with_whom():
    answers = {
        "1": {"가람": "정치", "나래": "경제"},
        "2": {"가람": "정치", "나래": "경제", "다솜": "정치"},
        "3": {"가람": "세계", "나래": "세계"},
    }
    first, *_ = found = pairs(answers)
    assert [(p.one, p.other, p.alike, p.rows) for p in found] == [
        ("나래", "다솜", 0, 1), ("가람", "나래", 1, 3), ("가람", "다솜", 1, 1)
    ]  # fmt: skip
    assert first.apart == (("경제", "정치", 1),)
    assert found[1].apart == (("정치", "경제", 2),)
