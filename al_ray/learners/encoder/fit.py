"""Fine-tune a module on some rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from al_ray.corpus.tokens.prepared import Tokens
from al_ray.errors import TrainingDiverged
from al_ray.learners.encoder.batches import at_most, characters, pad, parts, training_batches
from al_ray.learners.encoder.head import HEAD_RATE, PerCharacter
from al_ray.learners.encoder.loss_prediction import ATTACHED, WEIGHT, loss_prediction, ranking_loss
from al_ray.learners.encoder.occurring import occurring
from al_ray.learners.encoder.packed import Packed, can_pack
from al_ray.learners.encoder.precision import body_in_half
from al_ray.learners.encoder.predict import units_of
from al_ray.randomness import derive, generator
from al_ray.study.training import Training
from al_ray.tasks.base import Answers, Targets, Task
from al_ray.tasks.classification import Classification

CLASSIFICATION = Classification()


@dataclass(frozen=True)
class FitReport:
    """What a fit did.

    Attributes:
        updates: done.
        train_loss: mean, in nats, over the last pass.
        part_rows: the largest part of a batch that the device's memory left; None: it was enough.
    """

    updates: int
    train_loss: float
    part_rows: int | None = None


def fit(
    module: torch.nn.Module,
    tokens: Tokens,
    rows: NDArray[np.int64],
    labels: Answers,
    training: Training,
    learning_rate: float,
    seed: int,
    step: int,
    task: Task = CLASSIFICATION,
    progress: Callable[[int, int], None] | None = None,
) -> FitReport:
    """Train in place, from the weights the module has, with a new optimiser and schedule.

    AdamW (Loshchilov & Hutter 2019) as in torch, which always corrects the bias. Data order and
    dropout are drawn from (seed, step), whatever the strategy or member. A loss-prediction module
    is trained with the rest where the module has one.

    Args:
        module: with its head, on its device.
        tokens: of the corpus.
        rows: (rows,) to train on.
        labels: (rows,) what the oracle answered for them.
        training: the recipe.
        learning_rate: of this member.
        seed: of the trajectory.
        step: of the trajectory.
        task: what is learnt.
        progress: told of updates, done and in all.

    Raises:
        TrainingDiverged: the loss or a weight is not finite.
        torch.OutOfMemoryError: the device has no room for one text. For a batch that it has no
            room for, parts of it will do: their gradients add up.
    """
    device = next(module.parameters()).device
    updates = training.updates_for(len(rows))
    # One order for a set of rows, however they were chosen or are listed.
    ordered = np.argsort(rows, kind="stable")
    rows, labels = rows[ordered], labels[ordered]
    targets = task.targets(labels, units_of(module, tokens, rows))
    batches = training_batches(
        len(rows), training.batch_size, updates, generator(seed, step, "data order")
    )
    history = []
    # Its ranking loss pairs rows of the whole batch, which is therefore left in one piece.
    whole = loss_prediction(module) is not None or device.type != "cpu" or can_pack(module)
    most: int | None = None
    module.train()
    module.zero_grad()  # of a fit that failed
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), occurring(module, tokens, rows) as others:
        torch.manual_seed(derive(seed, step, "dropout"))
        optimiser = torch.optim.AdamW(
            _groups(module, training.weight_decay, learning_rate), lr=learning_rate, fused=True
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda update: training.rate_factor(update, updates)
        )
        for update, batch in enumerate(batches):
            lengths = tokens.lengths[rows[batch]]
            pieces = [np.argsort(-lengths, kind="stable")] if whole else parts(lengths)
            attached = update < ATTACHED * updates
            drawn = torch.cuda.get_rng_state(device) if devices else None
            while True:
                try:
                    loss = _accumulate(
                        module,
                        tokens,
                        rows[batch],
                        targets.take(batch),
                        task,
                        training,
                        attached,
                        pieces if most is None else at_most(pieces, most),
                    )
                    break
                except torch.OutOfMemoryError:
                    most = max(map(len, pieces)) if most is None else most
                    if most == 1:
                        raise
                    most = most // 2
                # Outside the handler, whose traceback holds on to the tensors.
                optimiser.zero_grad(set_to_none=True)
                if drawn is not None:
                    torch.cuda.empty_cache()
                    torch.cuda.set_rng_state(drawn, device)  # as if it had not been tried
            if training.clip is not None:
                torch.nn.utils.clip_grad_norm_(module.parameters(), training.clip, foreach=True)
            optimiser.step()
            others.kept *= 1 - optimiser.param_groups[0]["lr"] * training.weight_decay
            schedule.step()
            optimiser.zero_grad(set_to_none=True)
            history.append(loss)
            if progress is not None:
                progress(update + 1, updates)
    one_pass = math.ceil(len(rows) / training.batch_size)
    train_loss = float(torch.stack(history[-one_pass:]).mean())
    finite = math.isfinite(train_loss) and all(
        bool(torch.isfinite(parameter).all()) for parameter in module.parameters()
    )
    if not finite:
        raise TrainingDiverged(
            f"training diverged at step {step} with learning rate {learning_rate:g}: loss or "
            f"weights are not finite (loss {train_loss:g}); lower --learning-rate, or use "
            "--recipe stable"
        )
    return FitReport(updates, train_loss, most)


def _accumulate(
    module: torch.nn.Module,
    tokens: Tokens,
    rows: NDArray[np.int64],
    targets: Targets,
    task: Task,
    training: Training,
    attached: bool,
    pieces: list[NDArray[np.int64]],
) -> torch.Tensor:
    """Add the gradient of a batch's mean loss, part by part; answer with that loss."""
    device = next(module.parameters()).device
    loss = torch.zeros((), device=device)
    for part in pieces:
        mean, ranking = _losses(
            module, tokens, rows[part], targets.take(part), task, training, attached
        )
        # Weighted, the parts' gradients add up to that of the whole batch's mean.
        weight = len(part) / len(rows)
        share = mean * weight
        (share + ranking * weight).backward()
        loss += share.detach()
    return loss


