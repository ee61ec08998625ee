"""What one trajectory is: a learner, a chooser, a schedule and a seed, over one corpus.

Plain frozen values, checked when they are made. Nothing here is read from the environment or the
disk: configuration is passed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

from al_ray.language import mark
from al_ray.randomness import derive
from al_ray.study.chooser import (
    DISAGREEMENT,
    UNQUERIED,
    Chooser,
    Query,
    RowsOf,
    RowsUpTo,
    parameters_of,
    spelt,
)
from al_ray.study.knobs import check_knobs, knob, knobs, later
from al_ray.study.learner import Learner, Source
from al_ray.study.training import Training

Retrain = Literal["cold", "warm", "warm-new"]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How many rows are labelled when, and what each fit begins with.

    Attributes:
        initial: rows of the random first draw.
        step_size: rows chosen at every step but the last.
        steps: number of fits; the last one selects nothing. Not part of the identity, so that a
            trajectory can be extended.
        retrain: the regime.
    """

    initial: int = knob(
        "--initial",
        ok=lambda n: n >= 1,
        say=mark("give 1 or more"),
        metavar="N",
        help="rows of the random first draw; default: the step size",
    )
    step_size: int = knob(
        "--step-size",
        axis=True,
        ok=lambda n: n >= 1,
        say=mark("give 1 or more"),
        metavar="N",
        help="labels a step",
    )
    steps: int = knob(
        "--steps",
        ok=lambda n: n >= 1,
        say=mark("give 1 or more"),
        metavar="N",
        help="fits; the last one selects nothing",
    )
    retrain: Retrain = knob(
        "--retrain",
        default="cold",
        axis=True,
        help="cold: from the pretrained weights; warm: from the last step's, on all labels; "
        "warm-new: on the new labels only",
    )

    def __post_init__(self) -> None:
        check_knobs(self)

    def labelled(self, step: int) -> int:
        """Rows that a fit is made on, in a pool large enough; before the first step none."""
        return 0 if step < 0 else self.initial + step * self.step_size

    @classmethod
    def once(cls, rows: int) -> Schedule:
        """One fit on so many rows."""
        return cls(initial=rows, step_size=rows, steps=1)


