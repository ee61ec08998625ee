"""From a study to its trajectories, and which of them are one under several names."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import get_args

from al_ray.language import tr
from al_ray.strategies import (
    EQUIVALENT_ON_TWO_LABELS,
    Need,
    Sequential,
    Strategy,
    build,
    check_needs,
    source_digest,
    split,
)
from al_ray.study.chooser import Prefix, Query, RowsOf, RowsUpTo
from al_ray.study.config import StudyConfig
from al_ray.study.knobs import check
from al_ray.study.learner import Committee, Head, Learner, Source
from al_ray.study.training import FIT, Training
from al_ray.study.trajectory import Schedule, TrajectoryConfig

FROZEN_GIVES: tuple[Need, ...] = ("units", "probabilities", "labels", "vectors", "labelled")
"""What strategies may need of a linear model on fixed vectors."""

YARDSTICK: tuple[Head, str] = ("frozen", "random")
"""The arm beside a fine-tuned random one of a pretrained encoder. It costs seconds, and where it is
the better of the two the fine-tuning was too short for any verdict."""


@dataclass(frozen=True)
class Encoder:
    """What a grid must know of a model.

    Attributes:
        source: what names it.
        dropout: whether it has any.
        pretrained: whether it is.
        gives: what strategies may need of it in the task; None: the task is not known yet.
        frozen: whether a linear model on its vectors can learn the task.
        task: what is learnt.
    """

    source: Source
    dropout: bool = True
    pretrained: bool = False
    gives: frozenset[Need] | None = None
    frozen: bool = True
    task: str = ""


def all_of(
    study: StudyConfig,
    corpus: Source,
    encoders: Mapping[str, Encoder],
    pool: int,
    n_labels: int | None,
) -> tuple[list[TrajectoryConfig], list[TrajectoryConfig]]:
    """The trajectories of a study, and those that need the rows which others of it choose.

    Args:
        study: what is asked for.
        corpus: what names it.
        encoders: by `StudyConfig.model`.
        pool: rows of train.
        n_labels: of the corpus; None: its answers are no labels.

    Raises:
        UserError: as `trajectories`.
    """
    first: dict[str, TrajectoryConfig] = {}
    again: dict[str, TrajectoryConfig] = {}
    for part in study.parts:
        made = trajectories(part, corpus, encoders[part.model], pool)
        first |= {config.id: config for config in made}
        for build_on in (replays, successors):
            again |= {config.id: config for config in build_on(part, made, n_labels)}
    return list(first.values()), list(again.values())


def trajectories(
    study: StudyConfig,
    corpus: Source,
    encoder: Encoder,
    pool: int,
) -> list[TrajectoryConfig]:
    """Every trajectory of one grid over a pool of this many rows (validation rows included).

    Args:
        study: what is asked for.
        corpus: what names it.
        encoder: of a pretrained one `YARDSTICK` is there, too.
        pool: rows of train.

    Raises:
        UserError: a strategy that does not exist, a committee that has no evaluated member, or a
            pool too small for the first draw.
    """
    available = pool - study.validation
    check(
        available >= 1,
        "--validation {rows}: only {pool} rows of train; keep fewer of them",
        rows=study.validation,
        pool=pool,
    )
    common = partial(TrajectoryConfig, corpus=corpus, validation=study.validation)
    learner = partial(Learner, model=encoder.source, on_divergence=study.on_divergence)
    made: dict[str, TrajectoryConfig] = {}
    for training, share, seed in itertools.product(study.trainings, study.controls, study.seeds):
        rows = max(1, round(share * available))
        control = common(
            learner=learner(training=training, rates=(training.learning_rate,)),
            chooser=Prefix(),
            schedule=Schedule.once(rows),
            seed=seed,
        )
        check(
            control.id not in made,
            "--controls {share:g}: another share is {rows} rows too; drop one of them",
            share=share,
            rows=rows,
        )
        made[control.id] = control
    given = set(get_args(Need)) - (set() if encoder.dropout else {"dropout"})
    check(
        encoder.frozen or "frozen" not in (*study.heads, study.successor),
        "{option} frozen: no linear model on a text's vector does {task}; leave it out",
        option="--head" if "frozen" in study.heads else "--successor",
        task=encoder.task,
    )
    for head, spec in _arms(study, encoder.pretrained and encoder.frozen):
        strategy = build(spec)
        if encoder.gives is not None:
            check_needs(spec, strategy, encoder.gives, tr("{task} as a task", task=encoder.task))
        check_needs(spec, strategy, given, f"--model {encoder.source.name}")
        if head == "frozen":
            check_needs(spec, strategy, FROZEN_GIVES, "--head frozen")
        off = idle(head, strategy)
        for training, size, retrain, members, chooser, seed in itertools.product(
            (study.frozen_training,) if head == "frozen" else study.trainings,
            study.step_sizes,
            ("cold",) if "retrain" in off else study.retrain,
            (None,) if "committee" in off else study.committee,
            _queries(study, spec, strategy, off),
            study.seeds,
        ):
            rates: tuple[float, ...] = (training.learning_rate,)
            if members is not None:
                _check_committee(spec, study, training, members)
                rates = study.rates_at(training)
                if members == "seeds":
                    rates = (training.learning_rate,) * len(rates)
            initial = study.initial or size
            check(
                chooser.candidates is None or size <= chooser.candidates,
                "--candidates {rows}: fewer than --step-size {size}, which are to "
                "be chosen among them; give more",
                rows=chooser.candidates,
                size=size,
            )
            check(
                initial <= available,
                "{option} {rows}: the pool has only {pool} rows; give fewer",
                option="--initial" if study.initial else "--step-size",
                rows=initial,
                pool=available,
            )
            config = common(
                learner=learner(
                    head=head, training=training, rates=rates, committee=members or "rates"
                ),
                chooser=chooser,
                schedule=Schedule(
                    initial=initial,
                    step_size=size,
                    steps=study.steps_for(initial, size, available),
                    retrain=retrain,
                ),
                seed=seed,
            )
            made[config.id] = config
    most = max((config.schedule.steps for config in made.values()), default=0)
    for step in study.replay_cold:
        check(
            step < most,
            "--replay-cold {step}: there are {most} steps, from 0; give fewer",
            step=step,
            most=most,
        )
    return list(made.values())


def idle(head: str, strategy: Strategy) -> frozenset[str]:
    """The knobs that change nothing of a strategy with this head.

    A linear model has no hyperparameters and one optimum, whatever it starts from.
    """
    is_idle = {
        **dict.fromkeys((*FIT, "retrain"), head == "frozen"),
        "committee": not strategy.committee,
        "candidates": not strategy.costly,
        "diversity": not strategy.ranks or isinstance(strategy, Sequential),
    }
    return frozenset(name for name, idle in is_idle.items() if idle)


def _queries(study: StudyConfig, spec: str, strategy: Strategy, off: frozenset[str]) -> list[Query]:
    """One for each combination of what makes a difference to this strategy."""
    name, parameters = split(spec)
    return [
        Query(
            strategy=name,
            parameters=parameters,
            source=source_digest(name),
            family=strategy.family,
            candidates=candidates,
            diversity=diversity,
        )
        for candidates in ((None,) if "candidates" in off else study.candidates)
        for diversity in ((None,) if "diversity" in off else study.diversity)
    ]


def _arms(study: StudyConfig, pretrained: bool) -> list[tuple[Head, str]]:
    """Heads and strategies."""
    arms = list(itertools.product(study.heads, study.strategies))
    if pretrained and ("fine-tuned", "random") in arms and YARDSTICK not in arms:
        arms.append(YARDSTICK)
    return arms


def unasked(study: StudyConfig, configs: Sequence[TrajectoryConfig]) -> list[TrajectoryConfig]:
    """Those of `YARDSTICK`, where it is in the grid though nobody asked for it."""
    if any("frozen" in part.heads for part in study.parts):
        return []
    return [config for config in configs if config.learner.head == "frozen"]


def replays(
    study: StudyConfig, configs: Sequence[TrajectoryConfig], n_labels: int | None
) -> list[TrajectoryConfig]:
    """Cold models on the rows that each trajectory had chosen up to some of its steps.

    Of arms that are one order on two labels only the first is replayed.
    """
    distinct = _distinct(study, n_labels)
    return [
        replace(
            config,
            learner=config.learner.single(),
            chooser=RowsUpTo(trajectory=config.id, step=step, fit_seed=fit_seed),
            schedule=Schedule.once(config.schedule.labelled(step)),
        )
        for config in configs
        if config.strategy in distinct
        if config.learner.head != "frozen"  # which always fits the same rows alike
        for step in study.replay_cold
        if step < config.schedule.steps
        for fit_seed in range(study.replay_seeds)
    ]


def successors(
    study: StudyConfig, configs: Sequence[TrajectoryConfig], n_labels: int | None
) -> list[TrajectoryConfig]:
    """The head of `study.successor`, in each of its trainings, on what arms of other heads choose.

    Random chooses the same rows for every head. Of arms that are one order on two labels only the
    first has a successor.
    """
    if study.successor is None:
        return []
    frozen = study.successor == "frozen"
    distinct = _distinct(study, n_labels) - {"random"}
    return [
        replace(
            config,
            learner=replace(config.learner, head=study.successor, training=training).single(),
            chooser=RowsOf(trajectory=config.id, query=config.query, head=config.learner.head),
            schedule=replace(config.schedule, retrain=retrain),
        )
        for config in configs
        if config.query and config.strategy in distinct and config.learner.head != study.successor
        for training in ((study.frozen_training,) if frozen else study.trainings)
        for retrain in (("cold",) if frozen else study.retrain)
    ]


def _distinct(study: StudyConfig, n_labels: int | None) -> set[str]:
    """The strategies, but of those that are one order on two labels only the first."""
    names = [split(spec)[0] for spec in study.strategies]
    equal = [name for name in names if name in EQUIVALENT_ON_TWO_LABELS]
    dropped = equal[1:] if n_labels == 2 and not study.keep_equivalent else []
    return set(names) - set(dropped)


def check_study(
    study: StudyConfig, pool: int, encoders: Mapping[str, Encoder] | None = None
) -> None:
    """Raise what `trajectories` would, before corpus and models are read in full."""
    nothing = Source(name="", digest="")
    for part in study.parts:
        trajectories(part, nothing, encoders[part.model] if encoders else Encoder(nothing), pool)


def _check_committee(name: str, study: StudyConfig, training: Training, members: Committee) -> None:
    rates = study.rates_at(training)
    given = " ".join(f"{rate:g}" for rate in rates)
    check(
        len(rates) >= 2,
        "--committee-learning-rates {rates}: --strategies {name} needs two or more members",
        rates=given,
        name=name,
    )
    if members == "seeds":
        return
    check(
        len(set(rates)) == len(rates),
        "--committee-learning-rates {rates}: one rate is given twice; drop it",
        rates=given,
    )
    for rate in rates:
        check(
            0 < rate < 1,
            "--committee-learning-rates {rate:g}: give rates between 0 and 1, such as 2e-5",
            rate=rate,
        )
    check(
        training.learning_rate in rates,
        "--committee-learning-rates {rates}: none is --learning-rate {rate:g}, "
        "whose member is evaluated; add it, or change --learning-rate",
        rates=given,
        rate=training.learning_rate,
    )


@dataclass(frozen=True)
class Trial:
    """A trajectory that runs, and those that are given its rows under their own names."""

    leader: TrajectoryConfig
    followers: tuple[TrajectoryConfig, ...] = ()

    @property
    def all(self) -> tuple[TrajectoryConfig, ...]:
        """The leader, then the others."""
        return (self.leader, *self.followers)


def trials(
    configs: Sequence[TrajectoryConfig],
    n_labels: int | None,
    keep_equivalent: bool,
    begun: Iterable[str] = (),
) -> list[Trial]:
    """Put trajectories that are one order on two labels together.

    Args:
        configs: of the study.
        n_labels: of the corpus; nothing is put together but on two.
        keep_equivalent: run them apart all the same.
        begun: trajectories that have run by themselves; one of these leads, so that nothing runs
            twice.
    """
    if n_labels != 2 or keep_equivalent:
        return [Trial(config) for config in configs]
    begun = set(begun)
    grouped: dict[str, list[TrajectoryConfig]] = {}
    for config in configs:
        same = config
        if config.query and config.strategy in EQUIVALENT_ON_TWO_LABELS:
            one = replace(config.query, strategy=EQUIVALENT_ON_TWO_LABELS[0])
            same = replace(config, chooser=one)
        grouped.setdefault(same.id, []).append(config)
    made = []
    for group in grouped.values():
        leader = next((config for config in group if config.id in begun), group[0])
        made.append(Trial(leader, tuple(config for config in group if config is not leader)))
    return made
