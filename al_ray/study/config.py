"""What one trajectory and one study are; plain frozen values, checked when they are made.

Nothing here is read from the environment or the disk: configuration is passed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from al_ray.errors import UserError
from al_ray.randomness import derive
from al_ray.study.knobs import axes, check_knobs, knob, knobs, later

Recipe = Literal["seed", "stable"]
Start = Literal["random", "linear"]
Retrain = Literal["cold", "warm", "warm-new"]
Pooling = Literal["own", "mean"]
Precision = Literal["auto", "float32", "bfloat16"]
Device = Literal["auto", "cpu", "cuda"]
Disagreement = Literal["vote-entropy", "mean-kl", "consensus"]
Committee = Literal["rates", "seeds"]
Head = Literal["fine-tuned", "frozen"]
OnDivergence = Literal["fail", "retry-with-lower-rate"]

CONTROL = "control"
"""The strategy name of a model trained once on a random share of the pool."""


REPLAY = "replay"
"""The strategy name of a cold model on the rows that another trajectory had chosen up to a step."""

UNQUERIED = (CONTROL, REPLAY)
"""These have one step and choose nothing."""


LOWER: OnDivergence = "retry-with-lower-rate"
"""A fit whose loss is not finite is begun again with half the learning rate."""


COLLAPSED = 0.95
"""A member that predicts one label for this share of the pool tells the others' votes nothing."""


LABELS_PER_DAY = 1000.0
"""What one person labels, where a study is told nothing else."""


def check(condition: bool, message: str) -> None:
    """Raise `UserError` with this one line unless the condition holds."""
    if not condition:
        raise UserError(message)


