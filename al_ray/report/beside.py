"""Several studies on one page of their own; nobody's page is touched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from al_ray.analysis.side_by_side import Beside, Pair
from al_ray.analysis.study import Study
from al_ray.analysis.wording import test_rows
from al_ray.io.files import atomic
from al_ray.language import tr
from al_ray.report import content
from al_ray.report.arms import Arms
from al_ray.report.figures.beside import beside
from al_ray.report.found import MARKS
from al_ray.report.gallery import Gallery
from al_ray.report.page import filled
from al_ray.report.sheets import Sheet, across, points
from al_ray.results.folder import own_apart


def write_comparison(
    studies: Sequence[Study],
    found: Beside,
    differences: Sequence[tuple[str, Sequence[str]]],
    into: str | None = None,
) -> Path:
    """Write FOLDER/index.html.

    Args:
        studies: two or more.
        found: what there is to say of them.
        differences: as `differing` has them.
        into: the folder; None: reports/ and the studies' names.

    Raises:
        StudyConflict: the folder is a study's, or holds files that are not ours.
    """
    names = (name.strip("/").replace("/", "-") for name in found.names)
    folder = Path(into or "reports/" + "+".join(names))
    own_apart(folder, "--into ")
    arms = Arms(pd.concat([study.trajectories for study in studies], ignore_index=True))
    figure = beside(studies, found.names, arms)
    html = filled(
        "beside.html.j2",
        arms,
        Gallery([figure]),
        title=tr("Side by side: {names}", names=", ".join(found.names)),
        figure=figure,
        answers=list(zip(found.names, found.answers, strict=True)),
        demonstration=any(study.demonstration for study in studies),
        across=across(found),
        pairs=[_sheet(pair) for pair in found.pairs if not pair.why],
        whys=[pair.why for pair in found.pairs if pair.why],
        differing=_differing(differences, found.names),
        claims=content.answers(studies) if _are_the_reference(studies) else [],
    )
    page = folder / "index.html"
    with atomic(page) as temp:
        Path(temp).write_text(html, encoding="utf-8")
    return page


def _are_the_reference(studies: Sequence[Study]) -> bool:
    """Whether they are one study of each of some corpora that its claims are about."""
    corpora = [study.description["corpus"]["name"] for study in studies]
    return len(set(corpora)) == len(corpora) and all(map(content.is_of_the_reference, corpora))


def differing(studies: Sequence[Study]) -> list[tuple[str, list[str]]]:
    """What studies were asked for, where that is not the same: a name, and each one's value."""
    each: list[dict[str, list[str]]] = []
    for study in studies:
        said: dict[str, list[str]] = {}
        for name, value in content.configuration(study):
            if name in content.TIMES:
                continue
            said.setdefault(name, []).append(value)
        each.append(said)
    names = dict.fromkeys(name for said in each for name in said)
    table = [(name, [", ".join(said.get(name, ["–"])) for said in each]) for name in names]
    return [(name, values) for name, values in table if len(set(values)) > 1]


def _differing(differences: Sequence[tuple[str, Sequence[str]]], names: Sequence[str]) -> Sheet:
    return Sheet(
        tr("What differs"),
        tr("What each study was asked for, where that is not the same."),
        ("", *names),
        tuple((content.called(name), *values) for name, values in differences),
        words=len(names),
    )


def _sheet(pair: Pair) -> Sheet:
    return Sheet(
        tr("{other} against {one}", other=pair.other, one=pair.one),
        tr(
            "Points of mean accuracy over the labels on the same {rows}, with 95 % intervals over "
            "seeds and these, each arm's own. What is found is corrected over these arms (Holm).",
            rows=test_rows(pair.contrasts[0].rows, pair.contrasts[0].articles),
        ),
        (tr("arm"), tr("labels"), tr("seeds"), tr("points (95 %)"), tr("found")),
        tuple(
            (
                one.name,
                f"{one.first:,}–{one.last:,}",
                f"{one.seeds} + {one.missing}" if one.missing else str(one.seeds),
                points(one.area.difference, one.area.low, one.area.high),
                f"{MARKS[one.kind]} {one.found}",
            )
            for one in pair.contrasts
        ),
    )
