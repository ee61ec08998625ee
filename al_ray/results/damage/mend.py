"""What a crash, a full disk or a broken copy did to a study's folder is done again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from al_ray.language import tr
from al_ray.results.damage.check import GONE, Damage, damaged_checkpoints, damages
from al_ray.results.store import Store


def mend(store: Store, say: Callable[[str], None]) -> int:
    """Set damaged files aside, and make the steps not count that they belong to; say which.

    What had been built on such a step does not count either: the later steps of its trajectory, and
    trajectories that were given its rows.

    Returns:
        How many files were damaged or gone.

    Raises:
        StudyConflict: a file is of a later version of the tables.
        StorageError: not reachable.
    """
    mended = 0
    for name in store.study_json.mend():
        say(
            tr(
                "{file}: was damaged; it is written again as its copy has it.",
                file=store.storage.of(name),
            )
        )
        mended += 1
    undone: dict[str, int] = {}
    for damage in _damages(store):
        mended += 1
        why, again = tr(damage.why), tr("what was in it is done again")
        if damage.why != GONE:
            place = store.set_aside(damage.file)
            why = tr("{why}, and lies in {place} now", why=why, place=place)
        if damage.trajectory is not None:
            undone[damage.trajectory] = min(damage.step, undone.get(damage.trajectory, damage.step))
            again = tr(
                "step {step} of {trajectory} is done again, and what came after",
                step=damage.step,
                trajectory=damage.trajectory,
            )
        say(tr("{file}: {why}; {again}.", file=store.storage.of(damage.file), why=why, again=again))
    for trajectory, step in _built_on(store, undone).items():
        store.drop_steps(trajectory, step)
    return mended


def _damages(store: Store) -> Iterator[Damage]:
    """Tables first: only when they are set aside can be read which trajectories have ended."""
    yield from damages(store)
    yield from _of_checkpoints(store)


def _of_checkpoints(store: Store) -> list[Damage]:
    """Of trajectories that will go on from them; to read them all would take too long."""
    runs = store.read("trajectories")
    ended = set(runs.trajectory[runs.status == "complete"])
    names = [
        f"checkpoints/{name}"
        for name in store.storage.names("checkpoints", ".safetensors")
        if name.rpartition("-")[0] not in ended
    ]
    return damaged_checkpoints(store, names)


def _built_on(store: Store, undone: dict[str, int]) -> dict[str, int]:
    """With the trajectories that were given rows of these: from which step on they do not count."""
    if not undone:
        return undone
    found = dict(undone)
    columns = ["trajectory", "rows_of", "follows", "replay_of", "replay_step"]
    runs = store.read("trajectories", columns=columns)
    for name, given, followed, replayed, step in runs.itertuples(index=False):
        for leader in (given, followed):
            if leader in undone:
                found[name] = min(undone[leader], found.get(name, undone[leader]))
        if replayed in undone and step > undone[replayed]:
            found[name] = 0
    return found
