"""Run a search: what it wants next, then what it wants in the light of that, until its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rich.console import Console

from al_ray.cluster.study import Batch, Stages, run
from al_ray.cluster.trials.ready import encoders_of
from al_ray.corpus.rows import Corpus
from al_ray.language import tr
from al_ray.learners.encoder.source import ModelSource
from al_ray.results import Store
from al_ray.results.description import recorded
from al_ray.search.asked import Asked, advanced
from al_ray.search.recorded import curves_in
from al_ray.search.rounds import Round
from al_ray.search.seen import Configuration
from al_ray.study.config import StudyConfig
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
    source, encoders = Source(name=corpus.name, digest=corpus.digest), encoders_of(models)

    def asked_of(study: StudyConfig) -> Asked:
        return Asked(study, source, encoders, len(corpus.train))

    asked = asked_of(recorded(study, store.study_json.read()))
    if not (found := found_in(asked, store)).done:
        alone = study.unsearched(asked.how.seeds, asked.reached()[-1])

        def batches(stages: Stages) -> Iterator[Batch]:
            asked = asked_of(settled(study, stages.ready.study.training))
            search = asked.search()
            while True:
                seen, said = advanced(asked, search, curves_in(stages.store))
                record_stopped(asked, search.each(seen).values(), stages.store)
                if not said.runs:
                    return
                wanted = [asked.trajectory(run) for run in said.runs]
                stages.describe(wanted)
                say_round(said, console)
                yield wanted

        run(alone, run_config, corpus, models, console, batches, all_at_first=False)
        found = found_in(asked_of(recorded(study, store.study_json.read())), store)
    return found


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


def record_stopped(asked: Asked, rounds: Iterable[Round], store: Store) -> None:
    """Say of every trajectory of a configuration that goes on no more where that was decided."""
    known = store.read("trajectories").set_index("trajectory")
    complete = set(known.index[(known.status == "complete") & known.rung.isna()])

    def change(which: Configuration, **values: Any) -> None:
        for config in asked.trajectories(which, asked.how.seeds, values["rung"]):
            if config.id in complete:  # else it never began, has failed, or this was said
                store.change("trajectories", config.id, values)

    for said in rounds:
        for which, stop in said.stopped.items():
            why = tr(
                "place {place} of {of}, and {kept} went on",
                place=stop.place,
                of=stop.of,
                kept=stop.kept,
            )
            change(which, status="stopped", rung=stop.rung, why=why)
        if not said.done:
            continue
        end = asked.reached()[-1]
        for place, which in enumerate(said.order, 1):
            why = tr("place {place} of {of} at the end", place=place, of=len(said.order))
            change(which, status="complete" if place == 1 else "stopped", rung=end, why=why)
