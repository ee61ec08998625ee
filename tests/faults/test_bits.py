"""Some flipped bits of a study's folder; `bits.py` flips more. It also must see what it is for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import bits
import pytest
from bits import OUTCOMES, Bits, drawn

from al_ray.results import checkpoints, store, study_json
from al_ray.results.damage import check


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bits]:
    with pytest.MonkeyPatch.context() as patch:
        bits.patched(patch)
        yield Bits(tmp_path_factory.mktemp("bits") / "out")


def test_no_flipped_bit_is_believed(study: Bits) -> None:
    one_each = {path.parent: str(path) for path in map(Path, study.files)}
    files = {
        path: data
        for path, data in study.files.items()
        if "/cache/" in path or path in one_each.values()
    }
    for path, byte, bit in drawn(files, 60, 1):
        study.flip(path, byte, bit)
    outcomes = {outcome for _, outcome in study.counts}
    assert outcomes <= set(OUTCOMES[:2]), "\n".join(study.wrong)
    assert study.counts.total() == 60
    assert study.counts["steps", OUTCOMES[0]] > 3
    assert study.counts["cache", OUTCOMES[0]] > 3


def test_it_sees_bits_that_are_believed(study: Bits, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where seals are not looked at."""
    for module in (check, checkpoints, store, study_json):
        monkeypatch.setattr(module, "seal_of", lambda *_, **__: "0" * 32)
    study.known.clear()
    study.counts.clear()
    file = next(path for path in study.files if "/predictions/" in path)
    for byte in range(4, 100, 8):
        study.flip(file, byte, 6)
    assert {outcome for _, outcome in study.counts} & set(OUTCOMES[3:])
