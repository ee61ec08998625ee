"""`al-ray report`, and the page that a study ends with."""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from al_ray.io.storage import reason, said
from al_ray.io.terminal import json_line, say
from al_ray.language import spoken, tr
from al_ray.results import Store

if TYPE_CHECKING:
    from al_ray.report.build import Written

NAMES = ("report",)


def add_commands(commands: Any) -> None:
    """Add the parser of `report` to those of `al-ray`."""
    report = commands.add_parser("report", help="write a page with figures and the verdict")
    report.add_argument(
        "outs",
        nargs="+",
        metavar="OUT",
        help="results folder; of several each has its page",
    )
    report.add_argument("--no-pictures", action="store_true", help="the page alone, sooner")
    report.add_argument("--json", action="store_true", help="for machines: paths and sizes")


def run_command(options: argparse.Namespace, console: Console) -> int:
    """Run `report`.

    Raises:
        UserError: no study there, or nothing of it is complete yet.
    """
    # Drawing takes a second to load; no other command needs it.
    from al_ray.report.build import write_report

    for out in options.outs:
        written = write_report(out, pictures=not options.no_pictures)
        _say(written, options.json, console)
    return 0


def _say(written: Written, as_json: bool, console: Console) -> None:
    if as_json:
        answer = {
            "page": _file(written.page),
            "figures": [_file(path) for path in written.figures],
            "notes": list(written.notes),
        }
        print(json_line(answer))
        return
    for note in written.notes:
        say(console, note)
    size = written.page.stat().st_size / 1e6
    line = tr("Report: {page} ({size:.1f} MB)", page=written.page, size=size)
    if written.figures:
        folder = written.page.parent / "figures"
        line += "; " + tr("{n} pictures in {folder}", n=len(written.figures), folder=folder)
    say(console, line)


def after_study(out: str, console: Console, asked: bool | None = None) -> None:
    """Write the page at the end of a study, which must not fail for it: what goes wrong is said.

    Args:
        out: results folder.
        console: to say it on.
        asked: True: wait for it; None: in a process of its own where a person sits at a terminal,
            who is not to wait, and else as with True; False: say how to have it written.
    """
    again = f"al-ray report {shlex.quote(said(out))}"
    if asked is False:
        say(console, tr("No page was asked for; to make it: {command}", command=again))
        return
    if asked is None and sys.stdout.isatty():
        page = Store(out).pages / "report" / "index.html"
        in_background(out)
        say(console, tr("The page is being made, in a process of its own: {page}", page=page))
        say(console, tr("To make it again, or should it not come: {command}", command=again))
        return
    options = argparse.Namespace(outs=[out], no_pictures=False, json=False)
    try:
        run_command(options, console)
    except Exception as error:
        line = tr(
            "The report could not be written ({kind}: {error}); the tables are whole. To try "
            "again: {command}",
            kind=type(error).__name__,
            error=reason(error),
            command=again,
        )
        say(console, line)


def in_background(out: str) -> subprocess.Popen[bytes]:
    """Write the page in a process that outlives this one and its terminal."""
    return subprocess.Popen(
        [sys.executable, "-m", "al_ray", "report", "--lang", spoken(), "--", out],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _file(path: Path) -> dict[str, Any]:
    return {"path": str(path), "bytes": path.stat().st_size}