def check_labels_per_day(labels: float | None) -> None:
    """Raise `UserError` unless it is a number above 0, or None."""
    check(
        labels is None or (math.isfinite(labels) and labels > 0),
        f"--labels-per-day {labels}: give a number above 0",
    )


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a member is fine-tuned, and how it is run over rows.

    The axes are hyperparameters, of which a study may have several values; how rows are run over
    is equal within a study. `auto` and None are settled once, when a study starts, and recorded:
    fine-tuning in another precision, with another number of threads or another token budget differs
    in the last bits.

    Attributes:
        recipe: where the numbers below come from.
        epochs: passes over the rows.
        updates: exact number of optimiser updates; None: `epochs`, but at least `min_updates`.
        min_updates: floor on the number of updates.
        learning_rate: of the member that is evaluated.
        batch_size: rows of one update.
        max_length: tokens a text is cut to.
        warmup: share of the updates in which the rate rises linearly from 0.
        decay: `linear` to 0 after the warm-up, or `none`.
        weight_decay: of AdamW; biases and layer norms are left out.
        clip: largest norm of the gradient; None: not clipped.
        pooling: what the classification layer is fed: `own`, what the model's own head makes of a
            text's first vector; `mean`, the mean of the last layer's vectors over a text's tokens.
        start: of the classification layer where a fit begins with pretrained weights: `random`, or
            `linear`, where the frozen head ends on what the layer is fed (Kumar et al. 2022).
        threads: of one actor.
        precision: `bfloat16` is autocast of the encoder's body; head, logits and weights stay
            float32.
        token_budget: tokens, padding included, in one inference batch.
        chunk_rows: rows of one cell of the fixed grid that pools are scored by.
    """

    recipe: Recipe
    learning_rate: float = knob(
        "--learning-rate",
        axis=True,
        ok=lambda rate: 0 < rate < 1,
        say="give a rate between 0 and 1, such as 2e-5",
    )
    epochs: int = knob("--epochs", axis=True, ok=lambda n: n >= 1, say="give 1 or more")
    updates: int | None = knob(
        "--updates",
        default=None,
        ok=lambda n: n >= 1,
        say="give 1 or more",
        help="exact number of updates of every fit",
    )
    min_updates: int = knob(
        "--min-updates", axis=True, default=0, ok=lambda n: n >= 0, say="give 0 or more"
    )
    batch_size: int = knob("--batch-size", axis=True, ok=lambda n: n >= 1, say="give 1 or more")
    max_length: int = knob(
        "--max-length", ok=lambda n: n >= 3, say="give 3 or more tokens", help="tokens"
    )
    warmup: float = knob(
        "--warmup",
        axis=True,
        default=0.0,
        ok=lambda share: 0 <= share <= 1,
        say="give a share from 0 to 1",
        metavar="SHARE",
    )
    decay: Literal["none", "linear"] = knob(default="none", axis=True)
    weight_decay: float = knob(
        "--weight-decay",
        axis=True,
        default=0.01,
        ok=lambda x: 0 <= x < math.inf,
        say="give 0 or more",
    )
    clip: float | None = knob(default=None, axis=True)
    pooling: Pooling = knob(
        "--pooling",
        default="own",
        help="what a fine-tuned classification layer is fed: the model's own pooling (default), or "
        "the mean over a text's tokens, as the frozen head",
        axis=True,
        later=True,
    )
    start: Start = knob(
        "--start",
        default="random",
        help="where a fine-tuned classification layer begins: at random (default), or where a "
        "frozen head on the same vectors ends",
        axis=True,
        later=True,
    )
    threads: int = knob(
        "--threads",
        default=1,
        ok=lambda n: 1 <= n <= 1024,
        say="give 1 to 1,024",
        help="of one actor",
    )
    precision: Precision = knob("--precision", default="auto")
    token_budget: int | None = knob(default=None)
    chunk_rows: int = knob(default=2048, ok=lambda n: n >= 1, say="give 1 or more")

    def __post_init__(self) -> None:
        check_knobs(self)

    def updates_for(self, rows: int) -> int:
        """Optimiser updates of a fit on this many rows."""
        if self.updates is not None:
            return self.updates
        return max(self.epochs * math.ceil(rows / self.batch_size), self.min_updates)

    def rate_factor(self, update: int, updates: int) -> float:
        """What the learning rate is multiplied by at update 0 … updates − 1."""
        rising = round(self.warmup * updates)
        if update < rising:
            return (update + 1) / (rising + 1)
        if self.decay == "none":
            return 1.0
        return (updates - update) / max(1, updates - rising)


FIT = ("recipe", *axes(Training))
"""The fields of `Training` that a study may have several values of."""


RECIPES: dict[Recipe, dict[str, Any]] = {
    "seed": {
        "epochs": 3,
        "min_updates": 0,
        "warmup": 0.0,
        "decay": "none",
        "clip": None,
        "pooling": "own",
        "start": "random",
    },
    "stable": {
        "epochs": 5,
        "min_updates": 150,
        "warmup": 0.1,
        "decay": "linear",
        "clip": 1.0,
        "pooling": "own",
        "start": "random",
    },
}
"""`seed` is the reference study's; `stable` follows Mosbach et al. 2021: updates, not epochs.

