"""What the page says in words and tables, beside its figures."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from al_ray.analysis import best, effort
from al_ray.analysis.baseline import signed
from al_ray.analysis.comparison import penalties, shown_cells
from al_ray.analysis.described.agreement import texts
from al_ray.analysis.described.burden import burden
from al_ray.analysis.metrics import meaning
from al_ray.analysis.reference.claims import claims
from al_ray.analysis.side_by_side import Beside
from al_ray.analysis.study import CHOICE, SETTING, Study
from al_ray.analysis.summary import ARM, FROZEN
from al_ray.analysis.verdict import DEMONSTRATION, UNDECIDED
from al_ray.language import mark, tr, trn
from al_ray.report.arms import Arms
from al_ray.report.figures.base import Rows, records
from al_ray.report.found import judgements
from al_ray.report.marked import marked
from al_ray.results.description import models_of
from al_ray.results.rerun import rerun_commands
from al_ray.study.training import FIT

MARKS: Final = {
    "saves": "▲",
    "saves on the way": "▲",
    "better": "△",
    "no difference": "=",
    "worse": "▼",
    "undertrained": "!",
    "cannot tell": "?",
    mark("supported"): "✓",
    mark("contradicted"): "✗",
}
"""Signs beside answers, which must not rest on colour."""

TIMES: Final = (mark("begun"), mark("continued"))
"""Of a configuration, what is no part of what was asked for."""

_MOST_MISSING: Final = 60
_MOST_TEXT: Final = 180
_MOST_TEXTS: Final = 18
_MOST_ARMS: Final = 12


@dataclass(frozen=True)
class Sheet:
    """A table of the page: headings, and rows of texts, the last `words` of which are long."""

    title: str
    note: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 0


def verdicts(study: Study, arms: Arms) -> list[tuple[str, Rows]]:
    """A sentence for each arm, the best news first; many are grouped by what they share."""
    order = {kind: place for place, kind in enumerate(MARKS)}
    frame = arms.named(judgements(study))
    kept = ("arm", "line", "setting", "choice", "sentence", "kind")
    rows = records(frame, *kept) if len(frame) else []
    for row in rows:
        row["mark"] = MARKS.get(row["kind"], "?")
        row["sentence"] = unmarked(row["sentence"])
    rows = sorted(rows, key=lambda row: order.get(row["kind"], len(order)))
    if not arms.many:
        return [("", rows)] if rows else []
    grouped: dict[str, Rows] = {}
    for row in rows:
        grouped.setdefault(row["setting"], []).append(row)
    return list(grouped.items())


def unmarked(sentence: str) -> str:
    """Without the mark of generated text, which the page bears on top, once."""
    return sentence.removeprefix(tr(DEMONSTRATION))


def is_of_the_reference(corpus: str) -> bool:
    """Whether the reference study's claims are about a corpus of this name, or one like it."""
    return re.sub(r"[^a-z0-9]", "", corpus.lower()) in ("nsmc", "news6", "news7", "ynat")


def best_with_best(study: Study) -> Sheet | None:
    """Each strategy at its best training against random at its own; None where none is tuned."""
    found = best.tuned(study)
    if found.empty:
        return None
    return Sheet(
        tr("Best with best"),
        tr(best.MEANT),
        (
            *(tr("arm"), tr("above random (95 %)"), tr("verdict"), tr("seeds")),
            *(tr("at"), tr("random at")),
        ),
        tuple(
            (
                row["name"],
                points(row["difference"], row["low"], row["high"]),
                f"{MARKS[row['kind']]} {tr(row['kind'])}",
                str(row["seeds"]),
                *(best.chosen(row[side]) for side in ("chosen", "random_chosen")),
            )
            for row in found.to_dict("records")
        ),
        words=2,
    )


def answers(studies: Sequence[Study]) -> Rows:
    """The reference study's claims, its numbers and ours."""
    rows = records(claims(studies))
    for row in rows:
        row["mark"] = MARKS.get(row["answer"], "?")
    return rows


