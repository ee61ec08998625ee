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

from al_ray.randomness import derive
from al_ray.study.knobs import check_knobs, knob, knobs, later
from al_ray.study.training import Training

Head = Literal["fine-tuned", "frozen"]
Committee = Literal["rates", "seeds"]
OnDivergence = Literal["fail", "retry-with-lower-rate"]
Retrain = Literal["cold", "warm", "warm-new"]

CONTROL = "control"
"""The strategy name of a model trained once on a random share of the pool."""

REPLAY = "replay"
"""The strategy name of a cold model on the rows that another trajectory had chosen up to a step."""

UNQUERIED = (CONTROL, REPLAY)
"""These have one step and choose nothing."""

LOWER: OnDivergence = "retry-with-lower-rate"
"""A fit whose loss is not finite is begun again with half the learning rate."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Something that determines picks by its content: a corpus or a model.

    Attributes:
        name: for people and tables.
        digest: of the content; this alone counts for identity.
    """

    name: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Learner:
    """What is trained on the labels.

    Attributes:
        model: the encoder.
        head: `fine-tuned`: the whole encoder is trained; `frozen`: a linear model on its vectors.
        training: how.
        rates: learning rate of each member; one for all but committee strategies.
        committee: what its members differ in; `rates` where there is one member.
        on_divergence: what follows a training loss that is not finite.
    """

    model: Source
    head: Head = knob(
        "--head",
        default="fine-tuned",
        axis=True,
        help="frozen: a logistic regression on the pretrained encoder's vectors, a cheap arm",
    )
    training: Training
    rates: tuple[float, ...]
    committee: Committee = knob(
        "--committee",
        default="rates",
        axis=True,
        help="what the members of a committee differ in: their learning rates (default), or the "
        "seeds of their initialisation, data order and dropout, at --learning-rate",
    )
    on_divergence: OnDivergence = knob(
        "--on-divergence",
        default="fail",
        help="what follows a training loss that is not finite: the trajectory fails (default), or "
        "the fit is begun again with half the learning rate, four times at most",
    )

    def __post_init__(self) -> None:
        check_knobs(self)

    @property
    def evaluated(self) -> int:
        """The position of the member that is evaluated: the first at the training's rate."""
        return self.rates.index(self.training.learning_rate)

    def single(self) -> Learner:
        """The same without a committee."""
        return dataclasses.replace(self, rates=(self.training.learning_rate,), committee="rates")


@dataclass(frozen=True, kw_only=True)
class Query:
    """Rows of the pool that a strategy chooses.

    Attributes:
        strategy: its name.
        parameters: its own, as `strategies.split` gives them.
        source: digest of the source of a strategy of one's own, else empty.
        family: of the strategy.
        candidates: pool rows that a costly strategy scores, a seeded subsample; None: all.
        diversity: cosine similarity above which a row is passed over in a batch; None: never.
    """

    strategy: str
    parameters: str = ""
    source: str = ""
    family: str
    candidates: int | None = knob(
        "--candidates",
        default=None,
        axis=True,
        ok=lambda rows: rows >= 1,
        say="give 1 or more rows",
        metavar="ROWS",
        help="pool rows, a new seeded sample each step, that costly strategies score; default: all",
    )
    diversity: float | None = knob(
        "--diversity",
        default=None,
        axis=True,
        ok=lambda cosine: 0 < cosine < 1,
        say="give a cosine similarity between 0 and 1",
        metavar="COSINE",
        help="pass over rows of a batch that are more alike than this to one chosen before",
    )

    def __post_init__(self) -> None:
        check_knobs(self)


@dataclass(frozen=True, kw_only=True)
class Prefix:
    """The first draw and no more: a control."""

    strategy: str = CONTROL
    family: str = "data-based"


@dataclass(frozen=True, kw_only=True)
class RowsOf:
    """Step by step the rows of another trajectory: a successor.

    Attributes:
        trajectory: whose rows they are.
        query: how they were chosen there.
        head: that they were chosen with.
    """

    trajectory: str
    query: Query
    head: Head

    @property
    def strategy(self) -> str:
        """That chose them."""
        return self.query.strategy

    @property
    def family(self) -> str:
        """Of that strategy."""
        return self.query.family


@dataclass(frozen=True, kw_only=True)
class RowsUpTo:
    """At once all rows that another trajectory had chosen up to a step: a replay.

    Attributes:
        trajectory: whose rows they are.
        step: the last that was chosen before it.
        fit_seed: what tells its fit from the others on the same rows.
    """

    trajectory: str
    step: int
    fit_seed: int
    strategy: str = REPLAY
    family: str = "data-based"


Chooser = Query | Prefix | RowsOf | RowsUpTo
"""Where a trajectory's rows come from."""


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
        say="give 1 or more",
        metavar="N",
        help="rows of the random first draw; default: the step size",
    )
    step_size: int = knob(
        "--step-size",
        axis=True,
        ok=lambda n: n >= 1,
        say="give 1 or more",
        metavar="N",
        help="labels a step",
    )
    steps: int = knob(
        "--steps",
        ok=lambda n: n >= 1,
        say="give 1 or more",
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


DISAGREEMENT = "disagreement"
"""A parameter that had a column, and a place in names, before strategies had any."""


def spelt(strategy: str, parameters: str) -> str:
    """A strategy with its parameters in one word; `strategies.split` takes it apart."""
    return f"{strategy}:{parameters}" if parameters else strategy


def parameters_of(said: str) -> dict[str, str]:
    """A strategy's parameters, by name."""
    pairs = (part.partition("=") for part in said.split(",") if part)
    return {name: value for name, _, value in pairs}
