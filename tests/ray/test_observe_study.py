"""Metrics on a node's port, names of actors, and logs that carry them, of one real study."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from al_ray.cluster.observe.metrics import (
    ACCURACY,
    METRICS,
    PHASES,
    RESTARTS,
    ROWS,
    SECONDS,
    STEP,
    tell,
)

DASHBOARD = Path(__file__).resolve().parents[2] / "deploy" / "grafana.json"
EXPORTED = {metric.exported for metric in METRICS}


def queries() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_every_query_of_the_dashboard_names_metrics_and_labels_that_exist() -> None:
    shown = set()
    for query in queries():
        names = set(re.findall(r"ray_\w+", query))
        assert names
        assert names <= EXPORTED
        shown |= names
        for metric in (m for m in METRICS if m.exported in names):
            for labels in re.findall(r"by \(([^)]*)\)", query):
                assert set(labels.split(", ")) <= set(metric.labels)
    assert shown == EXPORTED


def test_few_series() -> None:
    for metric in METRICS:
        assert re.fullmatch("al_ray_[a-z_]+", metric.name)
        assert set(metric.labels) <= {"strategy", "regime", "phase", "role"}


def test_what_cannot_be_told_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Any) -> Any:
        raise RuntimeError("no Ray")

    monkeypatch.setattr(type(STEP), "make", broken)
    tell(STEP, 1.0, strategy="margin", regime="cold")
    tell(STEP, 1.0, nosuch="label")


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    out = tmp_path_factory.mktemp("observed") / "news7"
    program = Path(__file__).parent / "observed_study.py"
    with tempfile.TemporaryDirectory(prefix="ro") as short:  # a socket's path has 107 characters
        ended = subprocess.run(
            [sys.executable, str(program), str(out)],
            env={**os.environ, "RAY_TMPDIR": short},
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return json.loads(ended.stdout.splitlines()[-1]), out


@pytest.mark.ray
def test_a_nodes_port_has_the_metrics(observed: tuple[dict[str, Any], Path]) -> None:
    found, out = observed
    assert found["unfinished"] == 0
    names = {sample.partition("{")[0] for sample in found["samples"]}
    assert names == EXPORTED - {RESTARTS.exported}  # nobody died

    def of(name: str, *labels: str) -> list[float]:
        wanted = [sample for sample in found["samples"] if sample.startswith(f"{name}{{")]
        return [
            found["samples"][sample] for sample in wanted if all(part in sample for part in labels)
        ]

    steps = pd.read_parquet(out / "steps")
    told = of(ROWS.exported, 'strategy="qbc"')
    assert len(told) == 2  # a shard each
    assert 0 < sum(told) <= steps.n_scored.sum()  # what was told last may be lost
    arm = ('strategy="qbc"', 'regime="cold"')
    (newest,) = of(STEP.exported, *arm)
    assert newest in steps.step.tolist()
    (accuracy,) = of(ACCURACY.exported, *arm)
    assert accuracy in steps.test_accuracy.tolist()
    for phase in ("fit", "evaluate", "score", "select"):
        (seconds,) = of(SECONDS.exported, *arm, f'phase="{phase}"')
        (count,) = of(PHASES.exported, *arm, f'phase="{phase}"')
        assert 0 < count <= 4
        assert 0 < seconds <= steps[f"{phase}_seconds"].sum() + 1e-6


@pytest.mark.ray
def test_actors_and_log_lines_tell_study_arm_seed_and_role(
    observed: tuple[dict[str, Any], Path],
) -> None:
    found, _ = observed
    lines = found["lines"]
    (crew,) = {
        match[1]
        for line in lines
        if (match := re.search(r" news7/qbc-.*/loop .* new actors (news7/[0-9a-f]{8})$", line))
    }
    roles = ["member-0", "member-1", "member-2", "shard-0", "shard-1"]
    assert [name for name in found["actors"] if name.startswith(crew)] == [
        f"{crew}/{role}" for role in roles
    ]
    assert lines
    for line in lines:
        assert re.search(r" news7/qbc-cold-20-s0-[0-9a-f]{10}/[a-z]+", line), line
    for said in (
        r"/loop .* step 3: 80 labels",
        r"/member-0 .* fitted on 20 rows",
        r"/shard-1 .* sc",
    ):
        assert any(re.search(said, line) for line in lines), said