MEANT: Final = {
    mark("chosen first"): mark("The model put them at the top of a batch; × counts the batches."),
    mark("flipped most"): mark(
        "Test rows whose prediction changed most from step to step; × counts the changes over all "
        "seeds."
    ),
    mark("right only for one arm"): mark(
        "Test rows that no other arm of the same setting got right at the end; × counts the seeds."
    ),
}
"""What the kinds of telling texts are."""


def telling(study: Study, arms: Arms) -> dict[str, Rows]:
    """The most telling texts by kind."""
    frame = texts(study, limit=3)
    if frame.empty:
        return {}
    frame = arms.named(frame)
    frame = frame.groupby("kind", sort=False).head(_MOST_TEXTS)
    kept = ("arm", "line", "row_id", "label", "prediction", "count", "text")
    found = {str(kind): records(rows, *kept) for kind, rows in frame.groupby("kind", sort=False)}
    head = study.task.get("head", "text")
    for row in itertools.chain.from_iterable(found.values()):
        if head == "text" or not row["text"]:
            row |= {"text": _cut(row["text"]), "pieces": ()}
            continue
        answers = [row[name] or "" for name in ("label", "prediction")]
        shown = marked(row["text"], answers[0], answers[1], head == "context")
        row |= {"pieces": shown.pieces, "label": shown.gold, "prediction": shown.said}
    return found


def _cut(text: Any) -> str:
    whole = " ".join(str(text).split())
    return whole if len(whole) <= _MOST_TEXT else whole[: _MOST_TEXT - 1] + "…"


def missing(study: Study) -> tuple[Rows, int]:
    """Trajectories that are not complete, and how many there are in all."""
    frame = study.missing()
    return records(frame.head(_MOST_MISSING)), len(frame)


def comparisons(study: Study, arms: Arms) -> list[Sheet]:
    """Where arms are better and worse than random, and the penalties of arms against each other."""
    sheets = [*_burden(study, arms), *_spent(study, arms)]
    cells = _decided_cells(study)
    if len(cells):
        sheets.append(
            Sheet(
                tr("At how many numbers of labels an arm is better or worse than random"),
                tr(
                    "Where that is shown over seeds and test rows, corrected over an arm's numbers "
                    "of labels (Holm); of an arm that the verdict finds no difference of, nowhere. "
                    "The first draw, which all share, does not count."
                ),
                (tr("arm"), tr("numbers of labels"), tr("better"), tr("worse")),
                tuple(
                    (row["arm"], *(f"{row[field]:,}" for field in ("cells", "better", "worse")))
                    for row in records(arms.named(cells))
                ),
            )
        )
    kinds = judgements(study)
    decided = arms.named(kinds[~kinds.kind.isin(UNDECIDED)])
    pairs = penalties(study)
    for side in ("_a", "_b"):
        chosen = {name: pairs[name + side] for name in CHOICE}
        pairs["arm" + side] = arms.named(pairs[SETTING].assign(**chosen)).arm
    known = pairs[pairs.penalty.notna() & pairs.arm_a.isin(decided.arm)]
    known = known[known.arm_b.isin(decided.arm)]
    names = [name for name in arms.names if (known.arm_a == name).any()][:_MOST_ARMS]
    if names:
        found = {(row.arm_a, row.arm_b): row.penalty for row in known.itertuples()}
        sheets.append(
            Sheet(
                tr("Penalties between arms"),
                tr(
                    "The share of the numbers of labels at which the arm of the column is better "
                    "than the arm of the row, each tested by itself at 5 % over seeds and test "
                    "rows: of equal arms 0.025 is to be expected. An arm of small numbers in its "
                    "row is seldom beaten. Against random: the verdict."
                ),
                ("", *names),
                tuple(
                    (name, *(_plain(found.get((name, other))) for other in names)) for name in names
                ),
            )
        )
    return sheets