def _losses(
    module: torch.nn.Module,
    tokens: Tokens,
    rows: NDArray[np.int64],
    targets: Targets,
    task: Task,
    training: Training,
    attached: bool,
) -> tuple[torch.Tensor, torch.Tensor | float]:
    """Mean loss of these rows, and what a loss-prediction module adds to it.

    Args:
        attached: whether the gradient of what it adds reaches the encoder.
    """
    device, predictor = next(module.parameters()).device, loss_prediction(module)
    target = torch.from_numpy(targets.values).to(device)
    half = training.precision == "bfloat16"
    if isinstance(module, PerCharacter):
        return _of_characters(module, tokens, rows, target, task, half), 0.0
    if predictor is None and can_pack(module):
        logits = Packed(module, half, trained=True).logits(tokens, rows)
        return task.losses(logits, target, None).mean(), 0.0
    ids, mask = (torch.from_numpy(array).to(device) for array in pad(tokens, rows))
    with body_in_half(module, half):
        if predictor is None:
            logits, guess = module(input_ids=ids, attention_mask=mask).logits, None
        else:
            answer = module(input_ids=ids, attention_mask=mask, output_hidden_states=True)
            layers = [x if attached else x.detach() for x in answer.hidden_states[1:]]
            logits, guess = answer.logits, predictor(layers, mask)
    losses = task.losses(logits, target, None)
    return losses.mean(), 0.0 if guess is None else WEIGHT * ranking_loss(guess, losses)


def _of_characters(
    module: PerCharacter,
    tokens: Tokens,
    rows: NDArray[np.int64],
    target: torch.Tensor,
    task: Task,
    half: bool,
) -> torch.Tensor:
    """The mean loss of these rows."""
    where, units = characters(tokens, rows), cast("NDArray[np.int64]", tokens.characters)[rows]
    if can_pack(module):
        logits = module.logits(Packed(module, half, trained=True).hidden(tokens, rows), where)
    else:
        ids, mask = (torch.from_numpy(array).to(target.device) for array in pad(tokens, rows))
        with body_in_half(module, half):
            logits = module(ids, mask, where).logits
    return task.losses(logits, target, torch.from_numpy(units).to(target.device)).mean()


def _groups(
    module: torch.nn.Module, weight_decay: float, learning_rate: float
) -> list[dict[str, object]]:
    """Parameters with and without decay: biases and layer norms are vectors, the rest are not."""
    head: list[torch.nn.Parameter] = []
    if isinstance(module, PerCharacter):
        encoder = {id(p) for p in module.base_model.parameters()}
        head = [p for p in module.parameters() if id(p) not in encoder]
    inside = {id(p) for p in head}
    body = [p for p in module.parameters() if id(p) not in inside]
    return [
        {
            "params": [p for p in part if p.requires_grad and (p.ndim > 1) == decays],
            "weight_decay": weight_decay if decays else 0.0,
            "lr": rate,
        }
        for part, rate in ((body, learning_rate), (head, HEAD_RATE * learning_rate))
        for decays in (True, False)
        if part
    ]
