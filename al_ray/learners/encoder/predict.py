"""Run a module over many rows: logits, and what else a strategy needs, in one pass where it can.

All batches follow from the rows and the token budget alone, so that a chunk has the same result in
any process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from al_ray.corpus.tokens.prepared import Tokens
from al_ray.errors import AlRayError
from al_ray.learners.encoder.batches import by_length, characters, pad
from al_ray.learners.encoder.head import PerCharacter, classifier
from al_ray.learners.encoder.loss_prediction import loss_prediction
from al_ray.learners.encoder.packed import can_pack, means, packed
from al_ray.learners.encoder.precision import body_in_half
from al_ray.study.training import Training
from al_ray.tasks.base import places_of

GRADIENT_SHARE = 8
"""A batch with a backward pass has this part of the token budget: its activations are kept."""


@dataclass(frozen=True, eq=False)
class Raw:
    """What a module says of rows; see `strategies.Outputs`, whose shapes these are.

    Attributes:
        logits: float32 (units, classes); a unit is what the head has an output for.
        units: int64 (rows,), how many each row has; None: each has one.
        vectors: float32 (rows, width).
        predicted_loss: float32 (rows,).
    """

    logits: NDArray[np.float32]
    units: NDArray[np.int64] | None = None
    vectors: NDArray[np.float32] | None = None
    predicted_loss: NDArray[np.float32] | None = None


def logits(
    module: torch.nn.Module, tokens: Tokens, rows: NDArray[np.int64], training: Training
) -> NDArray[np.float32]:
    """Logits (units, classes), float32, in the order of `rows`."""
    return observe(module, tokens, rows, training).logits


def observe(
    module: torch.nn.Module,
    tokens: Tokens,
    rows: NDArray[np.int64],
    training: Training,
    needs: Set[str] = frozenset(),
) -> Raw:
    """Logits and, where `needs` names them, `vectors` and `predicted-loss`: one forward pass.

    Raises:
        AlRayError: vectors are asked of a module without a classification layer.
    """
    module.eval()
    if isinstance(module, PerCharacter):
        return _per_character(module, tokens, rows, training, "vectors" in needs)
    predictor = loss_prediction(module) if "predicted-loss" in needs else None
    fed: list[torch.Tensor] = []
    hook = None
    if "vectors" in needs:
        hook = classifier(module).register_forward_pre_hook(
            lambda _, args: fed.append(args[0].clone())  # it may be a view of all hidden states
        )

    def run(rows: NDArray[np.int64]) -> list[torch.Tensor]:
        fed.clear()
        if predictor is None:
            found = [_logits(module, tokens, rows, training)]
        else:
            with _half(module, training):
                ids, mask = _padded(module, tokens, rows)
                answer = module(input_ids=ids, attention_mask=mask, output_hidden_states=True)
                found = [answer.logits, predictor(answer.hidden_states[1:], mask)]
        return found + fed

    try:
        with torch.inference_mode():
            found = iter(by_batch(tokens, rows, training, run))
    finally:
        if hook is not None:
            hook.remove()
    logits = next(found)
    losses = next(found) if predictor is not None else None
    return Raw(logits, None, next(found) if hook is not None else None, losses)


def _per_character(
    module: PerCharacter,
    tokens: Tokens,
    rows: NDArray[np.int64],
    training: Training,
    vectors: bool,
) -> Raw:
    """With the mean of each row's last vectors, where vectors are wanted."""

    def run(rows: NDArray[np.int64]) -> list[torch.Tensor]:
        hidden = _hidden(module, tokens, rows, training)
        lengths = torch.from_numpy(tokens.lengths[rows].astype(np.int64)).to(hidden.device)
        made = [module.logits(hidden, characters(tokens, rows))]
        return [*made, means(hidden, lengths)] if vectors else made

    units = units_of(module, tokens, rows)
    with torch.inference_mode():
        found = by_batch(tokens, rows, training, run, units)
    return Raw(found[0], units, found[1] if vectors else None)