def _burden(study: Study, arms: Arms) -> list[Sheet]:
    """What the chosen texts ask of whoever labels them."""
    found = burden(study)
    if found.empty:
        return []
    named, there = arms.named(found), set(found.measure)
    kept = [name for name in ("characters", "marks")[: 1 if study.few else 2] if name in there]
    rows = []
    for name in arms.names:
        mine = {row["measure"]: row for row in records(named[named.arm == name])}
        shown: list[str] = []
        for row in (mine[measure] for measure in kept if measure in mine):
            ends = ""
            if row["low"] is not None:
                ends = " (" + tr("{low:.2f} to {high:.2f}", low=row["low"], high=row["high"]) + ")"
            shown += [f"{row['chosen']:.1f}", f"{row['ratio']:.2f}{ends}", f"{row['total']:,.0f}"]
        if shown:
            rows.append((name, *shown))
    heads = []
    for measure in kept:
        what = tr("characters") if measure == "characters" else tr("marks")
        heads += [what, tr("beside the pool's (95 %)"), tr("in all")]
    return [
        Sheet(
            tr("How long the texts are that an arm chose"),
            tr(
                "Means of a chosen text, its ratio to those of the pool with 95 % intervals over "
                "seeds, and sums of all that is labelled at the end. A strategy that is drawn to "
                "long texts saves texts, and not time."
            ),
            (tr("arm"), *heads),
            tuple(rows),
        )
    ]


def _spent(study: Study, arms: Arms) -> list[Sheet]:
    """Arms against random for the same effort."""
    measures = [] if study.few else effort.measures(study)
    found = [one for one in effort.judged_by_effort(study) if one.found is not None]
    if not measures or not found:
        return []
    frame = arms.named(pd.DataFrame([one.arm for one in found]))
    cells = {
        (name, one.measure): effort.said_of(one) for name, one in zip(frame.arm, found, strict=True)
    }
    rows = []
    for name in arms.names:
        mine = [cells.get((name, measure)) for measure in measures]
        if any(mine):
            said = ((f"{MARKS[kind]} {tr(kind)}", text) for kind, text in filter(None, mine))
            rows.append((name, *(": ".join(filter(None, each)) for each in said)))
    return [
        Sheet(
            tr("Beside random for the same effort"),
            tr(
                "Arms are judged over what their texts come to as they are over labels: points of "
                "mean accuracy above random, with 95 % intervals over seeds and test rows, and "
                "what is saved where that is shown. What is found is corrected over arms (Holm), "
                "by each measure for itself."
            ),
            (tr("arm"), *(tr(effort.MEASURES[measure]) for measure in measures)),
            tuple(rows),
            words=len(measures),
        )
    ]


def _decided_cells(study: Study) -> pd.DataFrame:
    """`shown_cells` that do not say more than the verdict does: none is shown of no difference."""
    cells = shown_cells(study).merge(judgements(study)[[*ARM, "kind"]], on=ARM)
    cells = cells[~cells.kind.isin(UNDECIDED)]
    cells.loc[cells.kind == "no difference", ["better", "worse"]] = 0
    return cells[[*ARM, "cells", "better", "worse"]]


def across(found: Beside) -> Sheet:
    """The arms of several studies in one table."""
    rows = []
    for study, ends in zip(found.names, found.ends, strict=True):
        for row in ends.to_dict("records"):
            known = not pd.isna(row["n_labelled"])
            verdict = f"{MARKS.get(row['kind'], '?')} {tr(row['kind'])}" if row["kind"] else "–"
            rows.append(
                (
                    row["name"],
                    study,
                    f"{row['seeds']:.0f}" if known else "–",
                    f"{row['n_labelled']:,.0f}" if known else "–",
                    _share(row["final_mean"]),
                    points(row["difference"], row["low"], row["high"]),
                    verdict,
                )
            )
    return Sheet(
        tr("Arm by arm"),
        tr(
            "Each arm against random in its own study: points of mean accuracy over the labels, "
            "with 95 % intervals over seeds and test rows."
        ),
        (
            *(tr("arm"), tr("study"), tr("seeds"), tr("labelled"), tr("accuracy")),
            *(tr("above random (95 %)"), tr("verdict")),
        ),
        tuple(rows),
    )


