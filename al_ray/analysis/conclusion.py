"""The verdict's conclusion: one sentence that answers, and what to do next.

It follows from the verdict and says no more. An arm is named only where the verdict found it; but
it is the best of those tried, and what is ruled out is so for all of them: so numbers are ends of
intervals that hold for all distinct arms at once (Bonferroni). Of one arm they are the verdict's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from al_ray.analysis import advice
from al_ray.analysis.advice import Answer, Kind
from al_ray.analysis.baseline import Baseline, baselines, signed
from al_ray.analysis.best import UNTUNED, tuned
from al_ray.analysis.comparison import Arm, judged, key_of, setting_of
from al_ray.analysis.gains import LEAST, gain, measured_over
from al_ray.analysis.metrics import NAMES
from al_ray.analysis.searched import against_tuned, final
from al_ray.analysis.statistics.intervals import LEAST_SEEDS
from al_ray.analysis.statistics.pairs import Effect
from al_ray.analysis.statistics.versus import Judgement
from al_ray.analysis.study import Study, records, remembered
from al_ray.analysis.summary import FROZEN
from al_ray.analysis.verdict import (
    DEMONSTRATION,
    FOUND,
    Disagreement,
    arm_names,
    disagreeing,
    verdict,
)
from al_ray.analysis.wording import GAIN, clauses, points, seeds
from al_ray.language import tr
from al_ray.study.chooser import RANDOM, spelt
from al_ray.study.running import Effort, Price

SMALL: Final = 2 * GAIN
"""Random is the answer where no arm gains more accuracy than this, beyond doubt."""


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
        if not self.demonstration:
            return plain
        return tr(DEMONSTRATION) + plain[:1].lower() + plain[1:]

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
    found = final(study, level) if test in (None, study.test) else None
    if found is not None and not found.alike and answer[0] == "label with":
        answer = against_tuned(study, answer, found, level)
    kind, plain, arm, then, commands = answer
    missing = _missing(study)
    if missing not in plain:
        plain = clauses(plain, missing)
    if study.demonstration and kind != "cannot tell":
        then = tr("study texts of your own")
        commands = (tr("al-ray run FOLDER --model ENCODER"),)
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
    alike = [(LEAST[kind](arm.found), arm) for arm in arms if arm.kind == kind and arm.found]
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
) -> Answer:
    assert best.found is not None
    tested = sum(arm.found is not None for arm in arms)
    said = gain(best.kind, best.found, effort, tested)
    found = sum(arm.kind in FOUND for arm in arms)
    if found > 1:
        said = tr("{gain}, the most of {n} arms that were shown better", gain=said, n=found)
    if len({setting_of(arm.arm) for arm in arms}) > 1:
        said = tr("{gain}, against random trained alike", gain=said)
        said = clauses(said, _at_best(study, best, test, level))
    for one in apart:
        if one.arm == best.name and one.worse:
            worse = tr(
                "{arm}: {gain}; but worse than random by {metrics}",
                arm=best.name,
                gain=said,
                metrics=_named(one.worse),
            )
            return _depends(worse, best.name)
    said = tr("Label with {arm}: {gain}", arm=best.name, gain=clauses(said, _disagreed(apart)))
    tuned_too = [a for a in arms if a.arm["head"] != FROZEN and _strategy(a) == _strategy(best)]
    if best.arm["head"] == FROZEN and not tuned_too:
        then = tr(
            "see whether {strategy} does it with a fine-tuned encoder, too ({plan})",
            strategy=_strategy(best),
            plan=tr(advice.PLAN),
        )
        return "label with", said, best.name, then, advice.fine_tuning(study, _strategy(best))
    then = tr(
        "label with {arm}, {size:,} texts a step", arm=best.name, size=int(best.arm["step_size"])
    )
    return "label with", said, best.name, then, ()


def _at_best(study: Study, best: _Arm, test: str | None, level: float) -> str:
    """What best with best says of its strategy, where that is less."""
    for row in records(tuned(study, test, level)):
        if row["kind"] != "better" and all(row[name] == best.arm[name] for name in UNTUNED):
            return tr("each at its best training: {kind}", kind=tr(row["kind"]))
    return ""


def _cannot_tell(study: Study, arms: Sequence[_Arm]) -> Answer | None:
    """What an answer lacks; None: nothing."""
    waiting = [arm for arm in arms if arm.kind == "cannot tell"]
    few = [a.found.seeds for a in waiting if a.found and a.found.seeds < LEAST_SEEDS]
    missing = _missing(study)
    if not arms:
        why, then = tr("there is no strategy beside random"), tr("try one")
        commands = advice.commands(study, {"--strategies": (RANDOM, "margin")})[-1:]
    elif waiting and missing:
        why, then = missing, tr("go on with what is missing")
        commands = advice.commands(study, {})
    elif few:
        why = tr(
            "{seeds}, and a verdict takes {least} or more",
            seeds=seeds(min(few)),
            least=LEAST_SEEDS,
        )
        if len(few) < len(arms):
            why = tr(
                "{n} of {of} arms have {seeds} or fewer, and a verdict takes {least} or more",
                n=len(few),
                of=len(arms),
                seeds=seeds(max(few)),
                least=LEAST_SEEDS,
            )
        then, commands = advice.more_seeds(study, advice.ADVISED)
    elif any(arm.found is None for arm in waiting):
        why = tr("there is no random to compare every arm with")
        then = tr("run it beside them")
        names = dict.fromkeys(map(_strategy, arms))
        commands = advice.commands(study, {"--strategies": (RANDOM, *names)})[-1:]
    elif not any(map(_is_telling, arms)):
        first = min(arms, key=lambda arm: (arm.arm["initial"], arm.arm["step_size"]))
        why, then, commands = _no_measure(study, first, first.base)
    else:
        return None
    return "cannot tell", tr("Cannot tell: {why}", why=why), None, then, commands


def _missing(study: Study) -> str:
    """How many trajectories are; '' where none is."""
    missing = len(study.missing())
    if not missing:
        return ""
    of = len(study.trajectories)
    return tr("{n:,} of {of:,} trajectories are missing", n=missing, of=of)


def _no_measure(study: Study, arm: _Arm, base: Baseline | None) -> tuple[str, str, tuple[str, ...]]:
    """Why an arm's random is not worth beating, and what to do."""
    assert base is not None
    if base.is_undertrained:
        why = tr(
            "the training is too short: a linear model on the frozen encoder's vectors is better "
            "than random with the same labels"
        )
        return why, *advice.longer(study, arm.arm["head"])
    if base.has_not_learnt:
        why = tr("random is not shown to have learnt more than the most frequent label")
        return why, *advice.longer(study, arm.arm["head"])
    why = tr(
        "random gains nothing from {first:,} to {last:,} labels that {seeds} could show, so that "
        "nothing can be saved",
        first=base.first,
        last=base.last,
        seeds=seeds(base.seeds),
    )
    half = int(arm.arm["initial"]) // 2
    if not half:
        return why, tr("take another encoder (--model), or texts that are harder to tell apart"), ()
    size = (half,)
    options = {"--step-size": size}
    if study.description.get("study", {}).get("initial"):
        options["--initial"] = size
    return why, tr("begin with fewer labels"), advice.commands(study, options)[-1:]


