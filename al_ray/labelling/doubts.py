"""Labels to look at again, and texts that a second person should see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from al_ray.labelling.answers.log import Word, conflicts, consensus
from al_ray.labelling.project import Project
from al_ray.randomness import generator

FOLDS = 5


@dataclass(frozen=True)
class Doubt:
    """A label to look at again.

    Attributes:
        label: that the row has.
        other: that a model thinks which has not learnt the row.
        probability: of that.
    """

    row_id: str
    label: str
    other: str
    probability: float


@dataclass(frozen=True, eq=False)
class _Believed:
    """What a linear model thinks of rows that it has not learnt.

    Attributes:
        ids: (rows,).
        labels: those of the project that a row has.
        codes: (rows,) positions among them.
        shares: (rows, labels).
    """

    ids: list[str]
    labels: list[str]
    codes: NDArray[np.int64]
    shares: NDArray[np.float64]


def doubts(project: Project, agreed: Mapping[str, str]) -> tuple[Doubt, ...] | None:
    """By confident learning (Northcutt et al. 2021), as cleanlab has it; the worst first.

    Args:
        project: whose encoder's vectors tell.
        agreed: rows and their labels.

    Returns:
        None where there are no vectors, or an answer is no label of a few.
    """
    from cleanlab.filter import find_label_issues

    if project.vectors_there() is None or not project.task.few:
        return None
    told = _believed(project, agreed)
    if told is None:
        return ()
    found = find_label_issues(
        told.codes,
        told.shares,
        return_indices_ranked_by="self_confidence",
        filter_by="confident_learning",
        n_jobs=1,
    )
    best = told.shares.argmax(axis=1)
    return tuple(
        Doubt(
            told.ids[row],
            told.labels[told.codes[row]],
            told.labels[best[row]],
            float(told.shares[row, best[row]]),
        )
        for row in map(int, found)
    )


def again(project: Project, word: Word, n: int) -> list[str]:
    """Rows of which one more label would teach most, at most n.

    Those in conflict, then by ActiveLab (Goh & Mueller 2023), as cleanlab has it.
    """
    from cleanlab.multiannotator import get_active_learning_scores

    clash, told = conflicts(word), _believed(project, consensus(word))
    if told is None or len(clash) >= n:
        return clash[:n]
    # Of whom a label is known; others have skipped, or given labels that nobody agreed on.
    said = [
        (place, who, told.labels.index(each.answer))
        for place, row in enumerate(told.ids)
        for who, each in word[row].items()
        if each.answer in told.labels
    ]
    people = sorted({who for _, who, _ in said})
    given = np.full((len(told.ids), len(people)), np.nan)
    for place, who, label in said:
        given[place, people.index(who)] = label
    scores, _ = get_active_learning_scores(given, told.shares)
    order = np.argsort(scores, kind="stable")
    return [*clash, *(told.ids[row] for row in order)][:n]


def _believed(project: Project, agreed: Mapping[str, str]) -> _Believed | None:
    """None: no vectors, too few rows, all have one label, or answers are no labels of a few."""
    if not project.task.few:
        return None
    vectors, ids = project.vectors_there(), sorted(agreed)
    labels = [label for label in project.facts.labels if label in set(agreed.values())]
    if vectors is None or len(ids) < 2 * FOLDS or len(labels) < 2:
        return None
    codes = np.array([labels.index(agreed[row]) for row in ids], np.int64)
    features = np.asarray(vectors[project.numbers(ids)])
    shares = out_of_fold(features, codes.astype(np.int32), len(labels), project.config.seed)
    return _Believed(ids, labels, codes, shares)


def out_of_fold(
    vectors: NDArray[np.float32], codes: NDArray[np.int32], labels: int, seed: int
) -> NDArray[np.float64]:
    """Probabilities (rows, labels) of each row by a linear model that has not learnt it.

    Args:
        vectors: (rows, width), standardised.
        codes: (rows,) labels.
        labels: how many there are.
        seed: of the folds.
    """
    from al_ray.learners import linear
    from al_ray.strategies import log_softmax

    fold = generator(seed, 0, "folds").permutation(len(codes)) % FOLDS
    found = np.empty((len(codes), labels))
    for number in range(FOLDS):
        inside, outside = fold != number, fold == number
        model, _, _ = linear.fit(vectors[inside], codes[inside], labels)
        found[outside] = np.exp(log_softmax(linear.logits(model, vectors[outside])))
    return found