@dataclass(frozen=True, kw_only=True)
class TrajectoryConfig:
    """One simulated active-learning run.

    Attributes:
        validation: rows of train that are kept apart, and paid for.
    """

    corpus: Source
    learner: Learner
    chooser: Chooser
    schedule: Schedule
    seed: int
    validation: int

    @property
    def strategy(self) -> str:
        """The name under which tables have it."""
        return self.chooser.strategy

    @property
    def spec(self) -> str:
        """The strategy with its parameters, as `strategies.build` reads it."""
        asked = self.asked
        return spelt(self.strategy, asked.parameters) if asked else self.strategy

    @property
    def query(self) -> Query | None:
        """Its chooser, where that is a strategy over the pool."""
        return self.chooser if isinstance(self.chooser, Query) else None

    @property
    def asked(self) -> Query | None:
        """What chose its rows, here or in the trajectory whose rows they are."""
        return self.chooser.query if isinstance(self.chooser, RowsOf) else self.query

    @property
    def member_seeds(self) -> tuple[int, ...]:
        """What each member's initialisation, data order and dropout are drawn from.

        One for all where they differ in their rates; else the first member's is the trajectory's,
        so that it equals the single model of the other arms. A replay's is its own.
        """
        members = range(1, len(self.learner.rates))
        if isinstance(self.chooser, RowsUpTo):
            return (derive(self.seed, self.chooser.fit_seed, "replay"),)
        if self.learner.committee == "rates":
            return (self.seed, *(self.seed for _ in members))
        return (self.seed, *(derive(self.seed, member, "member") for member in members))

    @cached_property
    def id(self) -> str:
        """Names the trajectory by what determines its picks; safe as a file name."""
        content = json.dumps(self._identity(), sort_keys=True, ensure_ascii=False)
        digest = hashlib.blake2b(content.encode(), digest_size=5).hexdigest()
        strategy = "".join(c if c.isalnum() or c in "-_." else "." for c in self.strategy)
        strategy = strategy.lstrip("._-")  # readers of Parquet folders pass over hidden files
        size = self.schedule.initial if self.strategy in UNQUERIED else self.schedule.step_size
        return f"{strategy}-{self.schedule.retrain}-{size}-s{self.seed}-{digest}"

    def _identity(self) -> dict[str, Any]:
        """In the words of the first names; what came later, only where it is used."""
        learner, chooser, schedule = self.learner, self.chooser, self.schedule
        training = dataclasses.asdict(learner.training)
        for name, default in later(Training).items():
            if training[name] == default:
                del training[name]
        facts = {
            "corpus": self.corpus.digest,
            "model": learner.model.digest,
            "strategy": self.strategy,
            "strategy_source": chooser.source if isinstance(chooser, Query) else "",
            "disagreement": "",
            "rates": learner.rates,
            "retrain": schedule.retrain,
            "initial": schedule.initial,
            "step_size": schedule.step_size,
            "seed": self.seed,
            "validation": self.validation,
            "training": training,
        }
        used: dict[str, Any] = {
            "committee": learner.committee if learner.committee != "rates" else None,
            "head": learner.head if learner.head != "fine-tuned" else None,
            "on_divergence": learner.on_divergence if learner.on_divergence != "fail" else None,
        }
        if isinstance(chooser, Query):
            told = parameters_of(chooser.parameters)
            if len(learner.rates) > 1:
                facts["disagreement"] = told.pop(DISAGREEMENT, "vote-entropy")
            used |= {"candidates": chooser.candidates, "diversity": chooser.diversity}
            used["parameters"] = told or None
        if isinstance(chooser, RowsOf):
            used |= {"follows": chooser.trajectory, "chosen_by": chooser.head}
        if isinstance(chooser, RowsUpTo):
            used |= {"replay_of": chooser.trajectory, "replay_step": chooser.step or None}
            used["fit_seed"] = chooser.fit_seed or None
        return facts | {name: value for name, value in used.items() if value is not None}

    @property
    def arm(self) -> dict[str, Any]:
        """The columns by which tables tell arms and seeds apart."""
        return {
            "corpus": self.corpus.name,
            "model": self.learner.model.name,
            "strategy": self.strategy,
            "family": self.chooser.family,
            "recipe": self.learner.training.recipe,
            "retrain": self.schedule.retrain,
            "head": self.learner.head,
            "step_size": self.schedule.step_size,
            "initial": self.schedule.initial,
            "seed": self.seed,
        }

    @property
    def columns(self) -> dict[str, Any]:
        """All that tables say of it: `arm`, and what else determines its picks."""
        learner, chooser, query = self.learner, self.chooser, self.asked
        leader = chooser if isinstance(chooser, RowsOf) else None
        replay = chooser if isinstance(chooser, RowsUpTo) else None
        members = len(learner.rates)
        told = parameters_of(query.parameters) if query else {}
        return {
            **self.arm,
            "corpus_digest": self.corpus.digest,
            "model_digest": learner.model.digest,
            "strategy_source": query.source if query else "",
            "parameters": query.parameters if query else "",
            "disagreement": told.get(DISAGREEMENT, "vote-entropy") if members > 1 else "",
            "committee": learner.committee if members > 1 else None,
            "rates": list(learner.rates),
            "member_seeds": list(self.member_seeds),
            "candidates": query.candidates if query else None,
            "diversity": query.diversity if query else None,
            "on_divergence": learner.on_divergence,
            "replay_of": replay.trajectory if replay else None,
            "replay_step": replay.step if replay else None,
            "fit_seed": replay.fit_seed if replay else None,
            "follows": leader.trajectory if leader else None,
            "chosen_by": leader.head if leader else None,
            "steps": self.schedule.steps,
            "validation": self.validation,
            **{name: getattr(learner.training, name) for name in knobs(Training)},
        }

    def to_json(self) -> str:
        """For sending it to a trial."""
        facts = dataclasses.asdict(self)
        return json.dumps({**facts, "kind": type(self.chooser).__name__}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> TrajectoryConfig:
        """The inverse of `to_json`."""
        facts = json.loads(text)
        learner = facts["learner"]
        learner |= {"model": Source(**learner["model"]), "rates": tuple(learner["rates"])}
        learner |= {"training": Training(**learner["training"])}
        kinds = {kind.__name__: kind for kind in get_args(Chooser)}
        chooser = facts["chooser"]
        if "query" in chooser:
            chooser["query"] = Query(**chooser["query"])
        return cls(
            corpus=Source(**facts["corpus"]),
            learner=Learner(**learner),
            chooser=kinds[facts["kind"]](**chooser),
            schedule=Schedule(**facts["schedule"]),
            seed=facts["seed"],
            validation=facts["validation"],
        )
