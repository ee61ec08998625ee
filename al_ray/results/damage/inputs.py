"""Files that every actor maps into its memory: when they change, nobody knows who has read what.

So it is written down which steps were there when they were last seen to be right. Where one is
found damaged, later steps do not count.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from al_ray.io.files import damaged_in, forget_replaced
from al_ray.io.reading import parse_json
from al_ray.language import tr
from al_ray.results.folder import PRIVATE
from al_ray.results.seal import EMPTY, seal, seal_of
from al_ray.results.store import Store

_NAME: Final = f"{PRIVATE}/trusted.json"


def trust(store: Store) -> None:
    """Note how many steps each trajectory has, now that the inputs are as they were written."""
    there = store.read("steps", columns=["trajectory", "step"]).drop_duplicates()
    steps = there.groupby("trajectory").step.size().to_dict()
    data = bytearray(json.dumps({"steps": steps, "seal": EMPTY}).encode())
    seal(data, _NAME)
    store.storage.write(_NAME, data)
    if store.storage.local is not None:
        forget_replaced(store.cache)


def damaged_inputs(store: Store) -> list[Path]:
    """Prepared corpora, vectors and the like that are not as they were written."""
    return [] if store.storage.local is None else damaged_in(store.cache)


def distrust(store: Store, say: Callable[[str], None]) -> None:
    """Make steps not count that may have been done with a damaged input; say so."""
    if not (found := damaged_inputs(store)):
        return
    data = store.storage.read(_NAME) or b""
    try:
        seal_of(data, _NAME)
        trusted = parse_json(data)["steps"]
    except (ValueError, LookupError, TypeError):  # damaged or gone: none is
        trusted = {}
    say(
        tr(
            "{file}: is damaged; it is made anew, and so is what may have been done with it: the "
            "steps since it was last seen to be right.",
            file=found[0],
        )
    )
    store.claims.withdraw()  # a process of a driver that died may still work with what is damaged
    for trajectory in store.read("steps", columns=["trajectory", "step"]).trajectory.unique():
        store.drop_steps(trajectory, trusted.get(trajectory, 0))
