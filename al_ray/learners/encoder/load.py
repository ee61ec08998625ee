"""Load an encoder with a head, and its weights as NumPy arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from al_ray.corpus.tokens.tokenising import quiet_transformers
from al_ray.errors import ModelError
from al_ray.learners.encoder.head import MeanPooled, PerCharacter
from al_ray.learners.encoder.source import has_weights
from al_ray.randomness import derive
from al_ray.study.training import Pooling
from al_ray.tasks.base import Head

Weights = dict[str, NDArray[np.float32]]
"""Name to array: receiving these in another process is far cheaper than receiving tensors."""


def load(
    folder: Path, n_labels: int, seed: int, pooling: Pooling = "own", head: Head = "text"
) -> torch.nn.Module:
    """The encoder in `folder` with a new head for `n_labels` labels, float32, on the CPU.

    The head is the encoder's own kind, dropout included; a pooler is loaded where the weights
    have one. With pooling `mean` it is that of `MeanPooled`, for `characters` that of
    `PerCharacter`, and no pooler is left. What the folder
    has no weights for (the head; all of `mini`) is drawn from (seed, 'initialisation'), so that it
    is equal for every strategy, member and process of one seed. No program of the folder is run,
    and of `.bin` files only tensors are unpickled.

    Raises:
        ModelError: no encoder that Transformers can build, or weights of another one.
    """
    transformers = quiet_transformers()
    module: torch.nn.Module
    own: torch.nn.Module
    info: dict[str, Any] = {}
    # Whose head (pooler and dropout included) is the encoder's own.
    auto = transformers.AutoModelForSequenceClassification
    try:
        config = transformers.AutoConfig.from_pretrained(
            folder, num_labels=n_labels, trust_remote_code=False
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(seed, 0, "initialisation"))
            if has_weights(folder):
                module, info = auto.from_pretrained(
                    folder,
                    config=config,
                    dtype=torch.float32,
                    trust_remote_code=False,
                    weights_only=True,
                    output_loading_info=True,
                    ignore_mismatched_sizes=True,  # a head for other labels; see _check
                )
            else:
                module = auto.from_config(config, trust_remote_code=False)
            own = module
            if head != "text":
                module = PerCharacter(own)
            elif pooling == "mean":
                module = MeanPooled(own)
    except Exception as error:  # a configuration may hold anything, and the library trusts it
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise ModelError(
            "{folder}: not an encoder that can be loaded ({reason}); give --model a "
            "folder with config.json, weights and tokenizer",
            folder=folder,
            reason=reason,
        ) from error
    _check(folder, own, info)
    return module


def _check(folder: Path, module: torch.nn.Module, info: dict[str, Any]) -> None:
    """Refuse weights that leave a part of the encoder random, which Transformers only warns of."""
    encoder = f"{module.base_model_prefix}."
    # Some versions give the shapes of what does not match, too.
    mismatched = [
        key if isinstance(key, str) else key[0] for key in info.get("mismatched_keys", ())
    ]
    absent = sorted(
        name
        for name in {*info.get("missing_keys", ()), *mismatched}
        if name.startswith(encoder) and not name.startswith(f"{encoder}pooler.")
    )
    if absent:
        tensors = sum(name.startswith(encoder) for name in module.state_dict())
        raise ModelError(
            "{folder}: its weights lack {n} of the encoder's {of} tensors, "
            "such as {first}; give --model a folder whose files belong together",
            folder=folder,
            n=len(absent),
            of=tensors,
            first=absent[0],
        )


def get_weights(module: torch.nn.Module) -> Weights:
    """A copy of all parameters and buffers."""
    return {
        name: value.detach().to("cpu", torch.float32, copy=True).numpy()
        if value.is_floating_point()
        else value.detach().cpu().numpy().copy()
        for name, value in module.state_dict().items()
    }


def set_weights(module: torch.nn.Module, weights: Weights) -> None:
    """Copy arrays into the module in place; read-only arrays will do."""
    state = module.state_dict()
    if state.keys() != weights.keys():
        raise ModelError("weights of another model: their names differ from the module's")
    with torch.no_grad():
        for name, value in state.items():
            array = weights[name]
            # torch warns of read-only memory; it is only read here.
            value.copy_(torch.from_numpy(array if array.flags.writeable else array.copy()))
