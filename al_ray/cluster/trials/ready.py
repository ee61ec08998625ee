"""What comes before any trial, whether the study is to run or only to be planned."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray
from rich.console import Console

from al_ray.cluster.access.connect import connect, device_of, machines, reach, settle
from al_ray.cluster.access.first_worker import await_worker
from al_ray.cluster.access.leaving import leaving
from al_ray.cluster.layout import Machine, misfit, total
from al_ray.cluster.observe.progress import name_of
from al_ray.cluster.trials.trial import Job, Setups, trial_layout
from al_ray.corpus.rows import Corpus
from al_ray.corpus.tokens.prepared import prepare
from al_ray.errors import UserError
from al_ray.io.bars import row_bar
from al_ray.io.node_files import share
from al_ray.language import tr
from al_ray.learners.encoder.source import ModelSource, has_dropout, has_weights
from al_ray.results import Store
from al_ray.results.description import facts, recorded, refuse_another
from al_ray.study.config import StudyConfig
from al_ray.study.grid import Encoder, all_of
from al_ray.study.learner import Source
from al_ray.study.running import RunConfig
from al_ray.study.trajectory import TrajectoryConfig
from al_ray.tasks import TASKS, task_of
from al_ray.workers import Setup


@dataclass(frozen=True)
class Ready:
    """A study on a cluster that has been joined; nothing but caches is written yet.

    Attributes:
        study: with what was left to the device.
        described: `study.json`, if there is one.
        corpus: what names it.
        models: the encoders, by the digests of their content.
        configs: trajectories.
        again: replays and successors of these.
        rows: the prepared rows.
        setups: of members and shards, with paths of this machine.
        room: machines of the cluster.
        cpus: of these.
        gpus: of these that are used.
        seconds: that joining the cluster took.
    """

    study: StudyConfig
    described: dict[str, Any] | None
    corpus: Source
    models: Mapping[str, ModelSource]
    configs: list[TrajectoryConfig]
    again: list[TrajectoryConfig]
    rows: Path
    setups: Setups
    room: Sequence[Machine]
    cpus: float
    gpus: float
    seconds: float

    @property
    def sources(self) -> list[Source]:
        """What names the encoders."""
        return [Source(name=each.name, digest=digest) for digest, each in self.models.items()]


@contextmanager
def readied(
    study: StudyConfig,
    run_config: RunConfig,
    corpus: Corpus,
    models: Mapping[str, ModelSource],
    console: Console,
    store: Store,
) -> Iterator[Ready]:
    """Make tokens, join or start the cluster, settle what depends on it; leave it at the end.

    Raises:
        StudyConflict: the folder holds another study.
        UserError: a bad option, or no cluster at the address.
    """
    described = store.study_json.read()
    study = recorded(study, described)
    corpus_source, encoders = (
        Source(name=corpus.name, digest=corpus.digest),
        encoders_of(models, corpus),
    )
    sources = [encoder.source for encoder in encoders.values()]
    if described is not None:
        refuse_another(described, facts(study, corpus_source, sources), store.address)
    address = reach(run_config)
    prepared, task = {}, task_of(corpus.task, corpus.labels)
    for asked, length in dict.fromkeys((p.model, p.training.max_length) for p in study.parts):
        model = models[asked]
        with row_bar(console, tr("Tokens")) as progress:
            prepared[model.digest, length] = prepare(
                corpus,
                model.folder,
                model.digest,
                length,
                store.cache,
                progress,
                places=task.places(),
                texts=task.reads,
            )
    began = time.perf_counter()
    with nullcontext() if ray.is_initialized() else leaving(own=address.value == "local"):
        connect(address, run_config, console)
        await_worker(console, run_config.patience)
        seconds = time.perf_counter() - began
        room = machines()
        device = device_of(run_config, total(room, "GPU"))
        study = replace(study, training=settle(study.training, device))
        labels = len(task.classes) if task.few else None
        configs, again = all_of(study, corpus_source, encoders, len(corpus.train), labels)
        known = {model.digest: model for model in models.values()}
        yield Ready(
            study=study,
            described=described,
            corpus=corpus_source,
            models=known,
            configs=configs,
            again=again,
            rows=next(iter(prepared.values())).rows,
            setups={
                (digest, length): Setup(
                    encoder=known[digest].folder,
                    tokens=each.tokens,
                    n_labels=len(task.classes),
                    task=task,
                    training=replace(study.training, max_length=length),
                    device=device,
                )
                for (digest, length), each in prepared.items()
            },
            room=room,
            cpus=total(room, "CPU"),
            gpus=total(room, "GPU") if device == "cuda" else 0.0,
            seconds=seconds,
        )


def encoders_of(models: Mapping[str, ModelSource], corpus: Corpus) -> dict[str, Encoder]:
    """What a grid must know of them, for what is learnt of the corpus."""
    task = TASKS[corpus.task]
    return {
        asked: Encoder(
            Source(name=model.name, digest=model.digest),
            has_dropout(model.folder),
            has_weights(model.folder),
            task.gives,
            task.frozen,
            task.name,
        )
        for asked, model in models.items()
    }


def shared(ready: Ready, store: Store) -> Setups:
    """With names in place of paths, of what every machine fetches from a store that is remote."""
    if store.storage.local is not None:
        return ready.setups
    made = {}
    for (digest, length), setup in ready.setups.items():
        encoder = Path(f"encoder-{digest[:20]}")
        paths = {encoder.name: setup.encoder}
        paths |= {path.name: path for path in (setup.tokens, ready.rows)}
        files = share(store.where, None, paths)
        made[digest, length] = replace(setup, encoder=encoder, shared=files)
    return made


def refuse_misfits(configs: Sequence[TrajectoryConfig], job: Job, room: Sequence[Machine]) -> None:
    """Refuse a study with a trial that could never be placed.

    Raises:
        UserError: naming the trajectory and what it needs.
    """
    for config in configs:
        if why := misfit(trial_layout(config, job), room):
            raise UserError(
                "{trajectory}: {why}; give fewer --threads or --shards, or a cluster with "
                "larger machines",
                trajectory=name_of(config),
                why=why,
            )
