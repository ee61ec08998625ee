"""The page: a template, its style, its script and its data in one file."""

from __future__ import annotations

import functools
import json
from importlib.resources import files
from typing import Any, Final

import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from al_ray.analysis.names import MANY
from al_ray.analysis.study import Study
from al_ray.analysis.verdict import FOUND
from al_ray.language import mark, spoken, tr, trn
from al_ray.report import content
from al_ray.report.arms import Arms, Line
from al_ray.report.figures.base import ROW, Control, Figure
from al_ray.report.gallery import Gallery
from al_ray.report.theme import DARK, LIGHT, config, variables
from al_ray.results.description import models_of

# Vega's own marker shapes, in a box of 10 by 10 around 0.
_MARKERS = {
    "circle": "M5 0A5 5 0 1 1-5 0A5 5 0 1 1 5 0Z",
    "square": "M-4.4-4.4H4.4V4.4H-4.4Z",
    "triangle-up": "M0-5L5 4H-5Z",
    "triangle-down": "M0 5L5-4H-5Z",
    "triangle-right": "M5 0L-4 5V-5Z",
    "triangle-left": "M-5 0L4 5V-5Z",
    "diamond": "M0-6L4.6 0L0 6L-4.6 0Z",
    "cross": "M-1.8-5H1.8V-1.8H5V1.8H1.8V5H-1.8V1.8H-5V-1.8H-1.8Z",
}


FIRST: Final = "curves"
"""The figure that stands right under the answer."""


_SAID: Final = {
    "theme": mark("Theme:"),
    "system": mark("system"),
    "light": mark("light"),
    "dark": mark("dark"),
    "all": mark("all {n}"),
    "some": mark("{n} of {of}"),
    "yes": mark("yes"),
    "no": mark("no"),
    "percent": mark("{share} %"),
    "more": mark("The first {n} of {of} rows; all are in the study's tables."),
}
"""What the script says."""


def render(
    study: Study, arms: Arms, gallery: Gallery, parts: dict[str, Any], notes: list[str]
) -> str:
    """The page as HTML. Whatever comes from the study is escaped."""
    commands, recorded = content.again(study)
    described = study.description
    models = [each["name"] for each in models_of(described)]
    return filled(
        "page.html.j2",
        arms,
        gallery,
        study=study,
        title=tr(
            "Active learning on {corpus} with {models}",
            corpus=described["corpus"]["name"],
            models=tr(" and ").join(models),
        ),
        lead=content.lead(study, arms),
        lines={line.name: line for line in arms.lines},
        first=[figure for figure in gallery.figures if figure.name == FIRST],
        rest=[figure for figure in gallery.figures if figure.name != FIRST],
        reference=content.is_of_the_reference(described["corpus"]["name"]),
        notes=notes,
        parts=parts,
        meant=content.MEANT,
        found=FOUND,
        configuration=_called(content.configuration(study)),
        versions=_called(content.versions(study)),
        commands=commands,
        recorded=recorded,
    )


def _called(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(content.called(name), value) for name, value in pairs]


def filled(template: str, arms: Arms, gallery: Gallery, **facts: Any) -> str:
    """A page as HTML: its frame, style, script and data, and these facts, which are escaped."""
    environment = Environment(
        loader=PackageLoader("al_ray.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["swatch"] = swatch
    environment.filters["options"] = options
    environment.globals |= {"tr": tr, "trn": trn}
    return environment.get_template(template).render(
        language=spoken(),
        arms=arms,
        gallery=gallery,
        style=Markup(_style()),
        script=Markup(_asset("page.js")),
        library=Markup(_library()),
        payload=payload(gallery, arms),
        **facts,
    )


def payload(gallery: Gallery, arms: Arms) -> dict[str, Any]:
    """What the script draws from."""
    return {
        "config": config(),
        "words": {name: tr(text) for name, text in _SAID.items()},
        "arms": arms.each,
        "ranked": arms.ranked if arms.many else [],
        "many": MANY,
        "row": ROW,
        "figures": [
            {
                "name": figure.name,
                "legend": figure.legend,
                "rows": [panel.rows for panel in figure.panels],
                "data": figure.data,
                "panels": {panel.name: _spec(figure, place) for place, panel in
                           enumerate(figure.panels)},
                "numbers": [
                    {"data": table.data, "columns": table.columns} for table in figure.numbers
                ],
            }
            for figure in gallery.figures
        ],
    }  # fmt: skip


def _spec(figure: Figure, place: int) -> dict[str, Any]:
    panel = figure.panels[place]
    spec = figure.spec(panel)
    spec["description"] = ": ".join(text for text in (figure.title, panel.title) if text)
    return spec


def swatch(line: Line) -> Markup:
    """How an arm is drawn, as a small picture."""
    dash = "" if line.dash == (1, 0) else f' stroke-dasharray="{" ".join(map(str, line.dash))}"'
    return Markup(
        f'<svg class="swatch" viewBox="-15 -7 30 14" aria-hidden="true">'
        f'<path d="M-15 0H15" stroke="var(--arm-{line.colour})" stroke-width="2"{dash}/>'
        f'<path d="{_MARKERS[line.shape]}" fill="var(--arm-{line.colour})"/></svg>'
    )


def options(control: Control) -> str:
    """A control's values and texts as JSON, for its element."""
    return json.dumps(control.options, ensure_ascii=False)


def _style() -> str:
    light, dark = variables(LIGHT), variables(DARK)
    return (
        f":root {{ color-scheme: light; {light} }}\n"
        "@media screen and (prefers-color-scheme: dark) { :root:not([data-theme=light]) "
        f"{{ color-scheme: dark; {dark} }} }}\n"
        f"@media screen {{ :root[data-theme=dark] {{ color-scheme: dark; {dark} }} }}\n"
        + _asset("page.css")
    )


def _asset(name: str) -> str:
    return (files("al_ray.report") / "templates" / name).read_text(encoding="utf-8")


@functools.cache
def _library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script."""
    script = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its stubs are wrong
    if "</script" in script.lower():
        raise RuntimeError("the drawing library cannot stand inside a page")
    return script
