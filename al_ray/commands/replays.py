"""`al-ray search --replays`: what searches would have done on a study that ran a whole grid."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.console import Console

from al_ray.io.table import NOTHING, Column, Table
from al_ray.io.terminal import json_line, say
from al_ray.language import tr, trn
from al_ray.results import Store
from al_ray.study.knobs import check

if TYPE_CHECKING:
    from al_ray.search.early import Early
    from al_ray.search.replay import Replayed


def print_replays(store: Store, times: int, as_json: bool, console: Console) -> int:
    """How far a study's early order can be trusted, and what each search would have done.

    Raises:
        UserError: it has no validation rows, no test, or nothing to choose from.
    """
    from al_ray.search.early import early, first_rung
    from al_ray.search.recorded import read, rungs, rungs_after_first_draw
    from al_ray.search.replay import methods, replay, spread

    check(times >= 1, "--replays {n}: give 1 or more", n=times)
    recorded = read(store)
    left_out, recorded = len(recorded.incomplete), recorded.whole()
    check(
        len(recorded.configurations) > 1 and bool(recorded.seeds) and bool(recorded.tested.curves),
        "{out}: a replay needs two configurations or more that have a seed in common, and a test; "
        "give a study that has",
        out=store.address,
    )
    check(
        bool(rungs(recorded)),
        "{out}: its step sizes share no number of labels; give a study whose sizes do",
        out=store.address,
    )
    one, every = early(recorded, 1), early(recorded)
    found = {name: replay(recorded, make, times) for name, make in methods(recorded).items()}
    seconds = spread([each.seconds for each in found["all"]])[0]
    can_differ = rungs_after_first_draw(recorded)
    rung = first_rung([each for each in every if each.labels in can_differ])
    if as_json:
        said = {
            "early": [asdict(each) for each in [*one, *every]],
            "first_rung": rung,
            "left_out": left_out,
            "replays": {
                name: {
                    "share_of_seconds": [each.seconds / seconds for each in of],
                    "behind": [each.behind for each in of],
                    "fits": [each.fits for each in of],
                }
                for name, of in found.items()
            },
        }
        print(json_line(said))
        return 0
    if left_out:
        line = trn(
            "{n:,} configuration is left out: not all of its trajectories are complete.",
            "{n:,} configurations are left out: not all of their trajectories are complete.",
            left_out,
        )
        say(console, line)
    console.print(_early_table(one, every))
    if rung is None:
        say(
            console,
            tr("Nowhere is the first within a point of the one that has the most."),
        )
    else:
        say(console, tr("First rung: {labels} labels.", labels=rung))
    console.print(
        _searches_table(found, seconds, len(recorded.configurations), len(recorded.seeds))
    )
    return 0


def _searches_table(
    found: Mapping[str, Sequence[Replayed]], seconds: float, n: int, seeds: int
) -> Table:
    from al_ray.search.replay import spread

    columns = (
        *(Column(tr("search")), Column(tr("time")), Column(tr("90 % of these"), 2)),
        *(Column(tr("fits"), 1), Column(tr("points behind")), Column(tr("90 % of these"), 3)),
    )
    rows = []
    for name, of in found.items():
        share, low, high = spread([each.seconds / seconds for each in of])
        behind, least, most = (100 * x for x in spread([each.behind for each in of]))
        rows.append(
            (
                name,
                f"{share:.2f}",
                f"{low:.2f}–{high:.2f}",
                f"{sum(each.fits for each in of) / len(of):,.0f}",
                f"{behind:.2f}",
                f"{least:.2f}–{most:.2f}",
            )
        )
    title = tr(
        "Searches among {n} configurations and {seeds} seeds, {times} replays each",
        n=n,
        seeds=seeds,
        times=len(next(iter(found.values()))),
    )
    caption = tr(
        "Time: of devices, beside that of all. Behind: points of area under the test curve by "
        "which the winner is behind the one that has the most here, which is partly chance; of all "
        "it is what validation rows would choose. Ranges are of these replays."
    )
    return Table(columns, rows, title, caption)


def _early_table(one: Sequence[Early], every: Sequence[Early]) -> Table:
    columns = (
        *(Column(tr("labels")), Column(tr("seeds")), Column("τ-b")),
        *(Column(tr("points behind")), Column(tr("95 %"), 1)),
        *(Column(tr("rows in common"), 2), Column(tr("τ-b of these"), 3)),
    )

    def number(value: float) -> str:
        return NOTHING if math.isnan(value) else f"{value:.2f}"

    rows = [
        (
            f"{each.labels:,}",
            str(each.seeds),
            number(each.tau),
            f"{100 * each.behind:.2f}",
            NOTHING if math.isnan(each.low) else f"{100 * each.low:.2f}–{100 * each.high:.2f}",
            number(each.overlap),
            number(each.alike),
        )
        for each in (*one, *every)
    ]
    title = tr("How far the order at so many labels can be trusted")
    caption = tr(
        "τ-b: Kendall's, of the order by validation rows there with that of the area under the "
        "test curve. Behind: points by which the first there is behind the one that has the most "
        "in the end, which is partly chance; 95 %: behind the truly best, for new seeds, on these "
        "test rows (Tukey). Rows in common: of those that two configurations have chosen."
    )
    return Table(columns, rows, title, caption)
