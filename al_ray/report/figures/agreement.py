"""Kind 2: which test rows each arm gets right, together and alone; and what arms choose alike."""

from __future__ import annotations

from typing import Final

import altair as alt
import pandas as pd

from al_ray.analysis.described.agreement import chosen_overlap, right_sets, test_agreement
from al_ray.analysis.study import Study
from al_ray.language import mark, tr
from al_ray.report.arms import Arms
from al_ray.report.figures.bars import measured, row_axis
from al_ray.report.figures.base import (
    Control,
    Figure,
    Numbers,
    Panel,
    chosen,
    data,
    layered,
    number,
    option_list,
    percent,
    records,
    word,
)
from al_ray.report.theme import colour

_MOST_SETS: Final = 20
_MOST_ARMS: Final = 6
_MOST_PAIRS: Final = 10
_DOTS: Final = 190
_PAIR_WIDTH: Final = 260
_PARTS: Final = {
    "both": mark("both right"),
    "only_a": mark("the first alone"),
    "only_b": mark("the second alone"),
    "neither": mark("neither"),
}


def pairs(study: Study, arms: Arms) -> Figure | None:
    """Pairs of arms of one setting: the share of test rows right by both, one or neither."""
    frame = test_agreement(study)
    if frame.empty:
        return None
    frame = arms.named(arms.named(frame, "_a"), "_b")
    frame = frame[frame.setting_a == frame.setting_b]
    if frame.empty:
        return None
    total = frame[list(_PARTS)].sum(axis=1)
    frame = frame.assign(**{part: frame[part] / total for part in _PARTS})
    frame = frame.assign(setting=frame.setting_a, pair=frame.choice_a + " · " + frame.choice_b)
    settings = list(dict.fromkeys(frame.setting))
    parts = {part: tr(text) for part, text in _PARTS.items()}
    drawn, beside = _beside(frame, "random")
    long = drawn.melt(
        id_vars=["setting", "beside", "pair", "n_labelled", "jaccard", "chance", "contains"],
        value_vars=list(_PARTS),
        var_name="part",
        value_name="share",
    )
    long["order"] = long.part.map({part: place for place, part in enumerate(_PARTS)})
    long["part"] = long.part.map(parts)
    colours = ["phase-0", "phase-1", "phase-2", "phase-3"]
    base = alt.Chart(data("pairs")).transform_filter(chosen("setting", "beside"))
    order = list(dict.fromkeys(frame.pair))
    chart = base.mark_bar(height={"band": 0.7}).encode(
        y=row_axis("pair", order, _PAIR_WIDTH),
        x=alt.X(
            "share:Q",
            title=tr("share of test rows"),
            axis=alt.Axis(format=".0%", tickCount=5),
            scale=alt.Scale(domain=[0, 1], clamp=True),
            stack="zero",
        ),
        order=alt.Order("order:Q"),
        color=alt.Color(
            "part:N",
            scale=alt.Scale(domain=list(parts.values()), range=[colour(name) for name in colours]),
            legend=(alt.Legend(orient="top", title=None, symbolType="square")),
        ),
        tooltip=[
            word("pair", tr("arms")),
            word("part", tr("part")),
            percent("share", tr("share")),
            percent("jaccard", tr("alike (Jaccard)")),
            percent("chance", tr("by chance")),
            number("n_labelled", tr("labels")),
        ],
    )
    choices, fixed = _choices(settings, beside)
    numbers = (
        ("setting", tr("setting"), ""),
        ("pair", tr("arms"), ""),
        ("n_labelled", tr("labels"), "n"),
        *((part, text, "%") for part, text in parts.items()),
        ("jaccard", tr("alike (Jaccard)"), "%"),
        ("chance", tr("by chance"), "%"),
        ("contains", tr("the first's right rows hold the second's"), ""),
    )
    return Figure(
        "agreement",
        tr("Right together, right alone"),
        tr(
            "Of two arms with equally many labels: which test rows are right by both, by one alone "
            "and by neither, mean over seeds."
        ),
        (Panel("pairs", "", layered(chart), _height(drawn), ("pairs",), wide=True),),
        {
            "pairs": records(long),
            "pair-table": records(frame, *(field for field, _, _ in numbers)),
        },
        choices,
        fixed,
        legend=False,
        key=tuple(zip(parts.values(), colours, strict=True)),
        numbers=(Numbers("pair-table", numbers),),
        kind=2,
    )