def _none_gains(study: Study, arms: Sequence[_Arm], apart: Sequence[Disagreement]) -> Answer:
    """No arm is shown to be better: whether that any is can be ruled out."""
    fit = [arm for arm in arms if _is_telling(arm)]
    found = [arm.found for arm in fit if arm.found is not None]
    most = max(each.area.high for each in found)
    limit = measured_over(min(found, key=lambda each: each.seeds))
    left, others = len(arms) - len(fit), ""
    if left:
        others = tr("{n} more arms are no measure, since their random learns too little", n=left)
    if better := [one for one in apart if one.better]:
        named = [
            tr("{arm} is better than random by {metrics}", arm=one.arm, metrics=_named(one.better))
            for one in better
        ]
        said = tr("{better}; by accuracy no gain was shown", better=", ".join(named))
        return _depends(clauses(said, others), None)
    if most > SMALL:
        then, commands = advice.to_see(study, [arm.numbers for arm in fit])
        why = tr(
            "no gain was shown, but {over} do not exclude {points} on average over the curve",
            over=limit,
            points=points(most),
        )
        if len(fit) > 1:  # more than any arm's own interval ends at
            why = tr("{excluded}, of {n} arms at once", excluded=why, n=len(fit))
        said = tr("Cannot tell: {why}", why=clauses(why, others, _disagreed(apart)))
        return "cannot tell", said, None, then, commands
    if most <= 0:
        why = tr("every strategy tried is worse over the curve ({over})", over=limit)
    elif len(fit) > 1:
        why = tr(
            "{over} exclude gains above {points} on average over the curve, of each of {n} arms",
            over=limit,
            points=points(most),
            n=len(fit),
        )
    else:
        why = tr(
            "{over} exclude gains above {points} on average over the curve",
            over=limit,
            points=points(most),
        )
    then, commands = tr("draw the texts to label at random"), tuple[str, ...]()
    if all(arm.arm["head"] == FROZEN for arm in arms):
        likely = max(fit, key=lambda arm: float(arm.numbers["high"]))
        then = tr(
            "draw the texts to label at random, or see what a fine-tuned encoder makes of it "
            "({plan})",
            plan=tr(advice.PLAN),
        )
        commands = advice.fine_tuning(study, _strategy(likely))
    said = tr("Label at random: {why}", why=clauses(why, others, _disagreed(apart)))
    return "label at random", said, None, then, commands


def _depends(said: str, arm: str | None) -> Answer:
    then = tr("choose the metric that counts for you: each has a verdict of its own")
    said = tr("It depends on the metric: {said}", said=said)
    return "depends on the metric", said, arm, then, ()


def _is_telling(arm: _Arm) -> bool:
    """Whether random of its setting is worth beating."""
    return arm.base is not None and not (arm.base.is_unfit or arm.base.is_flat)


def _strategy(arm: _Arm) -> str:
    return spelt(arm.arm["strategy"], arm.arm["parameters"])


def _named(metrics: Mapping[str, Effect]) -> str:
    said = [
        tr(
            "{metric} ({difference} points)",
            metric=tr(NAMES[name]),
            difference=signed(area.difference),
        )
        for name, area in metrics.items()
    ]
    return tr(" and ").join(said)


def _disagreed(apart: Sequence[Disagreement]) -> str:
    """Arms on which other metrics say another thing, which must not be left unsaid."""
    if not apart:
        return ""
    return tr("the metrics disagree on {arms}", arms=", ".join(one.arm for one in apart))
