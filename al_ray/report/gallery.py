"""All figures of a study, in the order of the page; one that cannot be drawn is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from al_ray.analysis.study import Study
from al_ray.language import mark, tr
from al_ray.report.arms import Arms
from al_ray.report.figures.agreement import overlap, pairs, sets
from al_ray.report.figures.base import Figure
from al_ray.report.figures.committee import committee
from al_ray.report.figures.costs import time_and_cost
from al_ray.report.figures.curves import learning
from al_ray.report.figures.effort import spending
from al_ray.report.figures.gain import gain
from al_ray.report.figures.knobs import importances, parallel, slices
from al_ray.report.figures.labels import accuracy_by_label, distance, mix_by_label, one_label
from al_ray.report.figures.savings import label_savings
from al_ray.report.figures.search import front, ranks, timeline
from al_ray.report.figures.searched import has_search
from al_ray.report.figures.stability import spread
from al_ray.report.figures.strata import by_stratum
from al_ray.report.figures.versus import versus

Maker = Callable[[Study, Arms], Figure | None]

_MAKERS: Final[tuple[tuple[str, Maker], ...]] = (
    (mark("Accuracy against labels"), learning),
    (mark("Difference from random"), versus),
    (mark("Difference from random at each number of labels"), gain),
    (mark("Labels saved"), label_savings),
    (mark("Accuracy against effort"), spending),
    (mark("Accuracy of each kind of text"), by_stratum),
    (mark("How steady each arm is"), spread),
    (mark("Right together, right alone"), pairs),
    (mark("Which arms get a test row right"), sets),
    (mark("Chosen alike"), overlap),
    (mark("Accuracy of each label"), accuracy_by_label),
    (mark("Labels of what was chosen"), mix_by_label),
    (mark("How far a batch's mix is from the pool's"), distance),
    (mark("One label, arms side by side"), one_label),
    (mark("The committee"), committee),
    (mark("Time and cost"), time_and_cost),
)

_OF_LABELS: Final = (accuracy_by_label, mix_by_label, distance, one_label, committee)
"""Those that there are only where a row has one label of a few."""

_OF_MARKS: Final = (spending, by_stratum)
"""Those that there are only elsewhere."""

_OF_A_SEARCH: Final[tuple[tuple[str, Maker], ...]] = (
    (mark("The search: place at each number of labels"), ranks),
    (mark("The search: configurations over their knobs"), parallel),
    (mark("The search: each knob by itself"), slices),
    (mark("The search: what mattered"), importances),
    (mark("The search: what accuracy costs"), front),
    (mark("The search: when what ran"), timeline),
)
"""Of a study that came out of one."""


@dataclass
class Gallery:
    """What could be drawn.

    Attributes:
        figures: in order.
        absent: titles of figures that this study has no data for.
        failed: title and error of those that went wrong.
    """

    figures: list[Figure] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)


def gallery(study: Study, arms: Arms) -> Gallery:
    """Draw all figures; a study too small for one still gets the others."""
    made = Gallery()
    for title, maker in (*_MAKERS, *(_OF_A_SEARCH if has_search(study) else ())):
        if maker in (_OF_MARKS if study.few else _OF_LABELS):
            continue
        try:
            figure = maker(study, arms)
        except Exception as error:  # one figure must not cost the reader the page
            made.failed.append((tr(title), f"{type(error).__name__}: {error}"))
            continue
        if figure is None:
            made.absent.append(tr(title))
        else:
            made.figures.append(figure)
    return made