def units_of(
    module: torch.nn.Module, tokens: Tokens, rows: NDArray[np.int64]
) -> NDArray[np.int64] | None:
    """How many outputs the module's head has for each row, (rows,); None: one each."""
    if not isinstance(module, PerCharacter):
        return None
    assert tokens.characters is not None, "prepared for this task"
    return tokens.characters[rows]


def dropout_logits(
    module: torch.nn.Module,
    tokens: Tokens,
    rows: NDArray[np.int64],
    training: Training,
    seeds: list[int],
) -> NDArray[np.float32]:
    """Logits (passes, units, classes) of passes with dropout (Gal & Ghahramani 2016), one a seed.

    Raises:
        AlRayError: the module has no dropout, so that all passes would be one.
    """
    if not has_dropout(module):
        raise AlRayError("the model has no dropout, so passes with dropout do not differ")
    device = next(module.parameters()).device
    passes = []
    try:
        # Some attention reads its own flag and has no dropout module: all are set, but for what
        # would learn from the rows.
        for part in module.modules():
            part.training = not isinstance(part, torch.nn.modules.batchnorm._BatchNorm)
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            for seed in seeds:
                torch.manual_seed(seed)
                with torch.inference_mode():
                    passes += by_batch(
                        tokens,
                        rows,
                        training,
                        lambda x: [_logits(module, tokens, x, training)],
                        units_of(module, tokens, rows),
                    )
    finally:
        module.eval()
    return np.stack(passes)


def has_dropout(module: torch.nn.Module) -> bool:
    """Whether a pass with dropout would differ from one without."""
    modules = module.modules()
    return any(isinstance(part, torch.nn.modules.dropout._DropoutNd) and part.p for part in modules)


