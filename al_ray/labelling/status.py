"""How a project stands: numbers from its tables alone, but for what is to be looked at again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from al_ray.labelling.answers.agreement import Pair, alpha, answers_of, pairs
from al_ray.labelling.answers.log import Said, Word, conflicts, consensus, measured_by, paid
from al_ray.labelling.doubts import Doubt, doubts
from al_ray.labelling.project import Project
from al_ray.search.stopping import CRITERIA, NEED_VALIDATION, stops_at
from al_ray.search.stops import course_of

ENOUGH = 20
"""Rows with two answers below which their agreement says next to nothing."""

PAUSE = 600.0
"""Seconds over which nobody has thought about a text: a break, which is no work."""


@dataclass(frozen=True)
class Measured:
    """A model's accuracy on rows that were drawn at random, which no model learns.

    Attributes:
        labels: paid for when it was learnt.
        rows: at random, that had an answer by then.
        accuracy: share of them that it answers as people did; NaN: there are none.
        low, high: 95 % of this model on all texts (Wilson 1927).
    """

    labels: int
    rows: int
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class Gain:
    """What a batch brought: accuracy after it less accuracy before.

    Attributes:
        difference: a share.
        low, high: 95 % (Newcombe 1998, of two samples; both are of nearly the same texts, so that
            it is wider than it need be).
    """

    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class Person:
    """What an annotator has done.

    Attributes:
        answers, skips: that count now.
        hours: at it; NaN where nobody measured.
    """

    name: str
    answers: int
    skips: int
    hours: float

    @property
    def an_hour(self) -> float:
        """Texts an hour, answered or skipped."""
        return (self.answers + self.skips) / self.hours if self.hours else math.nan


@dataclass(frozen=True)
class Status:
    """All that `al-ray label status` says.

    Attributes:
        rows: of the project.
        batches: asked so far.
        left: rows of the last one of which nobody has spoken.
        labelled: rows with an answer.
        paid: answers and skips of all annotators.
        skipped: rows that everybody skipped.
        unmeasured: rows drawn at random that were asked for and that everybody skipped.
        conflicts: row ids on whose answer no most agree.
        people: who did what, who did most first.
        curve: of every model.
        gained: what the last batch brought; None: there are no two models that were measured.
        alpha: Krippendorff's; NaN where fewer than `ENOUGH` rows have two answers.
        shared: rows of two answers or more that agreement is measured on: those drawn at random,
            where they are `ENOUGH`, else all.
        shared_drawn: of these, drawn at random.
        pairs: who disagrees with whom.
        doubts: labels to look at again, the worst first; None: no vectors to tell by.
        stopped: by criterion, the labels at which it would have stopped; None: not yet.
        finished: whether nothing is left to ask.
    """

    rows: int
    batches: int
    left: int
    labelled: int
    paid: int
    skipped: int
    unmeasured: int
    conflicts: tuple[str, ...]
    people: tuple[Person, ...]
    curve: tuple[Measured, ...]
    gained: Gain | None
    alpha: float
    shared: int
    shared_drawn: int
    pairs: tuple[Pair, ...]
    doubts: tuple[Doubt, ...] | None
    stopped: dict[str, int | None]
    finished: bool


def status(project: Project) -> Status:
    """How it stands now."""
    word, batches = project.word, project.batches()
    agreed, clash = consensus(word), conflicts(word)
    curve = _curve(project)
    drawn = {row for batch in batches for row in project.ids(batch.rows[batch.audit])} & set(word)
    answered = answers_of(word)
    for_all = {row: by for row, by in answered.items() if row in drawn}
    if len(for_all) >= ENOUGH:
        answered = for_all
    return Status(
        rows=len(project.corpus.train),
        batches=len(batches),
        left=len(project.left(batches[-1], word)) if batches else 0,
        labelled=len(agreed),
        paid=paid(word),
        skipped=sum(row not in agreed and row not in clash for row in word),
        unmeasured=len(drawn - set(measured_by(word, drawn))),
        conflicts=tuple(clash),
        people=_people(word, project.log.events()),
        curve=curve,
        gained=gained(curve),
        alpha=alpha(answered) if len(answered) >= ENOUGH else math.nan,
        shared=len(answered),
        shared_drawn=len(for_all),
        pairs=tuple(pairs(answered)),
        doubts=doubts(project, agreed),
        stopped=_stopped(project),
        finished=project.finished,
    )


def wilson(right: float, rows: int) -> tuple[float, float]:
    """95 % for a share (Wilson 1927); from 0 to 1 where there is nothing."""
    from statsmodels.stats.proportion import proportion_confint

    if not rows:
        return 0.0, 1.0
    low, high = proportion_confint(right, rows, method="wilson")
    return float(low), float(high)


def gained(curve: Sequence[Measured]) -> Gain | None:
    """What the last batch brought; where that is something, the next is not expected to bring more,
    since curves flatten.
    """
    from statsmodels.stats.proportion import confint_proportions_2indep

    told = [each for each in curve if each.rows]
    if len(told) < 2:
        return None
    before, after = told[-2:]
    right = [each.accuracy * each.rows for each in (after, before)]
    low, high = confint_proportions_2indep(
        right[0], after.rows, right[1], before.rows, method="newcomb", compare="diff"
    )
    return Gain(after.accuracy - before.accuracy, float(low), float(high))


def _people(word: Word, events: Sequence[Said]) -> tuple[Person, ...]:
    # A text that is answered again takes time again. Of an annotation the last event alone counts:
    # what a server changes has all of its time.
    spent: dict[tuple[str, str], dict[str, float]] = {}
    for said in events:
        if said.seconds is not None:
            key = said.annotator, said.row_id
            spent.setdefault(key, {})[said.annotation or said.id] = min(said.seconds, PAUSE)
    found = []
    for name in sorted({who for by in word.values() for who in by}):
        own = [by[name] for by in word.values() if name in by]
        each = [sum(spent[name, x.row_id].values()) for x in own if (name, x.row_id) in spent]
        # What was not measured is taken to go as what was.
        hours = sum(each) / 3600 * len(own) / len(each) if each else math.nan
        answers = sum(said.state == "answered" for said in own)
        found.append(Person(name, answers, len(own) - answers, hours))
    return tuple(sorted(found, key=lambda person: -(person.answers + person.skips)))


def _curve(project: Project) -> tuple[Measured, ...]:
    steps = project.store.read("steps", [project.config.id]).sort_values("step")
    found = []
    for labels, rows, accuracy in zip(
        steps.n_labels_paid, steps.n_validation, steps.validation_accuracy, strict=True
    ):
        share = float("nan") if accuracy is None else float(accuracy)
        low, high = wilson(0 if math.isnan(share) else share * rows, int(rows))
        found.append(Measured(int(labels), int(rows), share, low, high))
    return tuple(found)


def _stopped(project: Project) -> dict[str, int | None]:
    told = project.store.read("stop_set", [project.config.id])
    steps = project.store.read("steps", [project.config.id]).sort_values("step")
    # Those that look at validation rows are not for few of them, which grow with every model.
    criteria = {name: each for name, each in CRITERIA.items() if name not in NEED_VALIDATION}
    if told.empty or len(steps) < 2:
        return dict.fromkeys(criteria)
    task = project.task
    # Where answers are many, one is kept or changed as a whole.
    labels = list(task.classes) if task.few else sorted(told.prediction.unique())
    course = course_of(told, steps, labels, math.log(max(2, len(task.classes))))
    paid_at = steps.n_labels_paid.tolist()
    at = {name: stops_at(course, criterion) for name, criterion in criteria.items()}
    return {name: None if step is None else int(paid_at[step]) for name, step in at.items()}
