"""Whether random itself gained from its labels; where it did not, there is nothing to save."""

from __future__ import annotations

from typing import Any

from al_ray.analysis.intervals import LEAST_SEEDS, t_interval
from al_ray.analysis.study import RANDOM, SETTING, Study, groups


def flat_baselines(study: Study, test: str | None = None, level: float = 0.95) -> list[str]:
    """A sentence for each setting in which random's last accuracy is not shown above its first.

    Args:
        study: of which.
        test: name of the test; None: the main one.
        level: of the interval of the gain, by Student's t over seeds; below `LEAST_SEEDS` complete
            seeds nothing is said.
    """
    curves = study.curves(test)
    random = curves[(curves.strategy == RANDOM) & curves.complete]
    several = [name for name in SETTING if random[name].nunique() > 1]
    lines = []
    for key, rows in groups(random, SETTING):
        by_seed = rows.sort_values("step").groupby("seed")
        gains = 100 * (by_seed.test_accuracy.last() - by_seed.test_accuracy.first())
        begin, end = int(by_seed.n_labelled.first().max()), int(by_seed.n_labelled.last().min())
        if len(gains) < LEAST_SEEDS or begin == end:
            continue
        low, high = t_interval(gains, level)
        if low > 0:
            continue
        setting = ", ".join(_said(name, key[SETTING.index(name)]) for name in several)
        lines.append(
            f"random{f' ({setting})' if setting else ''} gains nothing from {begin:,} to {end:,} "
            f"labels that {len(gains)} seeds could show ({_signed(gains.mean())} points, "
            f"{100 * level:g} %: {_signed(low)} to {_signed(high)}): the task is learnt by then, "
            "or the training is too short to use more labels (--updates, --epochs); what an arm "
            "saves cannot be seen here"
        )
    return lines


def _signed(points: float) -> str:
    return f"{points:+.1f}".replace("-", "−")


def _said(name: str, value: Any) -> str:
    return f"steps of {value:,}" if name == "step_size" else f"{name} {value}"
