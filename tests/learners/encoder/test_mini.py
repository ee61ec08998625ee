"""The tokenizer that is learnt from the corpus is the same in every process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from al_ray.corpus.embedded.news import generate
from al_ray.learners.encoder.source import resolve

PROGRAM = """
import sys
from pathlib import Path
from al_ray.corpus.embedded.news import generate
from al_ray.learners.encoder.source import resolve
print(resolve("mini", generate(train=300, test=30), Path(sys.argv[1])).digest)
"""


def test_equal_in_another_process(tmp_path: Path) -> None:
    here = resolve("mini", generate(train=300, test=30), tmp_path / "here").digest
    there = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path / seed)],
            env={**os.environ, "PYTHONHASHSEED": seed, "RAYON_NUM_THREADS": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2", "3")
    }
    assert there == {here}


def test_pad_id_is_kobert_s(tmp_path: Path) -> None:
    folder = resolve("mini", generate(train=300, test=30), tmp_path).folder
    assert json.loads((folder / "config.json").read_text())["pad_token_id"] == 1
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    assert vocabulary["[PAD]"] == 1
