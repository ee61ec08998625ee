"""`al-ray report`, and the page that a study ends with."""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from al_ray.io.storage import reason, said
from al_ray.io.terminal import plain, say
from al_ray.language import spoken
from al_ray.results import Store

NAMES = ("report",)


def add_commands(commands: Any) -> None:
    """Add the parser of `report` to those of `al-ray`."""
    report = commands.add_parser("report", help="write a page with figures and the verdict")
    report.add_argument(
        "outs",
        nargs="+",
        metavar="OUT",
        help="results folder; of several the page is in the first, with a table across all",
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

    written = write_report(options.outs, pictures=not options.no_pictures)
    if options.json:
        answer = {
            "page": _file(written.page),
            "figures": [_file(path) for path in written.figures],
            "notes": list(written.notes),
        }
        print(plain(json.dumps(answer, ensure_ascii=False)))
        return 0
    for note in written.notes:
        say(console, note)
    size = written.page.stat().st_size / 1e6
    pictures = f"; {len(written.figures)} pictures in {written.page.parent / 'figures'}"
    say(console, f"Report: {written.page} ({size:.1f} MB)" + pictures * bool(written.figures))
    return 0


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
        say(console, f"No page was asked for; to make it: {again}")
        return
    if asked is None and sys.stdout.isatty():
        page = Store(out).pages / "report" / "index.html"
        in_background(out)
        say(console, f"The page is being made, in a process of its own: {page}")
        say(console, f"To make it again, or should it not come: {again}")
        return
    options = argparse.Namespace(outs=[out], no_pictures=False, json=False)
    try:
        run_command(options, console)
    except Exception as error:
        say(
            console,
            f"The report could not be written ({type(error).__name__}: {reason(error)}); the "
            f"tables are whole. To try again: {again}",
        )


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
