"""What came out of a search, on the test and on seeds that it had not seen.

The best of the strategies is held against random at its own best. Which these are, validation rows
have said: nothing was chosen on what is compared here, and one comparison needs no correction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from al_ray.analysis import advice
from al_ray.analysis.advice import Answer
from al_ray.analysis.baseline import baselines, signed
from al_ray.analysis.comparison import Arm, key_of, setting_of, together
from al_ray.analysis.names import arm_name, several
from al_ray.analysis.statistics.intervals import LEAST_SEEDS
from al_ray.analysis.statistics.pairs import Effect, Pairs, area_weights, contrast
from al_ray.analysis.study import Study, records, remembered
from al_ray.analysis.wording import clauses, test_rows
from al_ray.analysis.wording import seeds as seeds_of
from al_ray.language import mark, tr
from al_ray.results import Store
from al_ray.results.folder import SEARCH
from al_ray.search.account import account
from al_ray.study.chooser import RANDOM


@dataclass(frozen=True)
class Comparison:
    """The best of a search's strategies and random at its own best, on the test.

    Attributes:
        arm, random: what they are called.
        alike: whether both are trained alike, so that the verdict says the same of them.
        seeds: that both have complete.
        rows: of the test; 1 where they are not known.
        articles: that these are of; None: each is a draw of its own.
        area: the difference of accuracy over the labels.
        kind: `better`, `worse`, `no difference`, or `cannot tell`: too few seeds or some missing,
            or a random that has not learnt.
    """

    arm: str
    random: str
    alike: bool
    seeds: int
    rows: int
    articles: int | None
    area: Effect
    kind: str


@remembered
def final(study: Study, level: float = 0.95) -> Comparison | None:
    """None of a study that no search has made, or where one of the two has no complete seed."""
    if study.address or Store(study.out / SEARCH).study_json.read() is None:
        return None
    best = [each for each in account(Store(study.out / SEARCH)) if each.state == "best"]
    arms = records(study.arms())
    arm, random = (
        next(
            (_arm(arms, dict(each.configuration)) for each in best if each.random == half),
            None,
        )
        for half in (False, True)
    )
    if arm is None or random is None:
        return None
    both = together(study, [key_of(arm), key_of(random)])
    if both is None:
        return None
    pairs = Pairs(both.labels, both.values[0], both.values[1], both.missing, both.clusters)
    (area,) = contrast(pairs, area_weights(both.labels)[None], level)
    columns = several(study.arms())
    names = [arm_name(each, columns) for each in (arm, random)]
    base = baselines(study, None, level).get(setting_of(random))
    unfit = base is not None and base.is_unfit
    kind = _kind(area, len(pairs.arm), both.missing) if not unfit else "cannot tell"
    alike = setting_of(arm) == setting_of(random)
    facts = len(pairs.arm), pairs.rows, pairs.articles
    return Comparison(names[0], names[1], alike, *facts, area, kind)


def _kind(area: Effect, seeds: int, missing: int) -> str:
    if seeds < LEAST_SEEDS:
        return "cannot tell"
    if area.low > 0:
        return "better"
    if area.high < 0:
        return "worse"
    return "cannot tell" if missing else "no difference"


def _arm(arms: list[Arm], point: dict[str, Any]) -> Arm | None:
    """That a search's configuration became; one of random has its strategy from its half."""
    wanted = {"strategy": RANDOM, **point}
    return next((arm for arm in arms if all(arm.get(n, v) == v for n, v in wanted.items())), None)


def lines(study: Study, level: float = 0.95) -> list[str]:
    """A line, where the verdict does not say the same."""
    found = final(study, level)
    if found is None or found.alike:
        return []
    return [
        tr(
            "Best of the search, {arm}, against random at its own best, {random}: {kind} ({said})",
            arm=found.arm,
            random=found.random,
            kind=tr(KINDS[found.kind]),
            said=said_of(found, level),
        )
    ]


KINDS: Final[dict[str, str]] = {
    "better": mark("better"),
    "worse": mark("worse"),
    "no difference": mark("no difference was shown"),
    "cannot tell": mark("cannot tell"),
}
"""What is said of each kind."""


def said_of(found: Comparison, level: float = 0.95) -> str:
    """The numbers of it, and over what they hold."""
    if math.isnan(found.area.low) or found.seeds < LEAST_SEEDS:
        return seeds_of(found.seeds)
    return tr(
        "{difference} points over the curve, {percent:g} %: {low} to {high}; {seeds} and {rows}",
        difference=signed(found.area.difference),
        percent=100 * level,
        low=signed(found.area.low),
        high=signed(found.area.high),
        seeds=seeds_of(found.seeds),
        rows=test_rows(found.rows, found.articles),
    )


def against_tuned(study: Study, answer: Answer, found: Comparison, level: float) -> Answer:
    """What a search's comparison makes of an arm that is better than random trained alike."""
    kind, said, arm, then, commands = answer
    against = tr("random at its own best, {random} ({said})", random=found.random,
                 said=said_of(found, level))  # fmt: skip
    if found.kind == "better":
        return kind, clauses(said, tr("better than {random}", random=against)), arm, then, commands
    why = tr(
        "{arm} is better than random trained alike, but was not shown better than {random}",
        arm=found.arm,
        random=against,
    )
    if found.kind == "worse":
        why = tr("{arm} is worse than {random}", arm=found.arm, random=against)
        then = tr("draw the texts to label at random, and train as random is trained best")
        return "label at random", tr("Label at random: {why}", why=why), None, then, ()
    then, commands = advice.more_seeds(study, max(advice.ADVISED, 2 * found.seeds))
    return "cannot tell", tr("Cannot tell: {why}", why=why), None, then, commands