def sets(study: Study, arms: Arms) -> Figure | None:
    """UpSet: test rows by which arms get them right, of one setting and seed."""
    curves = study.curves()
    curves = arms.named(curves[curves.chosen_by == ""])
    made, members, choices, most, arms_there = [], [], [], 0, 0
    for setting, mine in curves.groupby("setting", sort=False):
        names = list(dict.fromkeys(mine.line))
        arms_there = max(arms_there, len(names))
        names = names[:_MOST_ARMS]
        mine = mine[mine.line.isin(names)]
        place = _common(mine)
        if place is None or len(names) < 2:
            continue
        n_labelled, seed = place
        told = dict(zip(mine.trajectory, mine.line, strict=True))
        found = right_sets(study, n_labelled, seed, names=told).head(_MOST_SETS)
        most = max(most, len(names))
        text = tr(
            "{setting}: seed {seed}, {labels:,} labels",
            setting=setting,
            seed=seed,
            labels=n_labelled,
        )
        choices.append((str(setting), text))
        for inside, rows in zip(found.arms, found.rows, strict=True):
            column = {
                "setting": setting,
                "right": " + ".join(inside) or tr("none"),
                "rows": int(rows),
            }
            made.append(column)
            members += [{**column, "arm": name, "in": name in inside} for name in names]
    if not made:
        return None
    numbers = (
        ("setting", tr("setting"), ""),
        ("right", tr("right"), ""),
        ("rows", tr("test rows"), "n"),
    )
    caption = [
        tr(
            "Each column is a set of test rows: dots mark the arms that get them right, and no "
            "other does; the bar counts them."
        )
    ]
    if arms_there > _MOST_ARMS:
        caption.append(tr("The first {n} of {of} arms.", n=_MOST_ARMS, of=arms_there))
    return Figure(
        "right-sets",
        tr("Which arms get a test row right"),
        " ".join(caption),
        (Panel("right-sets", "", _upset(most), _DOTS + 26 * most, ("sets", "dots"), wide=True),),
        {"sets": made, "dots": members},
        (Control("setting", tr("Setting"), tuple(choices), choices[0][0]),)
        if len(choices) > 1
        else (),
        {} if len(choices) > 1 else {"setting": choices[0][0]},
        legend=False,
        numbers=(Numbers("sets", numbers),),
        kind=2,
    )


def _upset(arms: int) -> alt.LayerChart:
    """Bars above, dots below: two vertical axes that share one horizontal one."""
    where = chosen("setting")
    order = alt.EncodingSortField(field="rows", op="max", order="descending")
    x = alt.X("right:N", sort=order, axis=None)
    bars = alt.Chart(data("sets")).transform_filter(where)
    count = alt.Y(
        "rows:Q",
        title=tr("test rows"),
        scale=alt.Scale(range=[170, 14], nice=True),
        axis=alt.Axis(tickCount=4, orient="left", format=",d", titleAnchor="end", titleAngle=0,
                      titleAlign="left", titleY=0, titleX=0),
    )  # fmt: skip
    dots = alt.Chart(data("dots")).transform_filter(where)
    row = alt.Y(
        "arm:N",
        title=None,
        sort=None,
        scale=alt.Scale(range=[_DOTS, _DOTS + 26 * arms]),
        axis=alt.Axis(orient="left", grid=False, domain=False, ticks=False, labelLimit=140),
    )
    tips = [word("right", tr("right")), number("rows", tr("test rows"))]
    ink, faint = colour("ink"), colour("rule")
    made: alt.LayerChart = alt.layer(
        alt.layer(
            bars.mark_bar(color=colour("heat"), opacity=0.7).encode(x=x, y=count, tooltip=tips),
            bars.mark_text(dy=-7, fontSize=11).encode(
                x=x,
                y=count,
                text="rows:Q",
                opacity=alt.condition("width > 520", alt.value(1), alt.value(0)),  # not on a phone
            ),
        ),
        alt.layer(
            dots.mark_circle(size=70, opacity=1, color=faint).encode(x=x, y=row),
            dots.transform_filter("datum.in")
            .mark_circle(size=90, opacity=1, color=ink)
            .encode(x=x, y=row, tooltip=tips),
        ),
    ).resolve_scale(y="independent")
    return made


