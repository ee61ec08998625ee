"""Commands in the documents: the scripts take them, and the reference study's are what it costs."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from pathlib import Path

import pytest

from al_ray.commands.options import study_config
from al_ray.commands.parser import study_parser

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").glob("*.md")), ROOT / "deploy" / "README.md"]
COMMAND = re.compile(r"python experiments/(nsmc|news6|news7|savings|search|ner|mrc)\.py([^`\n]*)")


SEQUENCE = re.compile(r"\$\(seq (\d+) (\d+)\)")


def _counted(found):
    """As the shell has it."""
    return " ".join(str(n) for n in range(int(found[1]), int(found[2]) + 1))


def commands(page):
    """Script and arguments of every command that runs a study, without what stands for more."""
    text = SEQUENCE.sub(_counted, page.read_text(encoding="utf-8").replace("\\\n", " "))
    for script, rest in COMMAND.findall(text):
        yield script, [word for word in shlex.split(rest, comments=True) if word != "…"]


EVERY = [(page.name, *command) for page in PAGES for command in commands(page)]


def module(path):
    spec = importlib.util.spec_from_file_location(f"documented_{path.stem}", path)
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made  # dataclasses look there
    spec.loader.exec_module(made)
    return made


def study_of(script, argv):
    """What a command asks for, and where its first draws begin."""
    made = module(ROOT / "experiments" / f"{script}.py")
    return study_config(made.EXPERIMENT, study_parser(made.EXPERIMENT).parse_args(argv))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", text):
        assert (page.parent / target).exists(), target
    for target, part in re.findall(r"\]\(([^)#:]*\.md)?#([\w-]+)\)", text):
        there = (page.parent / target if target else page).read_text(encoding="utf-8")
        titles = re.findall(r"^#+ (.*)$", there, re.MULTILINE)
        assert part in [
            re.sub(r"[^\w\s-]", "", t).strip().lower().replace(" ", "-") for t in titles
        ]


def test_there_are_commands():
    assert len(EVERY) >= 14


@pytest.mark.parametrize("place", range(len(EVERY)))
def test_the_script_takes_it(place):
    _, script, argv = EVERY[place]
    assert study_of(script, argv).seeds


def reference():
    """The commands of E1 to E7, by name."""
    text = (ROOT / "docs" / "reference-study.md").read_text(encoding="utf-8")
    found = {}
    for line in text.splitlines():
        name = re.match(r"\| (E\d), ", line)
        if name is None:
            continue
        command = COMMAND.search(line)
        if command is None:  # E4: that of E3, and more
            more = re.search(r"`(--replay[^`]*)`", line)
            script, argv = found["E3"]
            found[name[1]] = script, [*argv, *shlex.split(more[1])]
        else:
            found[name[1]] = command[1], shlex.split(command[2])
    return found


def test_the_reference_studys_seeds_and_first_draws():
    """Ten seeds; and where there are two step sizes, equal first draws, as claim C2 needs them."""
    found = {name: study_of(*command) for name, command in reference().items()}
    assert sorted(found) == ["E1", "E2", "E3", "E4", "E5", "E6", "E7"]
    assert {study.seeds for study in found.values()} == {tuple(range(10))}
    for name in ("E2", "E3", "E4", "E6"):
        assert found[name].step_sizes == (3000, 1000)
        assert found[name].initial == 3000


def test_its_costs_are_of_these_commands(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    cost = module(ROOT / "experiments" / "benchmarks" / "cost.py")
    given = ["--data", "X", "--model", "kobert", "--recipe", "seed"]
    parts = {}
    for part in cost.parts():
        argv = [*given, *part.options]
        made = study_config(part.experiment, study_parser(part.experiment).parse_args(argv))
        parts.setdefault(part.name[:2], made)
    for name, command in reference().items():
        mine, theirs = parts[name], study_of(*command)
        assert sorted(mine.retrain) == sorted(theirs.retrain)
        order = {"retrain": (), "axes": {}}  # each part is of one number of epochs
        assert {**vars(mine), **order} == {**vars(theirs), **order}
