"""al_ray in a notebook: the studies of the command line as objects that show themselves."""

from __future__ import annotations

import html
import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pandas as pd
import pyarrow as pa

from al_ray import language
from al_ray.analysis.study import Study, load
from al_ray.analysis.summary import arms as summarised
from al_ray.commands.parser import Parser
from al_ray.commands.refusals import in_words
from al_ray.commands.run import Run, command_of, out_of
from al_ray.errors import UserError
from al_ray.io import terminal
from al_ray.language import tr

if TYPE_CHECKING:
    import altair as alt


@dataclass(frozen=True)
class Results:
    """What a study found: frames, a chart, and what Jupyter shows of it.

    Attributes:
        study: all frames of it, which `al_ray.analysis` starts from.
    """

    study: Study

    @classmethod
    def of(cls, out: str | Path) -> Results:
        """Read a study's folder; see `al_ray.load`."""
        language.speak((), os.environ)
        return cls(load(out))

    def steps(self, test: str | None = None) -> pd.DataFrame:
        """A row per step of every trajectory that was asked for, on one test.

        Args:
            test: its name; None: the main one, which is not called the same in every study.

        Returns:
            The columns of `steps`, and those of `trajectories` that tell arms apart, sorted by
            trajectory and step; `main` and `head` are filled in
            where an earlier al_ray has written none. Controls and replays are strategies of these
            names.

        Raises:
            UserError: no such test.
        """
        study = self.study
        wanted = study.test if test is None else test
        if wanted not in study.tests:
            raise UserError(
                "{out}: no test {name!r}; it has {tests}",
                out=study.out,
                name=wanted,
                tests=", ".join(study.tests),
            )
        found = study.steps[study.steps.test == wanted]
        return found.assign(main=wanted == study.test).reset_index(drop=True)

    def verdict(self) -> pd.DataFrame:
        """What may be said of each arm; see `al_ray.analysis.verdict.verdict`."""
        from al_ray.analysis.verdict import verdict  # loads SciPy

        return verdict(self.study)

    def curve(self, metric: str = "accuracy", test: str | None = None) -> alt.ConcatChart:
        """The learning curves, as the page has them; Jupyter shows the chart.

        Args:
            metric: `accuracy`, `balanced_accuracy` or `macro_f1`; in other tasks see `metrics`.
            test: its name; None: the main one.

        Raises:
            UserError: no such metric or test, or no step is complete.
        """
        import altair as alt  # a second to load, and what draws

        from al_ray.report.arms import Arms
        from al_ray.report.build import STAMP
        from al_ray.report.figures.curves import learning

        study = self.study
        chosen = {"metric": metric, "test": study.test if test is None else test}
        for name, known in (("metric", [*study.columns]), ("test", study.tests)):
            if chosen[name] not in known:
                raise UserError(
                    "{option} {value!r}: choose from {known}",
                    option=name,
                    value=chosen[name],
                    known=", ".join(known),
                )
        arms = Arms(study.trajectories, summarised(study.steps, study.trajectories, study.test))
        figure = learning(study, arms)
        if figure is None:
            raise UserError(
                "{out}: no step of any arm is complete yet; run the study on", out=study.out
            )
        controls = tuple(
            replace(each, value=chosen.get(each.name, each.value)) for each in figure.controls
        )
        made = replace(figure, controls=controls).picture({}, tr(STAMP) * study.demonstration)
        return alt.ConcatChart.from_dict(made)

    def _repr_html_(self) -> str:
        from al_ray.analysis.conclusion import conclusion  # loads SciPy

        study = self.study
        answer = html.escape(conclusion(study).sentence)
        said = "".join(f"<li>{html.escape(line)}</li>" for line in self.verdict().sentence)
        ends = summarised(study.steps, study.trajectories, study.test)
        return f"<p><b>{answer}.</b></p><ul>{said}</ul>{_ends(ends)}"


def _ends(arms: pd.DataFrame) -> str:
    columns = {
        **{"strategy": tr("strategy"), "head": tr("head"), "retrain": tr("regime")},
        **{"step_size": tr("step"), "seeds": tr("seeds"), "n_labelled": tr("labels")},
        "final_mean": tr("accuracy"),
    }
    shown: str = (
        arms[list(columns)]
        .rename(columns=columns)
        .to_html(index=False, border=0, float_format="{:.3f}".format)
    )
    return shown


class _Raising(Parser):
    """Where there is no process to end."""

    def error(self, message: str) -> NoReturn:
        raise UserError(in_words(message))


def run(
    data: str | Path | pd.DataFrame, fine_tune: bool, name: str, options: Mapping[str, Any]
) -> Results:
    """See `al_ray.run`."""
    words = [word for option, value in options.items() for word in _words(option, value)]
    if not {"--report", "--no-report"} & set(words):
        words.append("--no-report")  # what it returns shows itself
    language.speak(words, os.environ)
    if isinstance(data, str | Path):
        return _run(str(data), fine_tune, command_of(str(data), words), words)
    if not isinstance(data, pd.DataFrame):
        raise UserError("{kind}: give a path, or a frame of texts and labels", kind=type(data))
    if not re.fullmatch(r"[^\W_](?:[\w .()-]{0,98}[\w)])?", name):
        raise UserError(
            "name={name!r}: is no plain name; give letters, digits and '-', 100 at most, such as "
            "name='reviews'",
            name=name[:100],
        )
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / f"{name}.parquet"
        _written(data).to_parquet(where)
        try:
            return _run(str(where), fine_tune, "", words)  # none would find it again
        except UserError as error:  # by the name that the caller knows
            raise type(error)(str(error).replace(str(where), name)) from None


def _written(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame that Parquet can hold: of several kinds of values, as a sheet brings, texts are made.

    Raises:
        UserError: two columns have one name.
    """
    names = list(map(str, frame.columns))
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError("column {name!r} is there twice; rename one", name=twice[0])
    made = frame.set_axis(names, axis=1)
    for name in names:
        plain = not isinstance(made[name].dtype, pd.CategoricalDtype | pd.SparseDtype)
        try:
            if plain:
                pa.Array.from_pandas(made[name])
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
            plain = False
        except UnicodeEncodeError as error:
            raise UserError(
                "column {name!r}: holds half a character ({reason}); leave that row out, or "
                "mend it",
                name=name,
                reason=error.reason,
            ) from None
        if not plain:
            values = pd.Series(list(made[name]), made.index, object)
            made[name] = values.map(str, na_action="ignore")
    return made


def _run(where: str, fine_tune: bool, command: str, words: Sequence[str]) -> Results:
    asked_for = Run(where, words, fine_tune or None, command, terminal.console(), _Raising)
    parser = asked_for.parser()
    for word in words:
        if word.startswith("--") and not parser.knows(word):
            raise UserError(
                "{option} is no option; see al-ray run --help",
                option=word[2:].replace("-", "_"),
            )
    out = out_of(where, parser.parse_args(words))
    if asked_for.both():
        raise UserError("{out}: not all trajectories are complete; the same call goes on", out=out)
    return Results.of(out)


def _words(option: str, value: Any) -> list[str]:
    """Of the command line; None and False are not given."""
    if value is None or value is False:
        return []
    several = not isinstance(value, str) and isinstance(value, Iterable)
    values = [] if value is True else [*value] if several else [value]
    return [f"--{option.replace('_', '-')}", *map(str, values)]
