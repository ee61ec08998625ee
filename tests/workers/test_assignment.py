"""Who is at a post: the one that its newest assignment asks for, whatever came before."""

from __future__ import annotations

import weakref
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import mini_setup

from al_ray.workers import Assignment, FitJob, Post, Question

ONE = Assignment("news7/margin/member-0", None, 0, "margin", "fine-tuned")
OTHERS = [
    replace(ONE, name="news7/qbc/member-0"),
    replace(ONE, seed=1),
    replace(ONE, strategy="entropy"),
    replace(ONE, strategy="bald:passes=3"),
    replace(ONE, head="frozen"),
    replace(ONE, setup="another"),
]


def test_it_stays_as_long_as_calls_ask_for_the_same():
    made = []
    post = Post(lambda assignment: made.append(assignment) or SimpleNamespace())
    assert post.holder is None
    first = post.at(ONE)
    assert post.at(replace(ONE)) is first is post.holder
    assert made == [ONE]


@pytest.mark.parametrize("other", OTHERS, ids=lambda other: other.name)
def test_whatever_differs_asks_for_a_new_one(other):
    post = Post(lambda assignment: SimpleNamespace(of=assignment))
    first = post.at(ONE)
    assert post.at(other).of == other
    assert post.holder is not first
    assert post.at(ONE) is not first


def test_the_old_one_is_gone_before_the_new_one_is_made():
    """Two models do not fit where one does."""

    class Model:
        pass

    left = []

    def make(assignment):
        left.append([old() for old in seen])
        made = Model()
        seen.append(weakref.ref(made))
        return made

    seen = []
    post = Post(make)
    for assignment in (ONE, *OTHERS[:2]):
        post.at(assignment)
    assert left == [[], [None], [None, None]]


def test_one_that_cannot_be_made_leaves_nobody():
    broken = True

    def make(assignment):
        if assignment != ONE and broken:
            raise OSError("no such file")
        return SimpleNamespace(of=assignment)

    post = Post(make)
    post.at(ONE)
    for _ in range(2):
        with pytest.raises(OSError, match="no such file"):
            post.at(OTHERS[0])
        assert post.holder is None
    broken = False
    assert post.at(OTHERS[0]).of == OTHERS[0]


# Real ones


@pytest.fixture(scope="module")
def setup(tmp_path_factory):
    import torch

    before = torch.get_num_threads()
    yield mini_setup(tmp_path_factory.mktemp("cache"), updates=3)
    torch.set_num_threads(before)


def fitted(post, assignment):
    rows = np.arange(3, 33, 2)
    job = FitJob(0, rows, (rows % 7).astype(np.int32), 2e-3, assignment.seed, 1, None)
    return post.at(assignment).fit(job)[0]


def scored(post, assignment, weights):
    return post.at(assignment).score(np.arange(40, 100), Question([weights], 0, assignment.seed, 1))


def test_it_computes_what_a_new_process_would(setup):
    """Bit by bit, after another seed, another strategy, and one that trains more of a model."""
    first = Assignment("a", setup, 0, "margin", "fine-tuned")
    then = [
        replace(first, name="b", seed=1),
        replace(first, name="c", seed=1, strategy="learning-loss"),
        replace(first, name="d", strategy="bald"),
        replace(first, name="e"),
    ]
    member, shard = Post(Assignment.member), Post(Assignment.shard)
    scored(shard, first, fitted(member, first))
    for assignment in then:
        new_member, new_shard = Post(Assignment.member), Post(Assignment.shard)
        weights, expected = fitted(member, assignment), fitted(new_member, assignment)
        assert weights.keys() == expected.keys()
        for name, array in expected.items():
            np.testing.assert_array_equal(weights[name], array, err_msg=name)
        np.testing.assert_array_equal(
            scored(shard, assignment, weights).scores,
            scored(new_shard, assignment, expected).scores,
        )
