"""A fit that several trajectories need is made once, and believed only as it was written."""

import subprocess
import sys
import threading

import numpy as np

from al_ray.workers import Fitted
from al_ray.workers.kept_fits import forget, kept, path_of

WEIGHTS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.float32([0.5])}
NAME = 32 * "a"
REPORT = Fitted(None, updates=7, train_loss=0.25, learning_rate=1e-5, part_rows=4)


def never():
    raise AssertionError("it is there")


def test_the_first_makes_it_and_the_others_have_it(tmp_path):
    path = path_of(tmp_path / "fits", NAME)
    weights, made = kept(path, lambda: (WEIGHTS, REPORT), never)
    assert weights is WEIGHTS
    assert (made.shared, made.updates) == (False, 7)
    again, report = kept(path, never, never)
    assert {n: (w.dtype, w.tolist()) for n, w in again.items()} == {
        n: (w.dtype, w.tolist()) for n, w in WEIGHTS.items()
    }
    assert report.shared
    facts = ("updates", "train_loss", "learning_rate", "part_rows", "seconds")
    assert [getattr(report, n) for n in facts] == [getattr(made, n) for n in facts]
    foreign = [path.parent / name for name in ("mine.safetensors", f"{NAME}.safetensors.bak")]
    for each in foreign:
        each.write_text("mine")
    forget(path.parent)
    assert set(path.parent.iterdir()) == set(foreign)


def test_a_damaged_one_is_made_again(tmp_path):
    path = path_of(tmp_path, "name")
    kept(path, lambda: (WEIGHTS, REPORT), never)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    weights, report = kept(path, lambda: (WEIGHTS, REPORT), never)
    assert weights is WEIGHTS
    assert not report.shared
    assert kept(path, never, never)[1].shared


def test_whoever_comes_meanwhile_waits(tmp_path):
    path, waits = path_of(tmp_path, "name"), threading.Event()
    begun = threading.Event()

    def make():
        begun.set()
        assert waits.wait(60)
        return WEIGHTS, REPORT

    first = threading.Thread(target=kept, args=(path, make, never))
    first.start()
    assert begun.wait(60)
    assert kept(path, never, waits.set)[1].shared
    first.join(60)


def test_a_maker_that_dies_keeps_nobody_waiting(tmp_path):
    path = path_of(tmp_path, "name")
    dies = (
        "import os, sys; from pathlib import Path; from al_ray.workers.kept_fits import kept\n"
        "kept(Path(sys.argv[1]), lambda: os._exit(9), lambda: None)"
    )
    assert subprocess.run([sys.executable, "-c", dies, str(path)], check=False).returncode == 9
    assert not kept(path, lambda: (WEIGHTS, REPORT), never)[1].shared
