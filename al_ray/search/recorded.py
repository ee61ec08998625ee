"""A study's tables as searches see them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pandas as pd

from al_ray.errors import UserError
from al_ray.results import Store
from al_ray.search.ladder import reached_by_all
from al_ray.search.seen import Aim, Configuration, Curve, Seen, Value, configuration
from al_ray.search.space import Axis, Space
from al_ray.study.chooser import UNQUERIED
from al_ray.study.knobs import axes
from al_ray.study.training import FIT, READ, Training

KNOBS: Final = (
    *("strategy", "parameters", "strategy_source", "head", "model"),
    *("retrain", "step_size", "initial"),
    *("committee", "candidates", "diversity", "recipe"),
    *axes(Training),
)
"""The columns of `trajectories` that tell configurations apart."""

OPTIONAL: Final = ("strategy_source", "committee", "candidates", "diversity")
"""Those of which one strategy may have some or none, which tells it apart, too."""


SPENT: Final = ("fit_seconds", "evaluate_seconds", "score_seconds", "select_seconds")
"""The columns of `steps` that are seconds of a device."""


@dataclass(frozen=True)
class Recorded:
    """What is in a study's folder.

    Attributes:
        seen: by validation rows.
        tested: curves by the main test's rows, of the same trajectories.
        schedules: first draw and step size of each configuration.
        names: the configuration of each trajectory.
        chosen: rows that each trajectory had labelled after its first draw, in order.
        incomplete: configurations of which a trajectory is not complete.
    """

    seen: Seen
    tested: Seen
    schedules: Mapping[Configuration, tuple[int, int]]
    names: Mapping[str, Configuration]
    chosen: Mapping[tuple[Configuration, int], tuple[str, ...]] = field(default_factory=dict)
    incomplete: frozenset[Configuration] = frozenset()

    @property
    def aim(self) -> Aim:
        """Areas over the labels that all schedules reach."""
        ends = [curve.labels[-1] for curve in self.seen.curves.values() if curve.labels]
        reached = reached_by_all(list(self.schedules.values()), max(ends, default=0))
        return Aim(common=frozenset(reached))

    @property
    def first(self) -> int:
        """Labels from which on there are areas."""
        return min(self.aim.common, default=0)

    def whole(self) -> Recorded:
        """Without the configurations of which a trajectory is not complete."""
        kept = {key for key in self.seen.curves if key[0] not in self.incomplete}
        return replace(
            self,
            seen=Seen({key: self.seen.curves[key] for key in kept}),
            tested=Seen({k: c for k, c in self.tested.curves.items() if k in kept}),
            schedules={w: s for w, s in self.schedules.items() if w not in self.incomplete},
        )

    @property
    def configurations(self) -> list[Configuration]:
        """In a fixed order."""
        return sorted({which for which, _ in self.seen.curves}, key=repr)

    @property
    def seeds(self) -> list[int]:
        """That every configuration has."""
        of = [{s for w, s in self.seen.curves if w == each} for each in self.configurations]
        return sorted(set.intersection(*of)) if of else []

    @property
    def space(self) -> Space | None:
        """The grids that these configurations are, one for each set of knobs; None: no products."""
        groups: dict[Any, list[dict[str, Value]]] = {}
        for each in self.configurations:
            point = dict(each)
            groups.setdefault((tuple(point), point.get("head")), []).append(point)
        grids: list[dict[str, Axis]] = []
        for points in groups.values():
            grid: dict[str, Axis] = {
                name: tuple(dict.fromkeys(point[name] for point in points)) for name in points[0]
            }
            grids.append(grid)
        made = Space(tuple(grids))
        return made if made.size == len(self.configurations) else None


def read(store: Store) -> Recorded:
    """The arms of a study's folder.

    Raises:
        UserError: it has no validation rows.
    """
    description = store.study_json.get("trajectories")
    known = store.read("trajectories")
    known = known[known.trajectory.isin(description["trajectories"])]
    known = known[~known.strategy.isin(UNQUERIED) & known.follows.isna()]
    steps = store.read("steps", known.trajectory.tolist())
    if steps.empty:
        raise UserError(
            "{out}: no step of any trajectory is complete yet; look again in a while",
            out=store.address,
        )
    if steps.validation_accuracy.isna().any():
        raise UserError(
            "{out}: has no validation rows, and a search reads nothing else; run the study with "
            "--validation",
            out=store.address,
        )
    names = configurations_of(known)
    seeds = dict(zip(known.trajectory, known.seed.astype(int), strict=True))
    failed = set(known.trajectory[known.status == "failed"])

    def by_key(curves: Mapping[str, Curve]) -> dict[tuple[Configuration, int], Curve]:
        return {(names[each], seeds[each]): curve for each, curve in curves.items()}

    main = steps[steps.test == next(iter(description.get("tests", {})), None)]
    none = dict.fromkeys(failed, Curve((), (), (), failed=True))
    curves = by_key(none | curves_of(steps, failed))
    tested = by_key(curves_of(main, failed, "test_score"))
    first = known.drop_duplicates("trajectory").set_index("trajectory")
    schedules = {
        names[str(name)]: (int(row.initial), int(row.step_size)) for name, row in first.iterrows()
    }
    picks = store.read("selections", known.trajectory.tolist(), ["trajectory", "step", "row_id"])
    picks = picks[picks.step >= 0]
    chosen = {
        (names[str(name)], seeds[str(name)]): tuple(rows.row_id)
        for name, rows in picks.groupby("trajectory", sort=False)
    }
    unfinished = {names[name] for name in known.trajectory[known.status != "complete"]}
    return Recorded(Seen(curves), Seen(tested), schedules, names, chosen, frozenset(unfinished))


def rungs(recorded: Recorded) -> list[int]:
    """Numbers of labels that all configurations have come to."""
    ends = [curve.labels[-1] for curve in recorded.seen.curves.values() if not curve.failed]
    return reached_by_all(list(recorded.schedules.values()), min(ends))


def rungs_after_first_draw(recorded: Recorded) -> list[int]:
    """Those at which strategies can differ; all where a study ends before any."""
    first = max(initial for initial, _ in recorded.schedules.values())
    reached = rungs(recorded)
    return [labels for labels in reached if labels > first] or reached


def curves_in(store: Store) -> dict[str, Curve]:
    """Curves of all trajectories of a folder, by their names; of one without a step that failed."""
    known = store.read("trajectories", columns=["trajectory", "status"])
    failed = set(known.trajectory[known.status == "failed"])
    columns = ["trajectory", "step", "n_labelled", "validation_accuracy", *SPENT]
    none = dict.fromkeys(failed, Curve((), (), (), failed=True))
    return none | curves_of(store.read("steps", columns=columns), failed)


def curves_of(
    steps: pd.DataFrame, failed: Collection[str], column: str = "validation_accuracy"
) -> dict[str, Curve]:
    """Curves of trajectories, by their names.

    Args:
        steps: rows of the table.
        failed: trajectories that did.
        column: of the accuracy.
    """
    made = {}
    for name, rows in steps.groupby("trajectory", sort=False):
        once = rows.drop_duplicates("step").sort_values("step")
        made[str(name)] = Curve(
            tuple(once.n_labelled.astype(int)),
            tuple(once[column].astype(float)),
            tuple(once[list(SPENT)].sum(axis=1).astype(float)),
            name in failed,
        )
    return made


def configurations_of(trajectories: pd.DataFrame) -> dict[str, Configuration]:
    """Each trajectory's configuration: the knobs in which the study's differ.

    A frozen head has no hyperparameters of fine-tuning.
    """
    frame = trajectories.reindex(columns=["trajectory", *KNOBS, "rates"]).astype(object)
    several = trajectories["committee"].notna()
    rates = [
        " ".join(f"{rate:g}" for rate in each) if committee else None
        for each, committee in zip(frame["rates"], several, strict=True)
    ]
    frame["rates"] = pd.Series(rates, frame.index, object)  # not words, whose None is a NaN
    frozen = frame["head"] == "frozen"
    frame.loc[frozen, [name for name in FIT if name not in READ]] = None
    frame = frame.where(frame.notna(), None)
    frame.loc[frame.strategy_source == "", "strategy_source"] = None
    said = frame[[*KNOBS, "rates"]].map(repr)
    strategies = said[["strategy", "parameters", "head"]].agg(" ".join, axis=1)

    def differ(name: str) -> bool:
        if name in OPTIONAL:
            return bool(said[name].groupby(strategies).nunique().gt(1).any())
        return bool(said[name][frame[name].notna()].nunique() > 1)

    vary = [name for name in (*KNOBS, "rates") if differ(name)]
    return {
        row["trajectory"]: configuration(
            {name: row[name] for name in vary if row[name] is not None}
        )
        for row in frame.to_dict("records")
    }
