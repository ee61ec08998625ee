"""What the page says in words and tables, beside its figures."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from typing import Any, Final

from al_ray.analysis.described.telling import texts
from al_ray.analysis.metrics import meaning
from al_ray.analysis.reference.claims import claims
from al_ray.analysis.study import Study
from al_ray.analysis.summary import FROZEN
from al_ray.analysis.verdict import DEMONSTRATION
from al_ray.language import mark, tr, trn
from al_ray.report.arms import Arms
from al_ray.report.figures.base import Rows, records
from al_ray.report.found import MARKS, judgements
from al_ray.report.marked import marked
from al_ray.results.description import models_of
from al_ray.results.rerun import rerun_commands
from al_ray.study.training import FIT

TIMES: Final = (mark("begun"), mark("continued"))
"""Of a configuration, what is no part of what was asked for."""

_MOST_MISSING: Final = 60
_MOST_TEXT: Final = 180
_MOST_TEXTS: Final = 18


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
