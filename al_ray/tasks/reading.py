"""Machine reading: the span of a context that answers a question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from al_ray.corpus.question_findings import (
    QUESTION_WORDS,
    QuestionFacts,
    question_facts,
    question_word,
)
from al_ray.corpus.rows import Corpus
from al_ray.corpus.spans import Span, context_of, parse, written
from al_ray.language import tr
from al_ray.strategies import Outputs
from al_ray.strategies.spans import distinct
from al_ray.strategies.units import starts
from al_ray.tasks.answers import exact, f1, rouge_w
from al_ray.tasks.base import Answers, Evaluation, Overview, Targets, Task, band

if TYPE_CHECKING:
    import torch

LONGEST = 50
"""Characters of the longest span that is answered; KorQuAD's have 43 at most."""

BEST = 10
"""Spans of a row that strategies are shown, none of which overlap."""

_FIRST, _LAST = 1, 2


@dataclass(frozen=True)
class Reading(Task):
    """A span of a context, which follows its question and a line break; an answer is `120-123`.

    Each character of the context has two outputs, as the first and as the last of the answer. A row
    is one unit: a distribution over its likeliest distinct spans. Two that share a character are no
    two answers, and would leave no margin.
    """

    name = "reading"
    head = "context"
    gives = frozenset({"units", "probabilities", "vectors", "labelled"})
    reads = True
    score = "character_f1_of_answers"

    @property
    def metrics(self) -> tuple[str, ...]:
        """See `evaluated`."""
        return ("exact_match", "rouge_w", "ceiling")

    @classmethod
    def classes_of(cls, answers: Sequence[str]) -> tuple[str, ...]:
        """A character is the first, or the last, of the answer."""
        return ("first", "last")

    @property
    def kinds(self) -> tuple[str, ...]:
        """One: what is answered is text."""
        return ("answer",)

    def targets(self, answers: Answers, units: NDArray[np.int64] | None) -> Targets:
        """Of each character 1 where the first gold answer begins, 2 where it ends, 3 both.

        All are 0 in rows without an answer, or whose answer is beyond what the model sees.
        """
        assert units is not None, "a unit is a character"
        values, first = np.zeros(int(units.sum()), np.int64), starts(units)
        for answer, begin, n in zip(answers, first, units, strict=True):
            spans = [span for span in parse(answer) if span[1] <= n]
            if spans:
                values[begin + spans[0][0]] += _FIRST
                values[begin + spans[0][1] - 1] += _LAST
        return Targets(values, units)

    def losses(
        self, logits: torch.Tensor, targets: torch.Tensor, units: torch.Tensor | None
    ) -> torch.Tensor:
        """Cross-entropy of where the answer begins and ends, their mean; 0 of rows without one."""
        import torch

        assert units is not None, "a unit is a character"
        sizes = units.tolist()
        rows = zip(logits.float().split(sizes), targets.split(sizes), strict=True)
        found = []
        for said, right in rows:
            logs = torch.log_softmax(said, dim=0)
            first, last = ((right & mark) > 0 for mark in (_FIRST, _LAST))
            found.append(-(logs[first, 0].sum() + logs[last, 1].sum()) / 2)
        return torch.stack(found)

    def believed(self, logits: NDArray[np.float32], units: NDArray[np.int64] | None) -> Outputs:
        """The likeliest distinct spans of each row, their probabilities among themselves."""
        assert units is not None, "a unit is a character"
        parts = np.split(logits.astype(np.float64), np.cumsum(units)[:-1])
        found = [distinct(part[:, 0], part[:, 1], LONGEST, BEST) for part in parts]
        logs = np.stack([spans.log_probabilities for spans in found])
        with np.errstate(divide="ignore"):
            logs = logs - np.log(np.exp(logs).sum(axis=1, keepdims=True))
        ends = [np.where(spans.first < 0, -1, spans.last + 1) for spans in found]
        spans = [np.stack([each.first, end], 1) for each, end in zip(found, ends, strict=True)]
        return Outputs(logs[np.newaxis], spans=np.stack(spans))

    def answered(self, outputs: Outputs, member: int = 0) -> tuple[Answers, NDArray[np.float64]]:
        """The likeliest span, and its probability among the likeliest distinct ones."""
        assert outputs.spans is not None
        found = [written([(int(a), int(b))]) for a, b in outputs.spans[:, 0]]
        return np.array(found, object), np.exp(outputs.log_probabilities[member][:, 0])

    def evaluated(
        self, outputs: Outputs, answers: Answers, texts: Sequence[str] | None = None
    ) -> Evaluation:
        """KorQuAD 1.0's F1 by character, mean over questions; see `answers`.

        `exact_match` is its share of equal answers, `rouge_w` KLUE-MRC's; `ceiling` the share of
        questions whose answer is no longer than an answer may be. Losses are 1 - F1.
        """
        assert texts is not None, "answers are compared as texts"
        contexts, (answered, confidence) = [context_of(x) for x in texts], self.answered(outputs)
        given = [
            _said(context, parse(answer)[0])
            for context, answer in zip(contexts, answered, strict=True)
        ]
        gold = [
            [_said(context, span) for span in parse(answer)]
            for context, answer in zip(contexts, answers, strict=True)
        ]

        def each(score: Callable[[str, Sequence[str]], float]) -> NDArray[np.float64]:
            return np.array([score(a, b) for a, b in zip(given, gold, strict=True)])

        scores = each(f1)
        short = [any(len(text) <= LONGEST for text in texts) for texts in gold]
        metrics = {
            "exact_match": float(each(exact).mean()),
            "rouge_w": float(each(rouge_w).mean()),
            "ceiling": float(np.mean(short)),
        }
        score = float(scores.mean())
        return Evaluation(answered, confidence, score, metrics, scores, 1 - scores)

    def overview(self, given: Answers, right: Answers) -> Overview:
        """Collapsed where all answers begin a context."""
        return Overview([len(given)], all(parse(answer)[0][0] == 0 for answer in given))

    @classmethod
    def strata(cls, text: str, answer: str) -> tuple[str, ...]:
        """What is asked for, and how long the shortest answer and the context are."""
        question, _, context = text.partition("\n")
        lengths = [end - start for start, end in parse(answer)]
        return (
            f"question word: {question_word(question)}",
            f"characters of the answer: {band(min(lengths, default=0), (0, 3, 6, 12))}",
            f"characters of the context: {band(len(context), (300, 500, 700))}",
        )

    @classmethod
    def facts(cls, corpus: Corpus) -> list[tuple[str, ...]]:
        """Articles and contexts, how long they and answers are, and what is asked for."""
        articles = corpus.groups or {i: "" for split in corpus.splits for i in split.row_ids}
        splits = question_facts(corpus, articles)

        def line(name: str, value: Callable[[QuestionFacts], int]) -> tuple[str, ...]:
            return name, *(f"{value(each):,}" for each in splits)

        of_articles = [
            line(tr("articles"), lambda each: each.articles),
            line(tr("whose article is in train"), lambda each: each.leaked),
        ]
        words = (
            (word, *(f"{each.words[word]:,}" for each in splits)) for word in QUESTION_WORDS[:-1]
        )
        return [
            *(of_articles if corpus.groups else []),
            line(tr("contexts"), lambda each: each.contexts),
            line(tr("their characters, median"), lambda each: each.context_characters.median),
            line(tr("95 % have up to"), lambda each: each.context_characters.most),
            line(tr("their longest"), lambda each: each.context_characters.longest),
            line(tr("without an answer"), lambda each: each.unanswered),
            line(tr("an answer's characters, median"), lambda each: each.answer_characters.median),
            line(tr("95 % have up to"), lambda each: each.answer_characters.most),
            line(tr("the longest answer"), lambda each: each.answer_characters.longest),
            *words,
        ]


def _said(context: str, span: Span) -> str:
    return context[span[0] : span[1]]
