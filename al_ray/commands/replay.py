"""`al-ray replay PROJECT`: would another strategy have saved labels on what people answered?"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from al_ray.commands.parser import Parser
from al_ray.errors import UserError
from al_ray.io import terminal
from al_ray.language import mark, tr

if TYPE_CHECKING:
    from al_ray.labelling.project import Project

FOLDER = "replay"

BIAS = mark(
    "The pool of this study is what {strategy} chose, and nothing of what it passed over: another "
    "strategy is seen choosing among these rows alone, so a saving here may be more or less than "
    "on all texts. The test is of texts drawn at random."
)


def main(given: Sequence[str]) -> NoReturn:
    """Run `al-ray replay` with these words: a study as `al-ray run` has it, on what was answered.

    With the project's encoder, and its batches where there are rows for five of them.
    """
    from al_ray.commands import run
    from al_ray.labelling.project import Project

    folder = given[0] if given and not given[0].startswith("-") else ""
    parser = Parser(prog="al-ray replay")
    if {"-h", "--help"} & {*given}:
        run.main([folder or "ANSWERS", "--help"])
    if not folder:
        parser.error(tr("no PROJECT; give its folder, before any option of al-ray run"))
    console = terminal.console()
    try:
        project = Project(folder)
        data, rows = written(project)
    except UserError as error:
        print(terminal.one_line(f"{parser.prog}: {error}"), file=sys.stderr)
        sys.exit(2)
    terminal.say(console, tr(BIAS, strategy=project.config.spec))
    size = project.config.schedule.step_size
    own = {
        "--model": project.facts.model,
        "--max-length": str(project.config.learner.training.max_length),
        "--test-split": "given",  # the texts drawn at random, whose labels may well be others
        "--step-size": str(min(size, max(1, rows // 5))),
        "--budget": str(rows // 2),
        "--out": str(project.folder / FOLDER / "study"),
    }
    given = given[1:]
    if not project.task.few:  # a command of another folder
        own["--out"] = str(Path(own["--out"]).absolute())
    said = {word.partition("=")[0] for word in given}
    said |= {"--budget"} if "--steps" in said else set()
    options = [word for pair in own.items() if pair[0] not in said for word in pair]
    if project.task.few:
        run.main([str(data), *options, *given])
    else:  # `al-ray run` begins with a frozen head, which other tasks have not
        data = data.absolute()
        command = shlex.join(
            ["python", "experiments/ner.py", "--data", str(data), *options, *given]
        )
        terminal.say(
            console,
            tr(
                "The answers are in {folder}, as files of tags. To study them, in a checkout of "
                "al_ray: {command}",
                folder=data,
                command=command,
            ),
        )
        sys.exit(0)


def written(project: Project) -> tuple[Path, int]:
    """The project's answers as a corpus: what was chosen is train, what was drawn is the test.

    Returns:
        Its folder, and the rows of train.

    Raises:
        UserError: too few are answered.
    """
    from al_ray.corpus.written import tag_lines
    from al_ray.labelling.answers.log import consensus
    from al_ray.labelling.files import write_csv, write_text

    agreed = consensus(project.word)
    drawn = set(project.ids(project.reserve))
    parts = {
        "train": [row for row in agreed if row not in drawn],
        "test": [row for row in agreed if row in drawn],
    }
    if len(parts["train"]) < FEWEST or len(parts["test"]) < FEWEST // 10:
        raise UserError(
            "{folder}: {train} chosen and {test} random rows are answered; label more, {least} and "
            "a tenth of that at least",
            folder=project.folder,
            train=len(parts["train"]),
            test=len(parts["test"]),
            least=FEWEST,
        )
    folder = project.folder / FOLDER / "answers"
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in parts.items():
        lines = [(row, project.texts[row], agreed[row]) for row in sorted(rows)]
        if project.task.few:
            write_csv(folder / f"{name}.csv", [("row_id", "text", "label"), *lines])
        else:
            write_text(folder / f"{name}.tsv", "\n".join(tag_lines(*line) for line in lines))
    return folder, len(parts["train"])


FEWEST = 100
"""Answers of chosen rows that a study can be made of."""
