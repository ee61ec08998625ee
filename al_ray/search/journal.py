"""What was searched, as a journal of Optuna's for `optuna-dashboard`; and what mattered."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from al_ray.io.files import atomic
from al_ray.search.recorded import Recorded
from al_ray.search.seen import Configuration, Curve, Value

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study as Asked
    from optuna.trial import FrozenTrial

NAME = "al_ray"


def write_journal(recorded: Recorded, path: Path) -> None:
    """Write all configurations of a folder as trials of one study, in place of any there.

    A trial's value is the area under the validation curve, its intermediate values the areas up to
    each number of labels; whose curves end before the others' is pruned.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with atomic(path) as temp:
        storage = JournalStorage(JournalFileBackend(temp))
        study = optuna.create_study(storage=storage, study_name=NAME, direction="maximize")
        study.add_trials(trials(recorded))


def trials(recorded: Recorded) -> list[FrozenTrial]:
    """Of every configuration, in a fixed order."""
    from optuna.trial import TrialState, create_trial

    configurations = recorded.configurations
    curves = {each: _curves(recorded, each) for each in configurations}
    end = max((c.labels[-1] for each in curves.values() for c in each if c.labels), default=0)
    kinds, aim = _distributions(configurations), recorded.aim
    made = []
    for which in configurations:
        common: dict[str, Any] = {
            "params": {n: _said(kinds[n], v) for n, v in which if n in kinds},
            "distributions": {n: kinds[n] for n, _ in which if n in kinds},
            "user_attrs": {"seeds": len(curves[which])},
        }
        mine = [curve for curve in curves[which] if curve.labels and not curve.failed]
        if not mine or len(mine) < len(curves[which]):
            made.append(create_trial(state=TrialState.FAIL, **common))
            continue
        # Seeds that go as far as the farthest: those of a rung before are fewer steps of the same.
        last = max(curve.labels[-1] for curve in mine)
        far = [curve for curve in mine if curve.labels[-1] == last]
        shown = {
            n: -aim.values([curve.upto(n) for curve in far])[0]
            for n in far[0].labels
            if not aim.common or n in aim.common
        }
        if not shown:
            made.append(create_trial(state=TrialState.FAIL, **common))
            continue
        state = TrialState.COMPLETE if last == end else TrialState.PRUNED
        value = shown[max(shown)] if last == end else None
        made.append(create_trial(state=state, value=value, intermediate_values=shown, **common))
    return made


def importances(recorded: Recorded) -> dict[str, dict[str, float]]:
    """How much each knob mattered for the area, by PED-ANOVA and by fANOVA, as Optuna has them.

    Empty where fewer than two configurations came to the end, or knobs are not those of all.
    """
    import optuna
    from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study: Asked = optuna.create_study(direction="maximize")
    study.add_trials(trials(recorded))
    found = {}
    for name, evaluator in (
        ("PED-ANOVA", PedAnovaImportanceEvaluator()),
        ("fANOVA", FanovaImportanceEvaluator(seed=0)),
    ):
        try:
            said = optuna.importance.get_param_importances(study, evaluator=evaluator)
        except (ValueError, RuntimeError):  # too few trials, or one value of everything
            continue
        if said:
            found[name] = {knob: float(share) for knob, share in said.items()}
    return found


def _curves(recorded: Recorded, which: Configuration) -> list[Curve]:
    return [c for (w, _), c in sorted(recorded.seen.curves.items(), key=repr) if w == which]


def _said(kind: BaseDistribution, value: Value) -> Value:
    """As it is among the choices, where numbers are among words."""
    choices = getattr(kind, "choices", None)
    return value if choices is None or value in choices else str(value)


def _distributions(configurations: Sequence[Configuration]) -> Mapping[str, BaseDistribution]:
    """Of each knob, over the values that there are: numbers as ranges, which can be drawn."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    made: dict[str, BaseDistribution] = {}
    for name in sorted({n for which in configurations for n, _ in which}):
        values = list(dict.fromkeys(v for which in configurations for n, v in which if n == name))
        numbers = [v for v in values if isinstance(v, int | float)]
        if len(numbers) < len(values):
            made[name] = CategoricalDistribution([str(v) for v in values] if numbers else values)
            continue
        low, high = min(numbers), max(numbers)
        log = low > 0 and math.log10(high / low) >= 0.5
        if all(isinstance(v, int) for v in numbers):
            made[name] = IntDistribution(int(low), int(high), log=log)
        else:
            made[name] = FloatDistribution(low, high, log=log)
    return made