docs/recipes.md has what was tried on real text."""


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
class TrajectoryConfig:
    """One simulated active-learning run.

    Attributes:
        rates: learning rate of each member; one for all but committee strategies.
        strategy_source: digest of the source of a strategy of one's own, else empty.
        initial: rows of the random first draw.
        step_size: rows chosen at every step but the last.
        steps: number of fits; the last one selects nothing. Not part of the identity, so that a
            trajectory can be extended.
        validation: rows of train that are kept apart, and paid for.
        committee: what its members differ in; `rates` where there is one member.
        candidates: pool rows that a costly strategy scores, a seeded subsample; None: all.
        diversity: cosine similarity above which a row is passed over in a batch; None: never.
        head: `fine-tuned`: the whole encoder is trained; `frozen`: a linear model on its vectors.
        on_divergence: what follows a training loss that is not finite.
        replay_of: of a replay, the trajectory whose rows it is trained on, else empty.
        replay_step: of a replay, the step up to which they were chosen.
        fit_seed: of a replay, what tells its fit from the others on the same rows.
        follows: of a successor, the trajectory whose rows it takes, step by step, else empty.
        chosen_by: of a successor, the head of that, else empty.
    """

    corpus: Source
    model: Source
    strategy: str
    strategy_source: str
    family: str
    disagreement: str
    rates: tuple[float, ...]
    retrain: Retrain
    initial: int
    step_size: int
    steps: int
    seed: int
    validation: int
    training: Training
    committee: Committee = "rates"
    candidates: int | None = None
    diversity: float | None = None
    head: Head = "fine-tuned"
    on_divergence: OnDivergence = "fail"
    replay_of: str = ""
    replay_step: int = 0
    fit_seed: int = 0
    follows: str = ""
    chosen_by: Head | Literal[""] = ""

    @property
    def queries(self) -> bool:
        """Whether a strategy of its own chooses its rows."""
        return self.strategy not in UNQUERIED and not self.follows

    @property
    def evaluated(self) -> int:
        """The position of the member that is evaluated: the first at the study's learning rate."""
        return self.rates.index(self.training.learning_rate)

    @property
    def member_seeds(self) -> tuple[int, ...]:
        """What each member's initialisation, data order and dropout are drawn from.

        One for all where they differ in their rates; else the first member's is the trajectory's,
        so that it equals the single model of the other arms. A replay's is its own.
        """
        if self.replay_of:
            return (derive(self.seed, self.fit_seed, "replay"),)
        if self.committee == "rates":
            return (self.seed,) * len(self.rates)
        others = (derive(self.seed, member, "member") for member in range(1, len(self.rates)))
        return (self.seed, *others)

    @cached_property
    def id(self) -> str:
        """Names the trajectory by what determines its picks; safe as a file name."""
        facts = dataclasses.asdict(self)
        del facts["steps"], facts["family"]
        for each in dataclasses.fields(self):
            # An option that came later and is not used leaves the names of before as they are.
            if each.default is not dataclasses.MISSING and facts[each.name] == each.default:
                del facts[each.name]
        for name, default in later(Training).items():
            if facts["training"][name] == default:
                del facts["training"][name]
        facts["corpus"], facts["model"] = self.corpus.digest, self.model.digest
        content = json.dumps(facts, sort_keys=True, ensure_ascii=False)
        digest = hashlib.blake2b(content.encode(), digest_size=5).hexdigest()
        strategy = "".join(c if c.isalnum() or c in "-_." else "." for c in self.strategy)
        strategy = strategy.lstrip("._-")  # readers of Parquet folders pass over hidden files
        size = self.initial if self.strategy in UNQUERIED else self.step_size
        return f"{strategy}-{self.retrain}-{size}-s{self.seed}-{digest}"

    @property
    def arm(self) -> dict[str, Any]:
        """The columns by which tables tell arms and seeds apart."""
        return {
            "corpus": self.corpus.name,
            "model": self.model.name,
            "strategy": self.strategy,
            "family": self.family,
            "recipe": self.training.recipe,
            "retrain": self.retrain,
            "head": self.head,
            "step_size": self.step_size,
            "initial": self.initial,
            "seed": self.seed,
        }

    @property
    def columns(self) -> dict[str, Any]:
        """All that tables say of it: `arm`, and what else determines its picks."""
        return {
            **self.arm,
            "corpus_digest": self.corpus.digest,
            "model_digest": self.model.digest,
            "strategy_source": self.strategy_source,
            "disagreement": self.disagreement,
            "committee": self.committee if len(self.rates) > 1 else None,
            "rates": list(self.rates),
            "member_seeds": list(self.member_seeds),
            "candidates": self.candidates,
            "diversity": self.diversity,
            "on_divergence": self.on_divergence,
            "replay_of": self.replay_of or None,
            "replay_step": self.replay_step if self.replay_of else None,
            "fit_seed": self.fit_seed if self.replay_of else None,
            "follows": self.follows or None,
            "chosen_by": self.chosen_by or None,
            "steps": self.steps,
            "validation": self.validation,
            **{name: getattr(self.training, name) for name in knobs(Training)},
        }

    def to_json(self) -> str:
        """For sending it to a trial."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> TrajectoryConfig:
        """The inverse of `to_json`."""
        facts = json.loads(text)
        facts["corpus"], facts["model"] = Source(**facts["corpus"]), Source(**facts["model"])
        facts["training"] = Training(**facts["training"])
        facts["rates"] = tuple(facts["rates"])
        return cls(**facts)


@dataclass(frozen=True, kw_only=True)
class StudyConfig:
    """The grid of trajectories over one corpus and one model.

    Attributes:
        training: the first value of each hyperparameter.
        axes: hyperparameters that have several values, and these.
        grids: fields of this that each grid has of its own, where the study is a union of several.
        frozen_with: hyperparameters that trajectories of a frozen head, which has none, are named
            with; None: those of `training`.
        initial: rows of the first draw; None: the step size.
        steps: number of fits of each trajectory; None where a budget is given.
        budget: labels, or share of the pool if not above 1, to stop at.
        controls: shares of the pool to train on at random, once.
        rates: the committee's learning rates.
        multiples: of the evaluated member's learning rate, where `rates` follow from it.
        committee: what its members differ in, their rates or their seeds.
        candidates: pool rows that costly strategies score.
        diversity: cosine similarity above which a row is passed over in a batch.
        heads: what is trained; see `TrajectoryConfig`.
        on_divergence: see `TrajectoryConfig`.
        replay_cold: steps of every trajectory at which cold models are trained on its rows.
        replay_seeds: how many of these at each.
        successor: the head that also learns what arms of the other head choose; None: none.
    """

    strategies: tuple[str, ...]
    training: Training
    rates: tuple[float, ...]
    multiples: tuple[float, ...] = ()
    axes: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    grids: tuple[Mapping[str, Any], ...] = ()
    frozen_with: Mapping[str, Any] | None = None
    seeds: tuple[int, ...] = (0, 1)
    retrain: tuple[Retrain, ...] = ("cold",)
    step_sizes: tuple[int, ...] = (100,)
    initial: int | None = None
    steps: int | None = None
    budget: float | None = None
    controls: tuple[float, ...] = ()
    validation: int = 0
    disagreement: Disagreement = "vote-entropy"
    committee: Committee = "rates"
    candidates: int | None = None
    diversity: float | None = None
    heads: tuple[Head, ...] = ("fine-tuned",)
    on_divergence: OnDivergence = "fail"
    replay_cold: tuple[int, ...] = ()
    replay_seeds: int = 1
    successor: Head | None = None
    keep_equivalent: bool = False
    ledger: bool = False

    def __post_init__(self) -> None:
        for option, values in (
            ("--strategies", self.strategies),
            ("--seeds", self.seeds),
            ("--retrain", self.retrain),
            ("--step-size", self.step_sizes),
            ("--controls", self.controls),
            ("--head", self.heads),
            ("--replay-cold", self.replay_cold),
            *((knobs(Training)[name].option, values) for name, values in self.axes.items()),
        ):
            optional = option in ("--controls", "--replay-cold")
            check(bool(values) or optional, f"{option}: give at least one")
            check(len(set(values)) == len(values), f"{option}: one value is given twice; drop it")
        check(
            CONTROL not in self.strategies,
            "--strategies control: give shares of the pool with --controls instead",
        )
        check(
            REPLAY not in self.strategies,
            "--strategies replay: give steps with --replay-cold instead",
        )
        for step in self.replay_cold:
            check(step >= 0, f"--replay-cold {step}: give steps from 0")
        check(
            self.successor is None or any(head != self.successor for head in self.heads),
            f"--successor {self.successor}: no other head chooses; give --head frozen fine-tuned",
        )
        check(self.replay_seeds >= 1, f"--replay-seeds {self.replay_seeds}: give 1 or more")
        for rate in self.rates:  # those of a committee are looked at more closely in `grid`
            check(
                0 < rate < math.inf,
                f"--committee-learning-rates {rate:g}: give rates between 0 and 1, such as 2e-5",
            )
        for seed in self.seeds:
            check(0 <= seed < 2**63, f"--seeds {seed}: give numbers from 0 to 2**63 - 1")
        check(min(self.step_sizes) >= 1, f"--step-size {min(self.step_sizes)}: give 1 or more")
        check(
            self.initial is None or self.initial >= 1, f"--initial {self.initial}: give 1 or more"
        )
        check(
            self.steps is None or self.budget is None,
            "--steps and --budget: give one of the two",
        )
        check(
            self.steps is not None or self.budget is not None,
            "--steps: give a number of steps, or a --budget",
        )
        check(self.steps is None or self.steps >= 1, f"--steps {self.steps}: give 1 or more")
        check(
            self.budget is None or self.budget > 0,
            f"--budget {self.budget}: give labels, or a share of the pool up to 1",
        )
        check(
            self.budget is None or math.isfinite(self.budget),
            f"--budget {self.budget}: give labels, or a share of the pool up to 1",
        )
        check(
            self.budget is None or self.budget <= 1 or self.budget == round(self.budget),
            f"--budget {self.budget}: give whole labels, or a share of the pool up to 1",
        )
        check(
            self.candidates is None or self.candidates >= 1,
            f"--candidates {self.candidates}: give 1 or more rows",
        )
        check(
            self.diversity is None or 0 < self.diversity < 1,
            f"--diversity {self.diversity}: give a cosine similarity between 0 and 1",
        )
        check(self.validation >= 0, f"--validation {self.validation}: give 0 or more rows")
        for share in self.controls:
            check(0 < share <= 1, f"--controls {share:g}: give shares of the pool, above 0 up to 1")
        for part in self.parts:
            _ = part.trainings  # refuses what one cannot be

    @property
    def parts(self) -> tuple[StudyConfig, ...]:
        """Full products, whose union this is."""
        return tuple(
            dataclasses.replace(
                self,
                grids=(),
                **{name: value for name, value in grid.items() if name != "training"},
                training=dataclasses.replace(self.training, **grid.get("training", {})),
            )
            for grid in self.grids
        ) or (self,)

    @property
    def trainings(self) -> tuple[Training, ...]:
        """One for each combination of hyperparameters."""
        points = itertools.product(*self.axes.values())
        return tuple(
            dataclasses.replace(self.training, **dict(zip(self.axes, point, strict=True)))
            for point in points
        )

    def values(self, name: str) -> tuple[Any, ...]:
        """Of a hyperparameter."""
        return self.axes.get(name, (getattr(self.training, name),))

    @property
    def frozen_training(self) -> Training:
        """Of trajectories of a frozen head, which is named with no knob that came later."""
        unused = {name: default for name, default in later(Training).items() if name in FIT}
        return dataclasses.replace(self.training, **{**(self.frozen_with or {}), **unused})

    def rates_at(self, training: Training) -> tuple[float, ...]:
        """The committee's learning rates beside this training's."""
        return tuple(m * training.learning_rate for m in self.multiples) or self.rates

    def steps_for(self, initial: int, step_size: int, pool: int) -> int:
        """Number of fits of a trajectory over a pool of this many rows."""
        if self.steps is not None:
            wanted = self.steps
        else:
            assert self.budget is not None
            labels = self.budget * pool if self.budget <= 1 else self.budget
            wanted = 1 + max(0, math.ceil((round(labels) - initial) / step_size))
        possible = 1 + max(0, math.ceil((pool - initial) / step_size))
        return min(wanted, possible)


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Where and how wide a study runs; none of it changes a pick.

    Attributes:
        out: results folder.
        shards: shard actors of each trajectory.
        concurrent: trajectories at once; None: what fits.
        address: of a running Ray cluster; `local`: always one of our own; None: Ray's own rule.
        device: `auto`: a GPU where the cluster has one.
        dashboard: Ray's, where the cluster is our own.
        command: what runs the study again; '' where that is not known.
        study_file: the same as TOML, without where it runs; '' where that is not known.
        labels_per_day: what one person labels, for person-days; None: as before, or 1,000.
        mlflow: URI of an MLflow tracking server, or of its data base; None: none is told.
        patience: seconds without any progress until a trajectory is begun again.
    """

    out: str
    shards: int = 1
    concurrent: int | None = None
    address: str | None = None
    device: Device = "auto"
    dashboard: bool = True
    command: str = ""
    study_file: str = ""
    labels_per_day: float | None = None
    mlflow: str | None = None
    patience: float = 1800.0

    def __post_init__(self) -> None:
        check_labels_per_day(self.labels_per_day)
        check(1 <= self.shards <= 1024, f"--shards {self.shards}: give 1 to 1,024")
        check(
            self.concurrent is None or self.concurrent >= 1,
            f"--concurrent {self.concurrent}: give 1 or more",
        )
        check(self.patience > 0, f"--patience {self.patience / 60:g}: give minutes above 0")