def word_gradients(
    module: torch.nn.Module, tokens: Tokens, rows: NDArray[np.int64], training: Training
) -> NDArray[np.float32]:
    """Norms of the loss's gradient with respect to word embeddings, (rows, labels, words).

    One backward pass a label and batch: the loss of a row depends on that row alone, so that of the
    sum of the losses is every row's own. A word is a distinct token other than the special ones;
    the gradients of its places are added. 0 where a row has fewer words than another.
    """
    assert training.token_budget is not None
    module.eval()
    budget = max(1, training.token_budget // GRADIENT_SHARE)
    found: list[tuple[NDArray[np.int64], NDArray[np.float32]]] = []
    with _gradient_to_embeddings(module) as embedded, torch.enable_grad():
        for batch in by_length(tokens.lengths[rows], budget):
            ids, mask = _padded(module, tokens, rows[batch])
            with _half(module, training):
                answer = module(input_ids=ids, attention_mask=mask).logits
            place = _word_places(ids, mask, tokens.special_ids)
            losses = -torch.log_softmax(answer, dim=1).sum(dim=0)
            norms = [
                _word_norms(torch.autograd.grad(loss, embedded(), retain_graph=True)[0], place)
                for loss in losses
            ]
            found.append((batch, torch.stack(norms, dim=1).cpu().numpy()))
    n_labels, words = found[0][1].shape[1], max(part.shape[2] for _, part in found)
    out = np.zeros((len(rows), n_labels, words), np.float32)
    for batch, part in found:
        out[batch, :, : part.shape[2]] = part
    return out


def by_batch(
    tokens: Tokens,
    rows: NDArray[np.int64],
    training: Training,
    run: Callable[[NDArray[np.int64]], list[torch.Tensor]],
    units: NDArray[np.int64] | None = None,
) -> list[NDArray[np.float32]]:
    """What `run` gives for each batch, put together in the order of `rows`, float32.

    Args:
        units: (rows,), how many the first of what it gives has of each row; None: one, as the rest.
    """
    assert training.token_budget is not None
    out: list[NDArray[np.float32]] = []
    batches = by_length(tokens.lengths[rows], training.token_budget)
    # Answers stay where they are until the last: a GPU need not be waited for after every batch.
    for batch, said in [(batch, run(rows[batch])) for batch in batches]:
        answers = [answer.cpu().numpy() for answer in said]
        if not out:
            sizes = [len(rows) if units is None else int(units.sum()), *[len(rows)] * len(answers)]
            out = [
                np.empty((size, *answer.shape[1:]), np.float32)
                for size, answer in zip(sizes, answers, strict=False)
            ]
        places = [batch if units is None else places_of(units, batch), *[batch] * len(answers)]
        for whole, answer, place in zip(out, answers, places, strict=False):
            whole[place] = answer
    assert out, "no rows"
    return out


def _logits(
    module: torch.nn.Module, tokens: Tokens, rows: NDArray[np.int64], training: Training
) -> torch.Tensor:
    """Of one batch, (units, classes)."""
    if isinstance(module, PerCharacter):
        return module.logits(_hidden(module, tokens, rows, training), characters(tokens, rows))
    if can_pack(module):
        return packed(module, training.precision == "bfloat16").logits(tokens, rows)
    with _half(module, training):
        ids, mask = _padded(module, tokens, rows)
        answer: torch.Tensor = module(input_ids=ids, attention_mask=mask).logits
        return answer


def _hidden(
    module: Any, tokens: Tokens, rows: NDArray[np.int64], training: Training
) -> torch.Tensor:
    """The last vectors of one batch's tokens, put end to end, (tokens, width)."""
    if can_pack(module):
        return packed(module, training.precision == "bfloat16").hidden(tokens, rows)
    with _half(module, training):
        ids, mask = _padded(module, tokens, rows)
        said = module.base_model(input_ids=ids, attention_mask=mask).last_hidden_state
        vectors: torch.Tensor = said[mask.bool()]
        return vectors


def _half(module: torch.nn.Module, training: Training) -> AbstractContextManager[None]:
    return body_in_half(module, training.precision == "bfloat16")


def _padded(
    module: torch.nn.Module, tokens: Tokens, rows: NDArray[np.int64]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask (rows, longest) where the module is."""
    device = next(module.parameters()).device
    ids, mask = pad(tokens, rows)
    return torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)


@contextmanager
def _gradient_to_embeddings(
    module: torch.nn.Module,
) -> Iterator[Callable[[], torch.Tensor]]:
    """Let gradients reach the word embeddings' output, and no parameter.

    Gives a function that answers with that output (rows, tokens, width) of the last forward pass.
    """
    kept: list[torch.Tensor] = []

    def keep(_: Any, __: Any, output: torch.Tensor) -> torch.Tensor:
        kept[:] = [output.detach().requires_grad_()]
        return kept[0]

    embeddings: Any = module.get_input_embeddings()  # type: ignore[operator]
    hook = embeddings.register_forward_hook(keep)
    wanted = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in wanted:
        parameter.requires_grad_(False)
    try:
        yield lambda: kept[0]
    finally:
        hook.remove()
        for parameter in wanted:
            parameter.requires_grad_(True)


def _word_places(ids: torch.Tensor, mask: torch.Tensor, special: frozenset[int]) -> torch.Tensor:
    """For each place the number of its word within the row, (rows, tokens); -1: no word."""
    place = np.full(tuple(ids.shape), -1, np.int64)
    for row, (line, kept) in enumerate(zip(ids.tolist(), mask.tolist(), strict=True)):
        seen: dict[int, int] = {}
        for column, (token, is_token) in enumerate(zip(line, kept, strict=True)):
            if is_token and token not in special:
                place[row, column] = seen.setdefault(token, len(seen))
    return torch.from_numpy(place).to(ids.device)


def _word_norms(gradient: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    """Norms (rows, words) of the summed gradients (rows, tokens, width) of each word."""
    rows, _, width = gradient.shape
    words = int(place.max()) + 1
    # One place more takes what belongs to no word.
    summed = gradient.new_zeros(rows, words + 1, width)
    index = torch.where(place < 0, words, place)[:, :, None].expand(-1, -1, width)
    norms: torch.Tensor = summed.scatter_add_(1, index, gradient)[:, :words].norm(dim=2)
    return norms
