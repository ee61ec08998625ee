"""A study as its tables tell it: the frames that every analysis starts from."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast

import pandas as pd

from al_ray.analysis.progress import State, state_of
from al_ray.analysis.summary import ARM, CHOOSER, LEARNER, with_learner
from al_ray.errors import StudyConflict, UserError
from al_ray.language import mark, spoken, tr
from al_ray.results import Store
from al_ray.results.damage.check import refuse_damaged
from al_ray.results.lease import somebody_is_at
from al_ray.results.schema import scored
from al_ray.study.chooser import CONTROL, RANDOM, UNQUERIED
from al_ray.study.running import LABELS_PER_DAY, Effort, Price

CHOICE: Final = ["strategy", *CHOOSER]
"""What an arm and the random arm that it is compared with may differ in."""

BASE: Final = {
    **{"strategy": RANDOM, "parameters": "", "strategy_source": "", "committee": ""},
    **{"multiples": "", "candidates": 0, "diversity": 0.0, "chosen_by": ""},
}
"""What makes an arm the random arm that it is compared with."""

SETTING: Final = [name for name in ARM if name not in CHOICE]
"""What an arm shares with the random arm that it is compared with."""

METRICS: Final = {
    "accuracy": "test_score",
    "balanced_accuracy": "test_balanced_accuracy",
    "macro_f1": "test_macro_f1",
}
"""Names of metrics of classification, and their columns in `steps`."""

CLASSIFICATION: Final = {"name": "classification", "score": "accuracy", "few": True}
"""The task of a study of before there were others."""


P = ParamSpec("P")
T = TypeVar("T")


def remembered(
    work: Callable[Concatenate[Study, P], T],
) -> Callable[Concatenate[Study, P], T]:
    """Do a work once for a study and equal arguments: a page asks for the same many times."""
    bind = inspect.signature(work).bind

    def recall(study: Study, /, *given: P.args, **named: P.kwargs) -> T:
        said = bind(study, *given, **named)
        said.apply_defaults()
        if said.arguments.get("test") == study.test:
            said.arguments["test"] = None
        _, *values = said.arguments.values()
        key = (
            work.__qualname__,
            spoken(),
            *(tuple(x) if isinstance(x, list) else x for x in values),
        )
        if key not in study.memory:
            study.memory[key] = work(study, *given, **named)
        found: T = study.memory[key]
        return found

    return cast("Callable[Concatenate[Study, P], T]", wraps(work)(recall))


@dataclass(frozen=True)
class Study:
    """The tables of one study's folder, or frames of the same columns.

    Attributes:
        out: the folder that its pages are written to, which is its own where it is here.
        description: `study.json`.
        trajectories: a row per trajectory that was asked for, in that order; one that never began
            has its identity alone, with `status` null.
        steps: a row per step and test, of these trajectories.
        selections: a row per chosen row.
        predictions: a row per test row and step.
        members: a row per member and step.
        rows: what the row ids stand for: row_id, split, label, text, tokens.
        labels: names of the labels, in the order in which counts are kept.
        test: name of the main test.
        tests: names of all tests.
        demonstration: whether the text is generated, so that nothing may be claimed.
        address: of the study, where that is no folder of this machine.
        alive: whether a driver is at it.
        memory: what was worked out of these frames, which nobody changes; see `remembered`.
    """

    out: Path
    description: dict[str, Any]
    trajectories: pd.DataFrame
    steps: pd.DataFrame
    selections: pd.DataFrame
    predictions: pd.DataFrame
    members: pd.DataFrame
    rows: pd.DataFrame
    labels: tuple[str, ...]
    test: str
    tests: tuple[str, ...]
    demonstration: bool
    address: str = ""
    alive: bool = False
    memory: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Steps are told what their trajectories trained."""
        known = with_learner(self.trajectories, self.description.get("training", {}))
        learners = known.set_index("trajectory")[[*LEARNER, *CHOOSER]]
        told = {str(n): self.steps.trajectory.map(learners[n]) for n in learners}
        object.__setattr__(self, "trajectories", known)
        object.__setattr__(self, "steps", scored(self.steps.assign(**told)))

    @property
    def task(self) -> dict[str, Any]:
        """What is learnt: `name`; `score`, the name of what the verdict goes by; `few`, whether a
        row has one label of a few; and names of other `metrics`.
        """
        found: dict[str, Any] = self.description.get("task", CLASSIFICATION)
        return found

    @property
    def few(self) -> bool:
        """Whether a row has one label of a few, so that labels are counted and confused."""
        return bool(self.task["few"])

    @property
    def columns(self) -> dict[str, str]:
        """Metrics between 0 and 1, and their columns in `steps`; `accuracy` is the task's score."""
        if self.few:
            return METRICS
        others = {name: f"metric {name}" for name in self.task["metrics"]}
        there = {name: column for name, column in others.items() if column in self.steps}
        return {"accuracy": "test_score", **{n: c for n, c in there.items() if n != "loss"}}

    @property
    def labels_per_day(self) -> float:
        """What one person labels in a day, as the study was told."""
        return float(self.description.get("labels_per_day", LABELS_PER_DAY))

    @property
    def label_price(self) -> Price | None:
        """What a label costs, as the study was told."""
        told = self.description.get("label_price")
        return Price.parsed(told) if told else None

    @property
    def annotation_seconds(self) -> tuple[float, float] | None:
        """What a text and each thing marked in it take, as the study was told; None: it was not."""
        told = self.description.get("annotation_seconds")
        return None if told is None else (float(told[0]), float(told[1]))

    def effort(
        self, labels_per_day: float | None = None, label_price: Price | None = None
    ) -> Effort:
        """What it takes to label: what is given, or else what the study was told."""
        return Effort(labels_per_day or self.labels_per_day, label_price or self.label_price)

    @property
    def state(self) -> State:
        """Whether it runs, has stopped or is done."""
        others = self.missing().status.tolist()
        statuses = [*others, *["complete"] * (len(self.trajectories) - len(others))]
        return state_of(statuses, self.alive, self.description.get("run", {}).get("command", ""))

    @remembered
    def curves(self, test: str | None = None) -> pd.DataFrame:
        """Steps of the arms on one test, in the order of arms, seeds and steps.

        Controls and replays are no arms and are left out; trajectories that are not complete are
        in it with the steps that they have.

        Args:
            test: name of the test; None: the main one.

        Returns:
            The columns of `steps`, and `complete`: whether the trajectory is.

        Raises:
            UserError: no such test.
        """
        wanted = self.test if test is None else test
        if wanted not in self.tests:
            raise UserError(
                "{out}: no test {name!r}; it has {tests}",
                out=self.out,
                name=wanted,
                tests=", ".join(self.tests),
            )
        arms = self.trajectories[~self.trajectories.strategy.isin(UNQUERIED)]
        place = {name: number for number, name in enumerate(arms.trajectory)}
        done = set(arms.trajectory[arms.status == "complete"])
        found = self.steps[(self.steps.test == wanted) & self.steps.trajectory.isin(place)]
        found = found.assign(
            complete=found.trajectory.isin(done), _place=found.trajectory.map(place)
        ).sort_values(["_place", "step"], kind="stable")
        return found.drop(columns="_place").reset_index(drop=True)

    def arms(self) -> pd.DataFrame:
        """ARM, a row per arm that was asked for, in that order; controls and replays are none."""
        arms = self.trajectories[~self.trajectories.strategy.isin(UNQUERIED)]
        return arms[ARM].drop_duplicates().reset_index(drop=True)

    def missing(self) -> pd.DataFrame:
        """Trajectories that failed, never began or are not at their end yet.

        Returns:
            trajectory, ARM, seed, status (`not begun` where there is none; `behind` where it was
            complete before it was asked for more steps), error.
        """
        asked = self.description.get("trajectories", {})
        done = self.steps.groupby("trajectory").step.nunique()
        here = self.trajectories.trajectory.map(done).fillna(0)
        wanted = self.trajectories.trajectory.map(asked) if asked else here
        status = self.trajectories.status.astype(object)
        status = status.where(status.notna(), "not begun")
        status = status.where((status != "complete") | (here >= wanted), "behind")
        found = self.trajectories.assign(status=status)[status != "complete"]
        return found[["trajectory", *ARM, "seed", "status", "error"]].reset_index(drop=True)


