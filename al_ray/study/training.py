"""How an encoder is fine-tuned and run: the hyperparameters of a learner, and the numerics."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from al_ray.language import mark
from al_ray.study.knobs import axes, check_knobs, knob

Recipe = Literal["seed", "stable"]
Start = Literal["random", "linear"]
Pooling = Literal["own", "mean"]
Precision = Literal["auto", "float32", "bfloat16"]
Device = Literal["auto", "cpu", "cuda"]


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
        say=mark("give a rate between 0 and 1, such as 2e-5"),
    )
    epochs: int = knob("--epochs", axis=True, ok=lambda n: n >= 1, say=mark("give 1 or more"))
    updates: int | None = knob(
        "--updates",
        default=None,
        ok=lambda n: n >= 1,
        say=mark("give 1 or more"),
        help="exact number of updates of every fit",
    )
    min_updates: int = knob(
        "--min-updates", axis=True, default=0, ok=lambda n: n >= 0, say=mark("give 0 or more")
    )
    batch_size: int = knob(
        "--batch-size", axis=True, ok=lambda n: n >= 1, say=mark("give 1 or more")
    )
    max_length: int = knob(
        "--max-length",
        axis=True,
        ok=lambda n: n >= 3,
        say=mark("give 3 or more tokens"),
        help="tokens",
    )
    warmup: float = knob(
        "--warmup",
        axis=True,
        default=0.0,
        ok=lambda share: 0 <= share <= 1,
        say=mark("give a share from 0 to 1"),
        metavar="SHARE",
    )
    decay: Literal["none", "linear"] = knob(default="none", axis=True)
    weight_decay: float = knob(
        "--weight-decay",
        axis=True,
        default=0.01,
        ok=lambda x: 0 <= x < math.inf,
        say=mark("give 0 or more"),
    )
    clip: float | None = knob(default=None, axis=True)
    pooling: Pooling = knob(
        "--pooling",
        default="own",
        help="what a fine-tuned classification layer is fed: the model's own pooling (default of "
        "recipe seed), or the mean over a text's tokens, as the frozen head (of stable)",
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
        say=mark("give 1 to 1,024"),
        help="of one actor",
    )
    precision: Precision = knob("--precision", default="auto")
    token_budget: int | None = knob(default=None)
    chunk_rows: int = knob(default=2048, ok=lambda n: n >= 1, say=mark("give 1 or more"))

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


READ = ("max_length",)
"""The fields of `Training` that say what an encoder reads of a text, whatever is trained on it."""

FIT = ("recipe", *(name for name in axes(Training) if name not in READ))
"""The hyperparameters of fine-tuning, which a frozen head has none of."""


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
        "pooling": "mean",
        "start": "random",
    },
}
"""`seed` is the reference study's; `stable` follows Mosbach et al. 2021: updates, not epochs.

docs/recipes.md has what was tried on real text."""

RECIPES_VERSION = 2
"""Of what `RECIPES` say. A folder keeps to that of its beginning, so that its command goes on."""


def recipe_values(recipe: Recipe, version: int = RECIPES_VERSION) -> dict[str, Any]:
    """What a recipe says of the fields of `Training`.

    Args:
        recipe: its name.
        version: before 2, `stable` had the model's own pooling.
    """
    before = {"pooling": "own"} if version < 2 else {}
    return {**RECIPES[recipe], **before}


def plain(recipe: Recipe, **given: Any) -> Training:
    """How one process trains and runs an encoder where nothing else is said.

    Args:
        recipe: whose numbers count where none is given.
        given: fields of `Training`, the learning rate among them.
    """
    numerics = {"batch_size": 16, "max_length": 128, "precision": "float32", "token_budget": 4096}
    return Training(**{"recipe": recipe, **recipe_values(recipe), **numerics, **given})
