"""The verdict's conclusion: one sentence that answers, and what to do next.

It follows from the verdict and says no more. An arm is named only where the verdict found it; but
it is the best of those tried, and what is ruled out is so for all of them: so numbers are ends of
intervals that hold for all distinct arms at once (Bonferroni). Of one arm they are the verdict's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from al_ray.analysis import advice
from al_ray.analysis.baseline import Baseline, baselines, signed
from al_ray.analysis.best import UNTUNED, tuned
from al_ray.analysis.comparison import Arm, judged, key_of, setting_of
from al_ray.analysis.metrics import NAMES
from al_ray.analysis.statistics.intervals import LEAST_SEEDS
from al_ray.analysis.statistics.pairs import Effect
from al_ray.analysis.statistics.versus import Judgement
from al_ray.analysis.study import RANDOM, Study, records, remembered
from al_ray.analysis.summary import FROZEN
from al_ray.analysis.verdict import (
    DEMONSTRATION,
    FOUND,
    Disagreement,
    arm_names,
    disagreeing,
    verdict,
)
from al_ray.analysis.wording import GAIN, count, points, seeds
from al_ray.study.chooser import spelt
from al_ray.study.running import Effort, Price

SMALL: Final = 2 * GAIN
"""Random is the answer where no arm gains more accuracy than this, beyond doubt."""

Kind = Literal["label with", "label at random", "depends on the metric", "cannot tell"]

_GAINS: Final[dict[str, Callable[[Judgement], float]]] = {
    "saves": lambda found: found.saving.low,
    "saves on the way": lambda found: found.on_the_way.low,
    "better": lambda found: found.area.low,
}
"""What an arm of each of FOUND gains at least."""


@dataclass(frozen=True)
class Conclusion:
    """What a verdict comes to.

    Attributes:
        kind: of the answer.
        plain: the answer in one sentence, without what marks one of generated text.
        arm: what the arm is called that it is about; None: it is about all.
        next: what to do next, in words.
        commands: that do it; may be none.
        demonstration: of generated text.
    """

    kind: Kind
    plain: str
    arm: str | None
    next: str
    commands: tuple[str, ...]
    demonstration: bool

    @property
    def sentence(self) -> str:
        """The answer as it may stand alone."""
        plain = self.plain
        return DEMONSTRATION + plain[:1].lower() + plain[1:] if self.demonstration else plain

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        told = {"kind": self.kind, "sentence": self.sentence, "arm": self.arm}
        return {**told, "next": self.next, "commands": list(self.commands)}


@dataclass(frozen=True)
class _Arm:
    """A distinct arm.

    Attributes:
        name: what it is called.
        arm: which.
        kind: what the verdict says of it, one of `verdict.KINDS`.
        found: with intervals that hold for all arms at once; None where it has no pair with random.
        numbers: of the verdict.
        base: random of its setting.
    """

    name: str
    arm: Arm
    kind: str
    found: Judgement | None
    numbers: dict[str, Any]
    base: Baseline | None


_Answer = tuple[Kind, str, str | None, str, tuple[str, ...]]
"""The first fields of `Conclusion`."""


@remembered
def conclusion(
    study: Study,
    level: float = 0.95,
    labels_per_day: float | None = None,
    test: str | None = None,
    label_price: Price | None = None,
) -> Conclusion:
    """What the verdict comes to.

    Args:
        study: of which.
        level: of the intervals; differences are found at 1 - level.
        labels_per_day: what one person labels in a day; None: as the study was told.
        test: name of the test; None: the main one.
        label_price: what a label costs; None: as the study was told, if at all.
    """
    effort = study.effort(labels_per_day, label_price)
    arms = _arms(study, level, test)
    apart = disagreeing(study, test, level)
    best = next(filter(None, (_best(arms, kind) for kind in FOUND)), None)
    if best is not None:
        answer = _label_with(study, best, arms, apart, effort, test, level)
    else:
        answer = _cannot_tell(study, arms) or _none_gains(study, arms, apart)
    kind, plain, arm, then, commands = answer
    missing = len(study.missing())
    if missing and "missing" not in plain:
        plain += f"; {missing:,} of {len(study.trajectories):,} trajectories are missing"
    if study.demonstration and kind != "cannot tell":
        then, commands = "study texts of your own", ("al-ray run FOLDER --model ENCODER",)
    return Conclusion(kind, plain, arm, then, commands, study.demonstration)


def _arms(study: Study, level: float, test: str | None) -> list[_Arm]:
    names, bases = arm_names(study), baselines(study, test, level)
    every = judged(study, "accuracy", test, level)
    tested = sum(one.found is not None and one.same_as is None for one in every)
    if tested > 1:
        every = judged(study, "accuracy", test, 1 - (1 - level) / tested)
    said = verdict(study, level, test=test)
    return [
        _Arm(
            names[key_of(one.arm)],
            one.arm,
            kind,
            one.found,
            numbers,
            bases.get(setting_of(one.arm)),
        )
        for one, kind, numbers in zip(every, said.kind, said.numbers, strict=True)
        if one.same_as is None
    ]


def _best(arms: Sequence[_Arm], kind: str) -> _Arm | None:
    """Of the arms of a kind, the one that gains most at least."""
    alike = [(_GAINS[kind](arm.found), arm) for arm in arms if arm.kind == kind and arm.found]
    # What is found of one arm (Holm) need not have a bound that holds for all at once.
    known = [(-math.inf if math.isnan(least) else least, arm) for least, arm in alike]
    return max(known, key=lambda pair: pair[0])[1] if known else None


def _label_with(
    study: Study,
    best: _Arm,
    arms: Sequence[_Arm],
    apart: Sequence[Disagreement],
    effort: Effort,
    test: str | None,
    level: float,
) -> _Answer:
    assert best.found is not None
    said = _gain(best, best.found, effort)
    others = sum(arm.kind in FOUND for arm in arms) - 1
    said += f", the most of {others + 1} arms that were shown better" if others else ""
    if len({setting_of(arm.arm) for arm in arms}) > 1:
        said += ", against random trained alike" + _at_best(study, best, test, level)
    for one in apart:
        if one.arm == best.name and one.worse:
            worse = f"{best.name}: {said}; but worse than random by {_named(one.worse)}"
            return _depends(worse, best.name)
    said = f"Label with {best.name}: {said}{_disagreed(apart)}"
    tuned_too = [a for a in arms if a.arm["head"] != FROZEN and _strategy(a) == _strategy(best)]
    if best.arm["head"] == FROZEN and not tuned_too:
        then = (
            f"see whether {_strategy(best)} does it with a fine-tuned encoder, too ({advice.PLAN})"
        )
        return "label with", said, best.name, then, advice.fine_tuning(study, _strategy(best))
    then = f"label with {best.name}, {best.arm['step_size']:,} texts a step"
    return "label with", said, best.name, then, ()


def _gain(best: _Arm, found: Judgement, effort: Effort) -> str:
    """What the arm gains at least."""
    least, target = _GAINS[best.kind](found), found.saving.target
    if best.kind == "better":
        more = f"at least {points(least)} more accurate" if least > 0 else "more accurate"
        return (
            f"{more} than random on average over the curve, though no labels were shown to be "
            f"saved ({_over(found)})"
        )
    least = _rounded_down(least)
    is_at_end = best.kind == "saves"
    if not least >= 1:  # nor where it is not known
        way = "for" if is_at_end else "on the way to"
        return (
            f"labels saved {way} the accuracy of {count(target)} random ones, though not "
            f"shown how many ({_over(found)})"
        )
    if is_at_end:
        cost = _cost(effort, least, target)
        return f"at least {count(least)} of {count(target)} labels saved ({cost}; {_over(found)})"
    return (
        f"at least {count(least)} labels saved on average on the way to the accuracy of "
        f"{count(target)} random ones, though at the end none was shown "
        f"({_cost(effort, least)}; {_over(found)})"
    )


def _at_best(study: Study, best: _Arm, test: str | None, level: float) -> str:
    """What best with best says of its strategy, where that is less."""
    for row in records(tuned(study, test, level)):
        if row["kind"] != "better" and all(row[name] == best.arm[name] for name in UNTUNED):
            return f"; each at its best training: {row['kind']}"
    return ""


def _cannot_tell(study: Study, arms: Sequence[_Arm]) -> _Answer | None:
    """What an answer lacks; None: nothing."""
    waiting = [arm for arm in arms if arm.kind == "cannot tell"]
    few = [a.found.seeds for a in waiting if a.found and a.found.seeds < LEAST_SEEDS]
    missing = len(study.missing())
    if not arms:
        why, then = "there is no strategy beside random", "try one"
        commands = advice.commands(study, {"--strategies": (RANDOM, "margin")})[-1:]
    elif waiting and missing:
        why = f"{missing:,} of {len(study.trajectories):,} trajectories are missing"
        then, commands = "go on with what is missing", advice.commands(study, {})
    elif few:
        why = f"{seeds(min(few))}, and a verdict takes {LEAST_SEEDS} or more"
        then, commands = advice.more_seeds(study, advice.ADVISED)
    elif any(arm.found is None for arm in waiting):
        why, then = "there is no random to compare every arm with", "run it beside them"
        names = dict.fromkeys(map(_strategy, arms))
        commands = advice.commands(study, {"--strategies": (RANDOM, *names)})[-1:]
    elif not any(map(_is_telling, arms)):
        why, then, commands = _no_measure(study, arms[0], arms[0].base)
    else:
        return None
    return "cannot tell", f"Cannot tell: {why}", None, then, commands


def _no_measure(study: Study, arm: _Arm, base: Baseline | None) -> tuple[str, str, tuple[str, ...]]:
    """Why an arm's random is not worth beating, and what to do."""
    assert base is not None
    if base.is_undertrained:
        why = (
            "the training is too short: a linear model on the frozen encoder's vectors is better "
            "than random with the same labels"
        )
        return why, *advice.longer(study, arm.arm["head"])
    if base.has_not_learnt:
        why = "random is not shown to have learnt more than the most frequent label"
        return why, *advice.longer(study, arm.arm["head"])
    why = (
        f"random gains nothing from {base.first:,} to {base.last:,} labels that "
        f"{seeds(base.seeds)} could show, so that nothing can be saved"
    )
    size = (max(1, int(arm.arm["step_size"]) // 2),)
    options = {"--step-size": size}
    if study.description.get("study", {}).get("initial"):
        options["--initial"] = size
    return why, "begin with fewer labels", advice.commands(study, options)[-1:]


def _none_gains(study: Study, arms: Sequence[_Arm], apart: Sequence[Disagreement]) -> _Answer:
    """No arm is shown to be better: whether that any is can be ruled out."""
    fit = [arm for arm in arms if _is_telling(arm)]
    found = [arm.found for arm in fit if arm.found is not None]
    most = max(each.area.high for each in found)
    limit = _over(min(found, key=lambda each: each.seeds))
    area = "on average over the curve"
    left = len(arms) - len(fit)
    others = f"; {left} more arms are no measure, since their random learns too little" * bool(left)
    if better := [one for one in apart if one.better]:
        said = ", ".join(
            f"{one.arm} is better than random by {_named(one.better)}" for one in better
        )
        return _depends(f"{said}; by accuracy no gain was shown{others}", None)
    others += _disagreed(apart)
    if most > SMALL:
        then, commands = advice.to_see(study, [arm.numbers for arm in fit])
        said = f"no gain was shown, but {limit} do not exclude {points(most)} {area}"
        return "cannot tell", f"Cannot tell: {said}{others}", None, then, commands
    said = f"{limit} exclude gains above {points(most)} {area}"
    said += f", of each of {len(fit)} arms" * (len(fit) > 1)
    if most <= 0:
        said = f"every strategy tried is worse over the curve ({limit})"
    then, commands = "draw the texts to label at random", tuple[str, ...]()
    if all(arm.arm["head"] == FROZEN for arm in arms):
        likely = max(fit, key=lambda arm: float(arm.numbers["high"]))
        then += f", or see what a fine-tuned encoder makes of it ({advice.PLAN})"
        commands = advice.fine_tuning(study, _strategy(likely))
    return "label at random", f"Label at random: {said}{others}", None, then, commands


def _depends(said: str, arm: str | None) -> _Answer:
    then = "choose the metric that counts for you: each has a verdict of its own"
    return "depends on the metric", f"It depends on the metric: {said}", arm, then, ()


def _is_telling(arm: _Arm) -> bool:
    """Whether random of its setting is worth beating."""
    return arm.base is not None and not (arm.base.is_unfit or arm.base.is_flat)


def _strategy(arm: _Arm) -> str:
    return spelt(arm.arm["strategy"], arm.arm["parameters"])


def _named(metrics: Mapping[str, Effect]) -> str:
    return " and ".join(
        f"{NAMES[name]} ({signed(area.difference)} points)" for name, area in metrics.items()
    )


def _disagreed(apart: Sequence[Disagreement]) -> str:
    """Arms on which other metrics say another thing, which must not be left unsaid."""
    names = ", ".join(one.arm for one in apart)
    return f"; the metrics disagree on {names}" if names else ""


def _over(found: Judgement) -> str:
    """What the numbers are over."""
    rows = f"and {found.rows:,} test rows" if found.rows > 1 else "on these test rows"
    return f"{seeds(found.seeds)} {rows}"


def _cost(effort: Effort, *labels: float) -> str:
    """Person-days and, where a label has a price, money; of several numbers, one of the other."""
    said = " of ".join(_days(effort.days(number)) for number in labels) + " person-days"
    return said if effort.price is None else f"{said}, {effort.price.of(*labels)}"


def _rounded_down(labels: float) -> float:
    """To three digits, as numbers of labels are said."""
    if not math.isfinite(labels):
        return labels
    unit = 10.0 ** max(0, len(str(int(abs(labels)))) - 3)
    return unit * math.floor(labels / unit)


def _days(days: float) -> str:
    return f"{days:,.0f}" if days >= 10 else f"{days:.2g}"