def lead(study: Study, arms: Arms) -> str:
    """How large the study is."""
    tests = study.description["tests"].items()
    size = tr(
        "{arms}, {seeds}, {labels} labels; a pool of {pool:,} texts, measured on {tests}.",
        arms=trn("{n} arm", "{n} arms", len(arms.names)),
        seeds=trn("{n} seed", "{n} seeds", study.curves().seed.nunique()),
        labels=len(study.labels),
        pool=study.description.get("train_rows") or 0,
        tests=", ".join(tr("{name} ({rows:,} rows)", name=name, rows=rows) for name, rows in tests),
    )
    return " ".join(filter(None, (size, meaning(study.task))))


_ASKED: Final = (
    *(mark("strategies"), mark("heads"), mark("committee"), mark("candidates"), mark("diversity")),
    *(mark("retrain"), mark("step sizes"), mark("initial"), mark("steps"), mark("budget")),
    *(mark("controls"), mark("replay cold"), mark("successor"), mark("on divergence")),
    mark("seeds"),
)
"""Of what was asked for, with underscores."""


def called(name: str) -> str:
    """What one of `configuration` is called in the language that is spoken."""
    return trn("label", "labels", 2) if name == "labels" else tr(name)


def configuration(study: Study) -> list[tuple[str, str]]:
    """What the study is, as names and values."""
    described = study.description
    trained = study.trajectories[study.trajectories["head"] != FROZEN]
    training = described.get("training", {}) | {
        name: sorted(set(trained[name])) for name in FIT if len(trained)
    }
    tests = ", ".join(f"{name} {rows:,}" for name, rows in described["tests"].items())
    pairs: list[tuple[str, Any]] = [
        (mark("corpus"), f"{described['corpus']['name']} ({described['corpus']['digest'][:12]})"),
        *(
            (mark("model"), f"{each['name']} ({each['digest'][:12]})")
            for each in models_of(described)
        ),
        ("labels", ", ".join(study.labels)),
        (mark("pool"), tr("{rows:,} rows", rows=described.get("train_rows", 0))),
        (mark("tests"), tr("{tests} rows", tests=tests)),
        *((name.replace("_", " "), value) for name, value in training.items()),
        (mark("validation"), described.get("validation")),
        (mark("committee's learning rates"), described.get("committee_learning_rates")),
    ]
    asked = described.get("study", {})
    pairs += [
        (name, asked[field])
        for name, field in ((name, name.replace(" ", "_")) for name in _ASKED)
        if asked.get(field) != [None] and field in asked
    ]
    pairs += [
        (name, str(described.get(f"{name}_at", "")).replace("T", " ").replace("+00:00", " UTC"))
        for name in TIMES
    ]
    return [(name, _value(value)) for name, value in pairs if value not in (None, [], "")]


def versions(study: Study) -> list[tuple[str, str]]:
    """Versions, commit and devices."""
    described = study.description
    try:
        found = json.loads(described.get("versions") or "{}")
    except json.JSONDecodeError:
        found = {}
    pairs = [(str(name), str(version)) for name, version in found.items()]
    if described.get("commit"):
        pairs.append((mark("commit"), str(described["commit"])[:12]))
    devices = [str(device) for device in study.trajectories.device.dropna().unique()]
    if devices:
        pairs.append((mark("device"), ", ".join(devices)))
    return pairs


def again(study: Study) -> tuple[list[str], bool]:
    """The commands that run the study again, and whether they were recorded."""
    return rerun_commands(study.description, study.address or str(study.out))


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_value(each) for each in value)
    if isinstance(value, float):
        return f"{value:g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _share(value: Any) -> str:
    return "–" if value is None or pd.isna(value) else tr("{share:.1f} %", share=100 * value)


def points(value: Any, low: Any, high: Any) -> str:
    """A difference in points, with its interval where that is known."""
    if pd.isna(value):
        return "–"
    if pd.isna(low):
        return signed(value)
    ends = tr("{low} to {high}", low=signed(low), high=signed(high))
    return f"{signed(value)} ({ends})"


def _plain(value: Any) -> str:
    return "" if value is None or pd.isna(value) else f"{value:.2f}"
