"""`al-ray show`: how far a study is and what its arms came to, from its tables alone."""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import pandas as pd
from rich.console import Console
from rich.live import Live

from al_ray.analysis.metrics import meaning
from al_ray.analysis.names import TRAINED, arm_name, several, told
from al_ray.analysis.progress import State, progress, state_of
from al_ray.analysis.study import CLASSIFICATION, asked_for, refuse_unknown
from al_ray.analysis.summary import ARM, CHOOSER, FROZEN, arms, with_learner
from al_ray.errors import UserError
from al_ray.io.table import NOTHING, Column, Table
from al_ray.io.terminal import json_line, say
from al_ray.language import mark, tr, trn
from al_ray.planning import Course, study_line
from al_ray.results import SCHEMAS, Store
from al_ray.results.damage.check import Damage, damaged_checkpoints, damages
from al_ray.results.damage.inputs import damaged_inputs
from al_ray.results.lease import somebody_is_at
from al_ray.study.chooser import CONTROL, UNQUERIED, spelt

NAMES = ("show",)

_MOST_LINES: Final = 30

_STATUSES: Final = (
    *(mark("running"), mark("stopped"), mark("failed"), mark("complete"), mark("waiting")),
)
"""In the order in which they are shown."""


def add_commands(commands: Any) -> None:
    """Add the parser of `show` to those of `al-ray`."""
    show = commands.add_parser("show", help="how far a study is, and its arms")
    show.add_argument("out", metavar="OUT", help="results folder")
    show.add_argument("--follow", action="store_true", help="until the study is at its end")
    show.add_argument(
        "--every", type=float, default=2.0, metavar="SECONDS", help="between looks; default: 2"
    )
    show.add_argument(
        "--check", action="store_true", help="read every file: is it as it was written?"
    )
    show.add_argument("--json", action="store_true", help="for machines")


def run_command(options: argparse.Namespace, console: Console) -> int:
    """Run `show`.

    Raises:
        UserError: no study there, or an option out of range.
    """
    if not (math.isfinite(options.every) and options.every > 0):
        raise UserError("--every {every:g}: give seconds above 0", every=options.every)
    out = options.out
    if options.check:
        return _check(Store(out), options.json, console)
    if options.follow:
        _follow(out, options.every, None if options.json else console)
        if options.json:
            return 0
    if options.json:
        frame, description = summary(out)
        answer = {
            "arms": json.loads(frame.to_json(orient="records")),
            "not_begun": description["not_begun"],
            "state": how(out, far := how_far(out)).word,
            "progress": _records(far),
        }
        print(json_line(answer))
        return 0
    print_summary(out, console)
    far = how_far(out)
    if not options.follow and far.status.isin(["running", "stopped"]).any():
        console.print(_progress_table(far))
    say(console, how(out, far).line)
    return 0


def _check(store: Store, as_json: bool, console: Console) -> int:
    """Say what is damaged; 1 if anything is. Nothing is changed: the study's command does that."""
    description = store.study_json.get()
    found = [Damage(name, mark("is damaged or gone")) for name in store.study_json.damaged()]
    found += [*damages(store), *damaged_checkpoints(store)]
    found += [Damage(str(path), mark("is damaged")) for path in damaged_inputs(store)]
    if as_json:
        print(json_line({"damaged": [asdict(each) for each in found]}))
        return 1 if found else 0
    for each in found:
        say(console, tr("{file}: {why}.", file=store.storage.of(each.file), why=tr(each.why)))
    if not found:
        address = store.address
        say(console, tr("{address}: every file is there, and as it was written.", address=address))
        return 0
    command = description.get("run", {}).get("command")
    line = tr(
        "Not to be believed: {n:,}. The study's command, given again, sets them aside and does "
        "again what was in them",
        n=len(found),
    )
    say(console, line + (f": {command}" if command else "."))
    return 1


def how(out: str, far: pd.DataFrame) -> State:
    """Whether a study runs, has stopped or is done."""
    store = Store(out)
    command = store.study_json.get().get("run", {}).get("command", "")
    return state_of(far.status, somebody_is_at(store), command)