def overlap(study: Study, arms: Arms) -> Figure | None:
    """What arms choose in common with random's and with each other's batches, against chance."""
    frame = chosen_overlap(study)
    if frame.empty:
        return None
    frame = arms.named(arms.named(frame, "_a"), "_b")
    frame = frame[(frame.setting_a == frame.setting_b) & (frame.step >= 0)]
    if frame.empty:
        return None
    frame = frame.assign(setting=frame.setting_a, pair=frame.choice_a + " · " + frame.choice_b)
    grouped = frame.groupby(
        ["setting", "choice_a", "choice_b", "pair", "step"], sort=False, as_index=False
    ).agg(jaccard=("jaccard", "mean"), chance=("chance", "mean"), seeds=("seed", "nunique"))
    last = grouped.groupby(["setting", "pair"]).step.transform("max")
    grouped = grouped[grouped.step == last]
    grouped["batch"] = grouped.step + 1
    settings = list(dict.fromkeys(grouped.setting))
    drawn, beside = _beside(grouped, "margin")
    choices, fixed = _choices(settings, beside)
    base = alt.Chart(data("overlap")).transform_filter(chosen("setting", "beside"))
    y = row_axis("pair", list(dict.fromkeys(grouped.pair)), _PAIR_WIDTH)
    tips = [
        word("pair", tr("arms")),
        percent("jaccard", tr("in common (Jaccard)")),
        percent("chance", tr("by chance")),
        number("batch", tr("batch")),
    ]
    x = alt.X(
        "jaccard:Q",
        title=tr("rows chosen in common (Jaccard)"),
        axis=alt.Axis(format=".0%", tickCount=5),
        scale=alt.Scale(domainMin=0),
    )
    chart = measured(base, y, x, "chance", tips)
    numbers = (
        ("setting", tr("setting"), ""),
        ("pair", tr("arms"), ""),
        ("batch", tr("batch"), "n"),
        ("jaccard", tr("in common"), "%"),
        ("chance", tr("by chance"), "%"),
        ("seeds", tr("seeds"), "n"),
    )
    return Figure(
        "overlap",
        tr("Chosen alike"),
        tr(
            "Rows that two arms have in common of all they had chosen by their last batch, without "
            "the first draw; mean over seeds. The short bar is what chance would give."
        ),
        (Panel("overlap", "", chart, _height(drawn), ("overlap",), wide=True),),
        {"overlap": records(drawn), "overlap-table": records(grouped)},
        choices,
        fixed,
        legend=False,
        numbers=(Numbers("overlap-table", numbers),),
        kind=2,
    )


def _common(curves: pd.DataFrame) -> tuple[int, int] | None:
    """The largest number of labels, and there the first seed, that all arms came to."""
    met = curves.groupby(["n_labelled", "seed"]).line.nunique()
    full = met[met == curves.line.nunique()]
    if full.empty:
        return None
    largest = full.index.get_level_values("n_labelled").max()
    seeds = full.loc[largest].index
    return int(largest), int(seeds.min())


def _beside(frame: pd.DataFrame, first: str) -> tuple[pd.DataFrame, list[str]]:
    """The pairs to draw at once: all, or where these are many, those of an arm to be chosen.

    Returns:
        The frame with `beside`, the arm under which a pair is drawn ('' where nothing is to be
        chosen), and the arms to choose from, `first` as the first if it is there.
    """
    if int(frame.groupby("setting").pair.nunique().max()) <= _MOST_PAIRS:
        return frame.assign(beside=""), []
    names = list(dict.fromkeys([*frame.choice_a, *frame.choice_b]))
    names.sort(key=lambda name: name != first)
    either = [frame.assign(beside=frame[side]) for side in ("choice_a", "choice_b")]
    return pd.concat(either, ignore_index=True), names


def _choices(settings: list[str], beside: list[str]) -> tuple[tuple[Control, ...], dict[str, str]]:
    """Controls of what there is a choice of, and the values of the others."""
    made = []
    if len(settings) > 1:
        made.append(Control("setting", tr("Setting"), option_list(settings), settings[0]))
    if beside:
        made.append(Control("beside", tr("Pairs with"), option_list(beside), beside[0]))
    fixed = {} if len(settings) > 1 else {"setting": settings[0]}
    return tuple(made), fixed if beside else {**fixed, "beside": ""}


def _height(drawn: pd.DataFrame) -> int:
    return 28 * int(drawn.groupby(["setting", "beside"]).pair.nunique().max()) + 44
