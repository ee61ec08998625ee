"""The short form of the fault campaign: one kill of each kind, in a process of its own.

What happens to files is left to `test_bits`, the tests of `results` and the campaign itself.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import fault_plan
import pytest
from fault_plan import plan

pytestmark = [pytest.mark.ray, pytest.mark.faults]


@pytest.mark.timeout(2400)
def test_one_kill_of_each_kind(tmp_path: Path) -> None:
    program = Path(__file__).with_name("campaign.py")
    command = [sys.executable, str(program), "--short", "--folder", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=2300, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    studies = [json.loads(line) for line in (tmp_path / "studies.jsonl").read_text().splitlines()]
    hit = {fault["kind"] for study in studies for fault in study["faults"]}
    assert hit == set(fault_plan.KILLS)
    assert all(study["equal"] and not study["left_over"] for study in studies)


def test_plans_follow_from_the_seed_and_deal_all_kinds() -> None:
    assert plan(3, 5) == plan(3, 5)
    assert plan(3, 5) != plan(4, 5)
    dealt: dict[str, int] = {}
    for study in range(30):
        shape, faults = plan(0, study)
        kinds = [fault.kind for fault in faults]
        assert 6 <= len(kinds) == len(set(kinds)) <= 10
        moments = [fault.moment for fault in faults]
        assert moments == sorted(moments)
        assert moments[0] >= 0
        for fault in faults:
            assert (fault.moment < shape.all_steps) == (fault.when != "ended")
            assert fault.when == "midst" or fault.kind in fault_plan.DISK
        for kind in kinds:
            dealt[kind] = dealt.get(kind, 0) + 1
    assert set(dealt) == set(fault_plan.KINDS)
    rare = dealt.pop("bit in a checkpoint")  # only warm studies have one
    assert rare >= 2
    assert min(dealt.values()) >= 8
