"""Both gradient lengths: by hand, against plain Python and against torch's own gradients.

The gradients with respect to word embeddings are tested in tests/learners/encoder/test_observe.py;
here is what the score makes of their norms.
"""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from al_ray.strategies import Outputs, build, log_softmax

NAME, WORD = "expected-gradient-length", "expected-gradient-length-word"


def score(p, vectors, bias=True):
    """Scores of rows of probabilities and vectors."""
    with np.errstate(divide="ignore"):
        logs = np.log(np.array(p, dtype=float))[None]
    return build(NAME).score(Outputs(logs, vectors=np.array(vectors, np.float32), bias=bias))


def gradient(p, h, label, bias):
    """Every number of the layer's gradient at one label, as a flat list."""
    fed = [*h, 1.0] if bias else list(h)
    return [(q - (c == label)) * x for c, q in enumerate(p) for x in fed]


def twin(p, h, bias=True):
    """sum_y p_y |gradient at y|, the gradient written out."""
    labels = range(len(p))
    return math.fsum(
        p[y] * math.sqrt(math.fsum(g * g for g in gradient(p, h, y, bias))) for y in labels
    )


distributions = (
    st.lists(st.integers(0, 1000), min_size=2, max_size=7)
    .filter(any)
    .map(lambda weights: [weight / sum(weights) for weight in weights])
)
vectors = st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("p", "h", "bias", "expected"),
    [
        # |p - e| is sqrt(1/2) at both labels; |h| = 5, |[h; 1]| = sqrt(26).
        ([0.5, 0.5], [3, 4], False, 5 * math.sqrt(0.5)),
        ([0.5, 0.5], [3, 4], True, math.sqrt(13)),
        # 1/2 sqrt(1/4 + 1/16 + 1/16) + 2 · 1/4 sqrt(1/4 + 9/16 + 1/16)
        ([0.5, 0.25, 0.25], [2], False, math.sqrt(3 / 8) + math.sqrt(7 / 8)),
        ([1.0, 0.0], [3, 4], True, 0.0),
    ],
)
def test_by_hand(p, h, bias, expected):
    assert score([p], [h], bias) == pytest.approx([expected], rel=1e-14)


@settings(deadline=None)
@given(distributions, vectors, st.booleans())
def test_against_the_gradient_written_out(p, h, bias):
    assert score([p], [h], bias)[0] == pytest.approx(twin(p, h, bias), rel=1e-12, abs=1e-300)


@settings(deadline=None, max_examples=30)
@given(
    hnp.arrays(np.float32, (3, 4), elements=st.floats(-3, 3, width=32)),
    st.integers(2, 6),
    st.booleans(),
    st.integers(0, 9),
)
def test_against_autograd_on_a_linear_layer(h, labels, bias, seed):
    """One text and one label at a time; the layer's own parameters, in double precision."""
    layer = torch.nn.Linear(4, labels, bias=bias).double()
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draw).double())
    expected, logs = [], []
    for row in torch.from_numpy(h).double():
        log_p = torch.log_softmax(layer(row), dim=0)
        lengths = [
            torch.cat([g.flatten() for g in grads]).norm()
            for grads in (
                torch.autograd.grad(-log_p[y], layer.parameters(), retain_graph=True)
                for y in range(labels)
            )
        ]
        expected.append(float(log_p.detach().exp() @ torch.stack(lengths)))
        logs.append(log_p.detach().numpy())
    found = build(NAME).score(Outputs(np.stack(logs)[None], vectors=h, bias=bias))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


@given(distributions, vectors)
def test_the_expected_gradient_is_zero_and_its_expected_length_is_not(p, h):
    """E_y[gradient] = 0, so the norm of the mean would be 0: it is the mean of the norms."""
    mean = np.sum([q * np.array(gradient(p, h, y, True)) for y, q in enumerate(p)], axis=0)
    assert np.abs(mean).max() <= 1e-13 * max(1, *map(abs, h))
    if max(p) < 1:
        assert score([p], [h])[0] > 0


@given(st.floats(1e-6, 1 - 1e-6), vectors)
def test_two_labels_in_closed_form(p, h):
    """2 sqrt(2) p (1 - p) |[h; 1]|."""
    length = math.sqrt(math.fsum(x * x for x in h) + 1)
    expected = 2 * math.sqrt(2) * p * (1 - p) * length
    assert score([[p, 1 - p]], [h])[0] == pytest.approx(expected, rel=1e-10)


def test_no_bias_no_one():
    zero = [[0.0, 0.0]]
    assert score([[0.5, 0.5]], zero, bias=False) == [0]
    assert score([[0.5, 0.5]], zero, bias=True) == pytest.approx([math.sqrt(0.5)])


def test_a_nearly_certain_row_keeps_its_digits():
    """p_y |p - e_y| of p = (1 - e, e): 2 sqrt(2) e (1 - e), where 1 - p in float64 is 0."""
    gaps = np.array([40, 60, 90], np.float32)
    outputs = Outputs(
        log_softmax(np.stack([gaps, 0 * gaps], axis=1))[None],
        vectors=np.zeros((3, 2), np.float32),
    )
    expected = [2 * math.sqrt(2) * math.exp(-gap) for gap in gaps.tolist()]
    np.testing.assert_allclose(build(NAME).score(outputs), expected, rtol=1e-12)


def test_with_vectors_of_one_length_it_ranks_nearly_as_gini():
    """What its docstring says of a pooler that ends in tanh: no independent evidence."""
    rng = np.random.default_rng(0)
    p = np.maximum(rng.dirichlet(np.full(7, 0.3), 2000), 1e-12)
    h = np.tanh(rng.normal(scale=2, size=(2000, 768)))
    found = scipy.stats.spearmanr(score(p, h), 1 - np.square(p).sum(axis=1)).statistic
    assert found > 0.97


# Words


def word_score(p, norms):
    with np.errstate(divide="ignore"):
        logs = np.log(np.array(p, dtype=float))[None]
    return build(WORD).score(Outputs(logs, word_gradients=np.array(norms, np.float32)))


def test_word_is_the_largest_sum_and_not_the_sum_of_the_largest():
    """Label 0 would teach word 0, label 1 word 1, both a little of word 2."""
    p = [[0.5, 0.5]]
    norms = [[[4.0, 0.0, 3.0], [0.0, 4.0, 3.0]]]
    assert word_score(p, norms) == [3.0]  # and not 0.5 · 4 + 0.5 · 4


@settings(deadline=None)
@given(
    distributions.flatmap(
        lambda p: st.tuples(
            st.just(p),
            st.lists(
                st.lists(st.floats(0, 100, width=32), min_size=len(p), max_size=len(p)),
                min_size=1,
                max_size=6,
            ),
        )
    )
)
def test_word_against_plain_python(case):
    p, words = case
    expected = max(math.fsum(q * x for q, x in zip(p, word, strict=True)) for word in words)
    norms = np.array(words, np.float32).T[None]
    assert word_score([p], norms)[0] == pytest.approx(expected, rel=1e-13, abs=1e-300)


def test_word_of_a_label_that_is_excluded_counts_nothing():
    """0 times a gradient of any size, here the largest float32."""
    assert word_score([[1.0, 0.0]], [[[2.0], [3.4e38]]]) == [2.0]


def test_word_of_a_row_without_words():
    assert word_score([[0.5, 0.5]], np.zeros((1, 2, 0))) == [0]
    assert word_score([[0.5, 0.5]] * 2, [[[0, 0], [0, 0]], [[1, 0], [1, 0]]]).tolist() == [0, 1]
