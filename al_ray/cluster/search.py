"""Run a search: what it wants next, then what it wants in the light of that, until its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pandas as pd
from rich.console import Console

from al_ray.cluster.study import Batch, Stages, run
from al_ray.cluster.trials.ready import encoders_of
from al_ray.corpus.rows import Corpus
from al_ray.errors import AlRayError, StorageError
from al_ray.language import tr
from al_ray.learners.encoder.source import ModelSource
from al_ray.results import Store
from al_ray.results.description import recorded
from al_ray.results.lease import held
from al_ray.search.account import AT_THE_END, CUT, ELSEWHERE, WENT_ON
from al_ray.search.asked import Asked, advanced
from al_ray.search.journal import write_journal
from al_ray.search.recorded import curves_in, read
from al_ray.search.rounds import Round, Run
from al_ray.search.seen import Configuration
from al_ray.study.chooser import RANDOM
from al_ray.study.config import StudyConfig, union
from al_ray.study.learner import Source
from al_ray.study.running import RunConfig
from al_ray.study.training import Training


@dataclass(frozen=True)
class Found:
    """What a search came to.

    Attributes:
        asked: what was searched.
        rounds: each half's last word.
    """

    asked: Asked
    rounds: Mapping[str, Round]

    @property
    def done(self) -> bool:
        """Whether each half has a winner."""
        return all(each.done and each.order for each in self.rounds.values())

    def final(self) -> StudyConfig:
        """What is compared on the test, on seeds that the search has not seen.

        The best of the strategies, random at its own best and random at the strategy's training,
        without which nobody could tell what the training gains from what it saves.
        """
        best = [self.asked.at(each.order[0]) for each in self.rounds.values()]
        beside = [replace(part, strategies=(RANDOM,)) for part in best]
        return union(list({repr(part): part for part in (*best, *beside)}.values()))


def run_search(
    study: StudyConfig,
    run_config: RunConfig,
    corpus: Corpus,
    models: Mapping[str, ModelSource],
    console: Console,
) -> Found:
    """Run or continue a search in `run_config.out`, over a corpus without its tests.

    Raises:
        StudyConflict: the folder holds another study, or another process is at it.
        UserError: a bad option, or no cluster at the address.
    """
    store = Store(run_config.out)
    source, encoders = Source(name=corpus.name, digest=corpus.digest), encoders_of(models, corpus)

    def asked_of(study: StudyConfig) -> Asked:
        return Asked(study, source, encoders, len(corpus.train))

    asked = asked_of(recorded(study, store.study_json.read()))
    try:
        found = found_in(asked, store)
    except StorageError:  # something is damaged: whoever runs it sets that aside
        found = Found(asked, {name: Round(()) for name in asked.search().parts})
    if not found.done:
        alone = study.unsearched(asked.how.seeds, asked.reached()[-1])
        # As in any study, what failed in an earlier run is tried once more by this one.
        failed, tried = _failed(store), set[str]()

        def batches(stages: Stages) -> Iterator[Batch]:
            asked = asked_of(settled(study, stages.ready.study.training))
            search, before = asked.search(), tuple[Run, ...]()
            nonlocal tried
            while True:
                curves = {
                    name: curve
                    for name, curve in curves_in(stages.store).items()
                    if not (curve.failed and name in failed - tried)
                }
                seen, said = advanced(asked, search, curves)
                record(asked, search.each(seen).values(), stages.store)
                if not said.runs:
                    return
                wanted = [asked.trajectory(run) for run in said.runs]
                if said.runs == before:
                    raise AlRayError(
                        "the search asks for what has just run, {n} trajectories; report this, "
                        "and take another --search meanwhile",
                        n=len(wanted),
                    )
                before, tried = said.runs, tried | {config.id for config in wanted}
                stages.describe(wanted)
                say_round(said, console)
                yield wanted

        run(alone, run_config, corpus, models, console, batches, all_at_first=False)
        found = found_in(asked_of(recorded(study, store.study_json.read())), store)
        if found.done and store.storage.local is not None:
            write_journal(read(store), store.folder / "optuna.journal")
        return found
    # All of it has run, for this search or for another one.
    say = partial(console.print, markup=False, soft_wrap=True)
    with held(store, say, tr("wait for it, or give another --out")):
        record(asked, found.rounds.values(), store)
    return found


def _failed(store: Store) -> set[str]:
    try:
        return {name for name, curve in curves_in(store).items() if curve.failed}
    except StorageError:
        return set()


def settled(study: StudyConfig, training: Training) -> StudyConfig:
    """With what was left to the device, as it is now known."""
    known = {name: getattr(training, name) for name in ("precision", "token_budget")}
    return replace(study, training=replace(study.training, **known))


def found_in(asked: Asked, store: Store) -> Found:
    """How far a search has come, by its tables alone."""
    seen, _ = advanced(asked, search := asked.search(), curves_in(store))
    return Found(asked, search.each(seen))


def say_round(said: Round, console: Console) -> None:
    """What runs now."""
    labels = sorted({run.labels for run in said.runs})
    line = tr(
        "Search: {n} trajectories to {labels} labels; {left} configurations are left, {gone} were "
        "let go.",
        n=len(said.runs),
        labels=" / ".join(map(str, labels)),
        left=len(said.order) or len({run.configuration for run in said.runs}),
        gone=len(said.stopped),
    )
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def record(asked: Asked, rounds: Iterable[Round], store: Store) -> None:
    """Say of every trajectory whether its configuration goes on, and where it was let go.

    Of all that have run each time, since more seeds or another method may decide otherwise.
    """
    known = store.read("trajectories").set_index("trajectory")
    wanted: dict[str, dict[str, Any]] = {}
    for said in rounds:
        for which, fate in _fates(said, asked.reached()[-1]).items():
            for config in asked.trajectories(which, asked.how.seeds, asked.reached()[-1]):
                wanted[config.id] = fate
    others = {"status": "stopped", "rung": None, "why": ELSEWHERE}
    for name, row in known[known.status.isin(["complete", "stopped"])].iterrows():
        fate = wanted.get(str(name), others)
        is_said = all(row[n] == v or (v is None and pd.isna(row[n])) for n, v in fate.items())
        if not is_said:
            store.change("trajectories", str(name), fate)


def _fates(said: Round, end: int) -> dict[Configuration, dict[str, Any]]:
    """What columns of `trajectories` say of each configuration."""
    going: dict[str, Any] = {"status": "complete", "rung": None, "why": None}
    found = dict.fromkeys((*said.order, *(run.configuration for run in said.runs)), going)
    if said.done:
        for place, which in enumerate(said.order, 1):
            why = (CUT if said.cut else AT_THE_END).format(place=place, of=len(said.order))
            status = "complete" if place == 1 else "stopped"
            found[which] = {"status": status, "rung": said.at if said.cut else end, "why": why}
    for which, stop in said.stopped.items():
        why = WENT_ON.format(place=stop.place, of=stop.of, kept=stop.kept)
        found[which] = {"status": "stopped", "rung": stop.rung, "why": why}
    return found
