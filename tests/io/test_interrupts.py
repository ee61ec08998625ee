"""Signals, in processes that do nothing else, and in the first and last moments of commands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])

PROGRAM = """
import ctypes, signal, sys
from al_ray.io import interrupts
from al_ray.errors import Stopped

listens, what = sys.argv[1] == "listens", sys.argv[2]
before = signal.getsignal(signal.SIGTERM)
with interrupts.stoppable("line"):
    pass
assert signal.getsignal(signal.SIGTERM) == before
if listens:
    interrupts.listen("line")

def wait(word):
    print(word, flush=True)
    while True:
        signal.pause()

try:
    if what == "before":
        wait("ready")
    with interrupts.stoppable("line"):
        if what == "in C":  # a lock that the same thread has: no handler of Python's gets its turn
            lock = ctypes.create_string_buffer(64)
            ctypes.CDLL(None).pthread_mutex_lock(lock)
            print("ready", flush=True)
            ctypes.CDLL(None).pthread_mutex_lock(lock)
        try:
            if what != "after":
                wait("ready")
        except Stopped:
            if what == "errs":
                raise OSError("on the way out")
            if what == "lingers":
                wait("leaving")
            if what != "swallows":
                raise
    if what == "after":
        wait("ready")
except Stopped as stopped:
    sys.exit(stopped.code)
"""


def python(*arguments: str) -> subprocess.Popen[str]:
    """In a group of its own, so that a signal can go to all of it, as a terminal's does."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def after(said: Callable[[str], bool], process: subprocess.Popen[str], error: bool = False) -> None:
    """Wait for a line."""
    stream = process.stderr if error else process.stdout
    assert stream is not None
    for line in stream:
        if said(line):
            return
    pytest.fail("it ended before")


@SIGNALS
@pytest.mark.parametrize("who", ["listens", "does not"])
@pytest.mark.parametrize("what", ["leaves", "errs", "swallows", "lingers"])
def test_the_first_signal_leaves_and_the_second_ends(
    number: signal.Signals, who: str, what: str
) -> None:
    with python("-c", PROGRAM, who, what) as process:
        after("ready\n".__eq__, process)
        process.send_signal(number)
        if what == "lingers":
            after("leaving\n".__eq__, process)
            process.send_signal(number)
        _, said = process.communicate(timeout=120)
        assert process.returncode == 128 + number
        assert said == ("line\n" if who == "listens" or what == "lingers" else "")


@SIGNALS
@pytest.mark.parametrize("what", ["before", "after", "in C"])
def test_who_listens_leaves_where_nothing_is_under_way_and_where_nothing_is_heard(
    number: signal.Signals, what: str
) -> None:
    with python("-c", PROGRAM, "listens", what) as process:
        after("ready\n".__eq__, process)
        for _ in range(2 if what == "in C" else 1):
            process.send_signal(number)
        _, said = process.communicate(timeout=120)
        assert (process.returncode, said) == (128 + number, "line\n")


@SIGNALS
@pytest.mark.parametrize(
    ("command", "line"),
    [
        (["experiments/news7.py"], "news7.py: stopped; the same command goes on from here"),
        (["experiments/savings.py"], "savings.py: stopped; the same command goes on from here"),
        (["-c", "from al_ray.commands.start import main; main()", "show", "x"], "al-ray: stopped"),
    ],
)
def test_a_command_that_loads_what_it_needs_hears_them(
    number: signal.Signals, command: list[str], line: str
) -> None:
    with python("-X", "importtime", *command) as process:
        after(lambda said: said.split()[-1:] == ["numpy"], process, error=True)
        os.killpg(process.pid, number)
        out, said = process.communicate(timeout=120)
    kept = [each for each in said.splitlines() if not each.startswith("import time:")]
    assert (process.returncode, out, kept) == (128 + number, "", [line])
