"""Load an encoder with a head, and its weights as NumPy arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from al_ray.encoder.source import has_weights
from al_ray.errors import ModelError
from al_ray.randomness import derive
from al_ray.tasks import classification

Weights = dict[str, NDArray[np.float32]]
"""Name to array: receiving these in another process is far cheaper than receiving tensors."""


def load(folder: Path, n_labels: int, seed: int) -> torch.nn.Module:
    """The encoder in `folder` with a new head for `n_labels` labels, float32, on the CPU.

    What the folder has no weights for (the head; all of `mini`) is drawn from (seed,
    'initialisation'), so that it is equal for every strategy, member and process of one seed.

    Raises:
        ModelError: the folder holds no encoder that Transformers can build, or weights of another.
    """
    transformers = _transformers()
    module: torch.nn.Module
    auto = getattr(transformers, classification.AUTO_MODEL)
    try:
        config = transformers.AutoConfig.from_pretrained(
            folder, num_labels=n_labels, trust_remote_code=False
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(seed, 0, "initialisation"))
            if has_weights(folder):
                module, found = auto.from_pretrained(
                    folder, config=config, dtype=torch.float32, output_loading_info=True
                )
                _refuse_foreign(folder, module, found["missing_keys"])
            else:
                module = auto.from_config(config)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            f"{folder}: not an encoder that can be loaded ({reason}); give --model a folder with "
            "config.json, weights and tokenizer"
        ) from error
    return module


def _refuse_foreign(folder: Path, module: torch.nn.Module, missing: list[str]) -> None:
    """A file with none of the encoder's weights would pass for an encoder that learns slowly."""
    encoder = [name for name in module.state_dict() if name.startswith(f"{_base(module)}.")]
    if encoder and set(encoder) <= set(missing):
        raise ModelError(
            f"{folder}: its weights are not those of the encoder in config.json; give --model a "
            "folder whose files belong together"
        )


def _base(module: torch.nn.Module) -> str:
    return str(getattr(module, "base_model_prefix", ""))


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


def _transformers() -> Any:
    """The library, without scikit-learn and SciPy, which it would import only because they exist.

    That is most of an actor's start-up: 4 s of 9 where it was measured.
    """
    import transformers.utils.import_utils as import_utils

    import_utils._sklearn_available = False
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers
