"""From a study's folder to its page and pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from al_ray.analysis import searched, successors
from al_ray.analysis.baseline import warnings
from al_ray.analysis.best import untold
from al_ray.analysis.conclusion import conclusion
from al_ray.analysis.study import Study, load
from al_ray.analysis.summary import arms as summarised
from al_ray.analysis.verdict import disagreements
from al_ray.errors import StudyConflict, UserError
from al_ray.io.files import atomic
from al_ray.io.storage import said
from al_ray.language import mark, spoken, tr
from al_ray.report import content, sheets
from al_ray.report.arms import Arms
from al_ray.report.files import save
from al_ray.report.fonts import BOXES, REMEDY, draws_korean, stand_ins
from al_ray.report.gallery import gallery
from al_ray.report.page import render
from al_ray.results import Store
from al_ray.results.folder import own_pages

STAMP = mark("DEMONSTRATION on generated text: says nothing about real data")


@dataclass(frozen=True)
class Written:
    """What a report came to.

    Attributes:
        page: the HTML page.
        figures: picture files.
        notes: what went wrong or is missing, a line each.
    """

    page: Path
    figures: tuple[Path, ...]
    notes: tuple[str, ...]


def write_report(out: str | Path, pictures: bool = True) -> Written:
    """Write OUT/report/index.html and OUT/report/figures/.

    Of a study on an object store it is reports/NAME/report, here.

    Args:
        out: results folder.
        pictures: write the figures as files too.

    Raises:
        UserError: no study there, or no step of it is complete.
    """
    study = load(out)
    if study.curves().empty:
        raise UserError(
            "{out}: no step of any arm is complete yet; run the study on, and see "
            "how far it is with al-ray show {out}",
            out=said(str(out)),
        )
    if study.address:  # else it is the study's own folder
        own_pages(study.out)
    folder = study.out / "report"
    arms = Arms(study.trajectories, summarised(study.steps, study.trajectories, study.test))
    stamp = tr(STAMP) if study.demonstration else ""
    drawn = gallery(study, arms)
    notes = [
        tr("{title}: could not be drawn ({error})", title=title, error=error)
        for title, error in drawn.failed
    ]
    figures: list[Path] = []
    refuse_replaced(out, study)
    folder.mkdir(exist_ok=True)
    if pictures:
        figures = save(drawn.figures, folder / "figures", study.labels, stamp)
    if pictures and spoken() == "ko" and not draws_korean():
        notes.append(tr(BOXES))
    elif pictures and stand_ins(study.labels):
        notes.append(tr(REMEDY))
    parts, went_wrong = _parts(study, arms)
    html = render(study, arms, drawn, parts, [*notes, *went_wrong])
    page = folder / "index.html"
    with atomic(page, lambda: refuse_replaced(out, study)) as temp:
        Path(temp).write_text(html, encoding="utf-8")
    return Written(page, tuple(figures), (*notes, *went_wrong))


def refuse_replaced(out: str | Path, study: Study) -> None:
    """Look whether the folder still holds the study that was read: drawing takes a while.

    Raises:
        StudyConflict: it was removed, or begun anew.
    """
    there = Store(out).study_json.read()
    if there is None or there.get("begun_at") != study.description.get("begun_at"):
        raise StudyConflict(
            "{out}: was removed or begun anew meanwhile, so its page was not written; give al-ray "
            "report {out} again",
            out=said(str(out)),
        )


def _parts(study: Study, arms: Arms) -> tuple[dict[str, Any], list[str]]:
    """The page's words and tables; a part that goes wrong is left out and said."""
    makers: dict[str, tuple[Callable[[], Any], Any]] = {
        "conclusion": (lambda: conclusion(study), None),
        "verdicts": (lambda: content.verdicts(study, arms), []),
        "successors": (lambda: [*searched.lines(study), *successors.lines(study)], []),
        "best": (lambda: sheets.best_with_best(study), None),
        "untold": (lambda: untold(study), []),
        "warnings": (lambda: warnings(study), []),
        "disagreements": (lambda: [content.unmarked(line) for line in disagreements(study)], []),
        "claims": (lambda: content.answers([study]), []),
        "texts": (lambda: content.telling(study, arms), {}),
        "comparisons": (lambda: sheets.comparisons(study, arms), []),
        "missing": (lambda: content.missing(study), ([], 0)),
    }
    parts, wrong = {}, []
    for name, (make, nothing) in makers.items():
        try:
            parts[name] = make()
        except Exception as error:  # one part must not cost the reader the page
            parts[name] = nothing
            said_of = f"{type(error).__name__}: {error}"
            wrong.append(tr("{part}: could not be worked out ({error})", part=name, error=said_of))
    return parts, wrong
