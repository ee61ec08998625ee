"""What the fault campaign draws; `make test-faults` runs it."""

from __future__ import annotations

import fault_plan
from fault_plan import plan


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
