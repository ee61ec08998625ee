"""Signals, in processes that do nothing else."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import signal, sys
from al_ray.cluster.interrupts import stoppable
from al_ray.errors import Stopped
before = signal.getsignal(signal.SIGTERM)
with stoppable():
    pass
assert signal.getsignal(signal.SIGTERM) == before
try:
    with stoppable():
        print("ready", flush=True)
        while True:
            signal.pause()
except Stopped as stopped:
    print("leaving", flush=True)
    if sys.argv[1] == "lingers":
        while True:
            signal.pause()
    sys.exit(stopped.code)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("how", ["leaves", "lingers"])
def test_the_first_signal_leaves_and_the_second_ends(number: signal.Signals, how: str) -> None:
    command = [sys.executable, "-c", PROGRAM, how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.readline() == "leaving\n"
        if how == "lingers":
            process.send_signal(number)
        assert process.wait(timeout=120) == 128 + number
