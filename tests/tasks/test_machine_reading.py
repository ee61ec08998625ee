"""Machine reading against numbers worked by hand and a brute force over all spans."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al_ray.corpus.embedded import EMBEDDED
from al_ray.errors import UserError
from al_ray.strategies import build, check_needs
from al_ray.tasks import task_of
from al_ray.tasks.reading import BEST, LONGEST

TASK = task_of("reading", ("0-2", "-"))
CONTEXT = "서울은 한국의 수도다"


def logits_of(spans, lengths, height=8.0):
    """That point to the first and last character of a span in each row."""
    parts = []
    for (start, end), n in zip(spans, lengths, strict=True):
        part = np.zeros((n, 2), np.float32)
        part[start, 0] = part[end - 1, 1] = height
        parts.append(part)
    return np.concatenate(parts)


def test_targets_mark_both_ends():
    """One of a single character is both; of what is cut off, or not there, nothing is marked."""
    answers = np.array(["0-2", "3-4", "-", "2-9", "1-3 4-5"], object)
    found = TASK.targets(answers, np.array([3, 4, 2, 4, 5]))
    rows = np.split(found.values, [3, 7, 9, 13])
    assert [row.tolist() for row in rows] == [
        [1, 2, 0], [0, 0, 0, 3], [0, 0], [0, 0, 0, 0], [0, 1, 2, 0, 0]
    ]  # fmt: skip


def test_losses_are_the_cross_entropy_of_both_ends():
    torch = pytest.importorskip("torch")
    random, units = np.random.default_rng(0), np.array([4, 3, 2])
    logits = random.normal(size=(9, 2)).astype(np.float32)
    answers = np.array(["1-3", "2-3", "-"], object)
    targets = TASK.targets(answers, units).values
    found = TASK.losses(*map(torch.from_numpy, (logits, targets, units)))

    def log(part, place):
        return part[place] - np.log(np.exp(part).sum())

    first, second = logits[:4], logits[4:7]
    expected = [
        -(log(first[:, 0], 1) + log(first[:, 1], 2)) / 2,
        -(log(second[:, 0], 2) + log(second[:, 1], 2)) / 2,
        0.0,
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_the_answer_is_the_best_of_all_spans(lengths, seed):
    random, units = np.random.default_rng(seed), np.array(lengths)
    logits = random.normal(scale=3, size=(int(units.sum()), 2)).astype(np.float32)
    outputs = TASK.believed(logits, units)
    given_answers, confidence = TASK.answered(outputs)
    assert outputs.log_probabilities.shape == (1, len(units), BEST)
    np.testing.assert_allclose(np.exp(outputs.log_probabilities[0]).sum(axis=1), 1)
    for row, part in enumerate(np.split(logits.astype(float), np.cumsum(units)[:-1])):
        every = {
            (start, end): part[start, 0] + part[end - 1, 1]
            for start in range(len(part))
            for end in range(start + 1, min(len(part), start + LONGEST) + 1)
        }
        start, end = map(int, given_answers[row].split("-"))
        assert every[start, end] == pytest.approx(max(every.values()))
        spans = [tuple(span) for span in outputs.spans[row] if span[0] >= 0]
        assert all(a[1] <= b[0] or b[1] <= a[0] for a in spans for b in spans if a != b)
        assert confidence[row] >= np.exp(outputs.log_probabilities[0, row]).max() - 1e-12


def test_by_hand():
    """서울 for 서울 is right, 한국의 for 한국 has 2 of 3 and 2 characters, 수도 for 서울은 none."""
    texts = [f"질문?\n{CONTEXT}"] * 3
    outputs = TASK.believed(logits_of([(0, 2), (4, 7), (8, 10)], [11] * 3), np.array([11] * 3))
    found = TASK.evaluated(outputs, np.array(["0-2", "4-6", "0-3"], object), texts)
    np.testing.assert_allclose(found.scores, [1, 2 * 2 / (3 + 2), 0])
    assert found.metrics["exact_match"] == pytest.approx(1 / 3)
    assert found.metrics["ceiling"] == 1
    assert found.score == pytest.approx(found.scores.mean())


def test_one_certain_span_leaves_a_margin_and_two_rivals_none():
    """Spans that overlap the best are no rivals: they would be near it for certain."""
    certain = logits_of([(3, 6)], [12])
    torn = logits_of([(1, 3)], [12]) + logits_of([(7, 9)], [12])
    margin = build("margin")
    sure, unsure = (margin.score(TASK.believed(x, np.array([12])))[0] for x in (certain, torn))
    assert sure < unsure
    assert unsure == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("name", ["qbc", "bald", "badge", "contrastive", "mnlp"])
def test_what_cannot_be_put_side_by_side_is_refused_by_name(name):
    with pytest.raises(UserError, match=f"--strategies {name}: .*reading"):
        check_needs(name, build(name), TASK.gives, "reading")


def test_generated_questions_have_their_answers():
    corpus = EMBEDDED["embedded-questions"](50, 20)
    assert corpus.digest == EMBEDDED["embedded-questions"](50, 20).digest
    assert corpus.train.texts == EMBEDDED["embedded-questions"](50, 30).train.texts
    for text, label in zip(corpus.train.texts, corpus.train.labels, strict=True):
        start, end = map(int, corpus.labels[label].split("-"))
        said = text.split("\n")[1][start:end]
        assert said
        assert said == said.strip()
    lines = {name: cells for name, *cells in type(TASK).facts(corpus)}
    assert lines["without an answer"] == ["0", "0"]