def summary(out: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table of arms of a study's folder that have begun, and its description.

    Raises:
        UserError: no study there.
    """
    steps, trajectories, description = _read(out)
    begun = trajectories.status.notna()
    unknown = trajectories.trajectory[~begun].tolist()
    found = arms(steps, trajectories[begun], next(iter(description["tests"])))
    return found, {**description, "not_begun": unknown}


def _read(out: str) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Steps and trajectories of a study's folder, but for replays, and its description."""
    store = Store(out)
    description = store.study_json.get("trajectories", "tests")
    alive = somebody_is_at(store)
    trajectories, steps = _trajectories(store, description, alive), store.read("steps")
    refuse_unknown(list(description["tests"]), steps)
    return steps, trajectories[trajectories.replay_of.isna()], description


def _say_shared(steps: pd.DataFrame, console: Console) -> None:
    """How many fits were not made, since another trajectory had made the same."""
    shared = int(steps.drop_duplicates(["trajectory", "step"]).fits_shared.fillna(0).sum())
    if shared:
        line = trn(
            "{n:,} fit was saved: another trajectory had made the same.",
            "{n:,} fits were saved: other trajectories had made the same.",
            shared,
        )
        say(console, line)


def how_far(out: str) -> pd.DataFrame:
    """The progress of a study's trajectories.

    Raises:
        UserError: no study there.
    """
    store = Store(out)
    description = store.study_json.get("trajectories", "tests")
    test = next(iter(description["tests"]))
    alive = somebody_is_at(store)
    trajectories = _trajectories(store, description, alive)
    return progress(store.read("steps"), trajectories, description["trajectories"], test, alive)


def _trajectories(store: Store, description: dict[str, Any], alive: bool) -> pd.DataFrame:
    return with_learner(asked_for(store, description, alive), description.get("training", {}))


def print_summary(out: str, console: Console) -> None:
    """The table of arms, what is missing, and where the tables are."""
    steps, trajectories, description = _read(out)
    test = next(iter(description["tests"]))
    frame = arms(steps, trajectories, test)
    few = description.get("task", CLASSIFICATION)["few"]
    columns = (
        Column(tr("arm")),
        Column(tr("regime"), 6, "{}", left=True),
        Column(tr("first"), 6, tr("{} first")),
        Column(tr("step"), 6, tr("steps of {}")),
        Column(tr("seeds"), 1, tr("{} seeds")),
        Column(tr("labels"), 6, tr("{} labels")),
        Column(tr("accuracy")),
        *([Column(tr("balanced"), 5), Column(tr("macro-F1"), 4)] if few else []),
        Column(tr("area"), 2),
        Column(tr("missing"), 3, tr("{} missing")),
    )
    arms_of = frame.to_dict("records")
    trained = [name for name in several(frame) if name in (*TRAINED, *CHOOSER)]
    names = [_name(arm, trained) for arm in arms_of]
    rows = [
        (
            name,
            arm["retrain"],
            f"{arm['initial']:,}",
            f"{arm['step_size']:,}",
            str(arm["seeds"]),
            f"{arm['n_labelled']:,.0f}" if arm["seeds"] else NOTHING,
            _mean(arm["final_mean"], arm["final_sd"]),
            *(_mean(arm[n], None) for n in ("balanced_mean", "macro_f1_mean") if few),
            _mean(arm["area_mean"], arm["area_sd"]),
            f"{len(arm['missing']):,}" if arm["missing"] else NOTHING,
        )
        for name, arm in zip(names, arms_of, strict=True)
    ]
    title = tr(
        "At the end, on {test}, mean ± deviation over seeds; area: under accuracy", test=test
    )
    if description.get("demonstration"):
        title += " (" + tr("demonstration on generated text") + ")"
    console.print(Table(columns, rows, title))
    for name, arm in zip(names, arms_of, strict=True):
        seeds: dict[str, list[str]] = {}
        for seed, status, error in arm["missing"]:
            why = f"{tr(status)} ({error})" if error else tr(status)
            seeds.setdefault(why, []).append(str(seed))
        for why, of in seeds.items():
            line = trn(
                "Missing: {name}, seed {seeds}: {why}",
                "Missing: {name}, seeds {seeds}: {why}",
                len(of),
                name=name,
                seeds=", ".join(of),
                why=why,
            )
            say(console, line)
    if said := meaning(description.get("task", CLASSIFICATION)):
        say(console, said)
    _say_shared(steps, console)
    store = Store(out)
    shown = Path(out) if store.storage.local is not None else None  # as it was given
    for table_name in SCHEMAS:
        if store.files(table_name):
            say(console, str(shown / table_name) if shown else store.storage.of(table_name))


def _follow(out: str, every: float, console: Console | None) -> None:
    """Say how the study goes on until every trajectory is complete or has failed.

    A terminal shows a table that stays where it is; elsewhere there is a line for each new step,
    and without a console a line of JSON for each change.
    """
    seen: dict[str, tuple[int, str]] = {}
    shown = None
    if console is not None and console.is_terminal:
        shown = Live(console=console, auto_refresh=False, vertical_overflow="crop")
    if shown is not None:
        shown.start()
    try:
        while True:
            far = how_far(out)
            now = {
                str(name): (int(done), str(status))
                for name, done, status in far[["trajectory", "done", "status"]].to_numpy()
            }
            if shown is not None:
                shown.update(_progress_table(far), refresh=True)
            elif console is not None:
                for row in far.to_dict("records"):
                    name = str(row["trajectory"])
                    if now[name] != seen.get(name, (0, "waiting")):
                        say(console, _line(row))
                if now != seen and _runs(far):
                    say(console, _whole(far))
            elif now != seen:
                print(json_line({"progress": _records(far)}), flush=True)
            seen = now
            if all(status in ("complete", "failed") for _, status in now.values()):
                return
            time.sleep(every)
    finally:
        if shown is not None:
            shown.stop()


def _progress_table(far: pd.DataFrame) -> Table:
    counts = far.status.value_counts()
    said = [tr("{n:,} {status}", n=counts[each], status=tr(each)) for each in counts.index]
    columns = (
        Column(tr("arm")),
        Column(tr("seed"), 2, tr("seed {}")),
        Column(tr("status"), left=True),
        Column(tr("step")),
        Column(tr("labels"), 3),
        Column(tr("accuracy"), 1),
        Column(tr("s a step"), 4),
        Column(tr("left")),
        Column(tr("trajectory"), 5, left=True),
    )
    apart = several(far[~far.strategy.isin(UNQUERIED)])
    rows = far.sort_values("status", key=lambda s: s.map(_STATUSES.index), kind="stable").to_dict(
        "records"
    )
    shown = [
        (
            arm_name(row, [*apart, *(["initial"] if row["strategy"] == CONTROL else [])]),
            f"{row['seed']}",
            tr(row["status"]),
            f"{row['done']}/{row['steps']}",
            NOTHING if row["n_labelled"] is None else f"{row['n_labelled']:,}",
            NOTHING if row["accuracy"] is None else f"{row['accuracy']:.3f}",
            NOTHING if row["step_seconds"] is None else f"{row['step_seconds']:.1f}",
            _left(row),
            row["trajectory"],
        )
        for row in rows[:_MOST_LINES]
    ]
    more = tr("and {n:,} more", n=len(rows) - _MOST_LINES) if len(rows) > _MOST_LINES else ""
    title = tr("{n:,} trajectories: {counts}", n=len(far), counts=", ".join(said))
    return Table(columns, shown, f"{title}\n{_whole(far)}" if _runs(far) else title, more)


def _runs(far: pd.DataFrame) -> bool:
    return bool((far.status == "running").any())


def _whole(far: pd.DataFrame) -> str:
    """The study in a line, with the time that is left of it."""
    courses = [
        Course(
            left=0 if row["status"] == "failed" else max(0, row["steps"] - row["done"]),
            seen=row["done"],
            seconds=row["done"] * (row["step_seconds"] or 0.0),
            kinds=(
                tuple(row[name] for name in ARM),
                (row["strategy"], row["head"]),
                row["head"],
            ),
            running=row["status"] == "running",
        )
        for row in far.to_dict("records")
    ]
    return study_line(courses, int(far.done.sum()))


def _line(row: dict[Any, Any]) -> str:
    step = f"{row['done']}/{row['steps']}"
    parts = [str(row["trajectory"]), tr(row["status"]), tr("step {step}", step=step)]
    if row["accuracy"] is not None:
        parts += [tr("{n:,} labels", n=row["n_labelled"]), f"{row['accuracy']:.3f}"]
    if left := _left(row):
        parts.append(tr("{time} left", time=left))
    return "  ".join(parts)


def _left(row: dict[Any, Any]) -> str:
    if row["status"] != "running" or row["left_seconds"] is None:
        return ""
    seconds = round(row["left_seconds"])
    minutes = f"{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{seconds // 3600}:{minutes}" if seconds >= 3600 else minutes


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = json.loads(frame.to_json(orient="records"))
    return answer


def _name(arm: dict[Any, Any], columns: list[str]) -> str:
    said = [spelt(arm["strategy"], arm["parameters"]), *told(arm, columns)]
    return ", ".join(said) + (f" ({tr(FROZEN)})" if arm["head"] == FROZEN else "")


def _mean(mean: Any, deviation: Any) -> str:
    if pd.isna(mean):
        return NOTHING
    return f"{mean:.3f}" + ("" if pd.isna(deviation) else f" ± {deviation:.3f}")