def load(out: str | Path) -> Study:
    """Read a study's folder.

    Raises:
        UserError: no study there.
        StudyConflict: its description cannot be read, or is of other tests than its steps.
        StorageError: a table is damaged.
    """
    store = Store(out)
    description = store.study_json.get("trajectories", "tests", "labels")
    alive = somebody_is_at(store)
    if not alive:  # who is may be writing a step at this moment
        refuse_damaged(store)
    asked = list(description["trajectories"])
    rows, steps = store.read("rows"), store.read("steps", asked)
    tests = tuple(description["tests"])
    refuse_unknown(tests, steps)
    if not description.get("task", CLASSIFICATION)["few"]:
        steps = _with_metrics(steps, store.read("metrics", asked))
    return Study(
        out=store.pages,
        description=description,
        trajectories=asked_for(store, description, alive),
        steps=steps,
        selections=store.read("selections", asked),
        predictions=store.read("predictions", asked),
        members=store.read("members", asked),
        rows=rows,
        labels=tuple(description["labels"]),
        test=tests[0],
        tests=tests,
        demonstration=bool(description["demonstration"]),
        address="" if store.storage.local is not None else store.address,
        alive=alive,
    )


def _with_metrics(steps: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """The table `steps` with a column `metric NAME` for each metric of `metrics`."""
    if metrics.empty:
        return steps
    key = ["trajectory", "step", "test"]
    wide = metrics.pivot_table(index=key, columns="metric", values="value", observed=True)
    return steps.merge(wide.add_prefix("metric ").reset_index(), on=key, how="left")


def refuse_unknown(tests: Sequence[str], steps: pd.DataFrame) -> None:
    """Look whether a description, which may be made by hand, has the tests of its steps.

    Raises:
        StudyConflict: it names another.
    """
    here = list(dict.fromkeys(steps.test))
    unknown = [test for test in tests if test not in here]
    if here and unknown:
        meant = [test for test in here if test not in tests]
        if meant:
            message = mark(
                "study.json: names the test {name!r}, which no step has; call it {meant} there"
            )
        else:
            message = mark(
                "study.json: names the test {name!r}, which no step has; take it out there"
            )
        raise StudyConflict(message, name=unknown[0], meant=tr(" or ").join(map(repr, meant)))


def asked_for(store: Store, description: dict[str, Any], alive: bool) -> pd.DataFrame:
    """The trajectories asked for, in that order, with those that never began.

    Args:
        store: of the study.
        description: `study.json`.
        alive: whether a driver is at it.

    Returns:
        A row per trajectory. `status` is null of one that never began, and `stopped` of one that
        is not at its end where nobody is at the study.

    Raises:
        StudyConflict: one of them cannot be a trajectory's name.
    """
    asked = list(description["trajectories"])
    known = store.read("trajectories").set_index("trajectory")
    if not alive:
        known["status"] = known.status.replace("running", "stopped")
    begun = [name for name in asked if name in known.index]
    found = known.loc[begun].reset_index()
    arms = description.get("arms", {})
    others = [
        {"trajectory": name, **arms[name]} if name in arms else _from_name(name, description)
        for name in asked
        if name not in known.index
    ]
    if others:
        absent = pd.DataFrame(others)
        found = absent if found.empty else pd.concat([found, absent], ignore_index=True)
        found = found.reindex(columns=["trajectory", *known.columns])
    place = {name: number for number, name in enumerate(asked)}
    return found.sort_values(
        "trajectory", key=lambda names: names.map(place), kind="stable"
    ).reset_index(drop=True)


def _from_name(name: str, description: dict[str, Any]) -> dict[str, Any]:
    """What is known of one that never began, in a study of before `arms` were written down."""
    study = description.get("study", {})
    said = re.fullmatch(r"(.+)-(cold|warm|warm-new)-([0-9]+)-s([0-9]+)-[0-9a-f]+", name)
    if said is None:
        raise StudyConflict(
            "study.json: {name!r} is no name of a trajectory; take it out there, or give "
            "the study's command with another --out",
            name=name,
        )
    strategy, retrain, size, seed = said.groups()
    heads = study.get("heads") or ["fine-tuned"]
    initial = None if strategy == CONTROL else study.get("initial")
    return {
        "trajectory": name,
        "strategy": strategy,
        "retrain": retrain,
        "head": heads[0],
        "step_size": int(size),
        "initial": int(initial or size),
        "seed": int(seed),
    }


def each(frame: pd.DataFrame) -> Iterator[Any]:
    """The rows of a frame as tuples with names."""
    return iter(frame.itertuples(index=False))


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as dicts."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def groups(frame: pd.DataFrame, by: str | list[str]) -> Iterator[tuple[Any, pd.DataFrame]]:
    """Groups in the order in which they are first met, with their keys."""
    return iter(frame.groupby(by, sort=False))
