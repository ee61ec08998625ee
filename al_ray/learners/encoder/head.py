"""What makes logits of the vectors of a text's tokens: the model's own head, their mean, or one
character's token and where in it the character stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from al_ray.errors import AlRayError
from al_ray.learners.encoder.batches import Characters
from al_ray.learners.encoder.loss_prediction import loss_prediction


@dataclass(frozen=True, eq=False)
class Answer:
    """Of a pass, as Transformers' models answer.

    Attributes:
        logits: (rows, labels).
        hidden_states: of the embeddings and of each layer (rows, tokens, width), where asked for.
    """

    logits: torch.Tensor
    hidden_states: tuple[torch.Tensor, ...] | None


class _OnVectors(torch.nn.Module):
    """An encoder with dropout and one linear layer on what is made of its last vectors.

    Args:
        own: the encoder with its own head, of which this takes over the rate of dropout and the
            last layer, so that both follow from configuration and seed. Its pooler goes.
    """

    def __init__(self, own: torch.nn.Module) -> None:
        super().__init__()
        model: Any = own
        self.config = model.config
        self.base_model = model.base_model
        inside = set(self.base_model.modules())
        rates = [
            part.p
            for part in own.modules()
            if isinstance(part, torch.nn.Dropout) and part not in inside
        ]
        self.dropout = torch.nn.Dropout(rates[-1] if rates else 0.0)
        self.classifier = classifier(own)
        if getattr(self.base_model, "pooler", None) is not None:
            self.base_model.pooler = None

    def get_input_embeddings(self) -> Any:
        """The layer that makes vectors of token ids."""
        return self.base_model.get_input_embeddings()


class MeanPooled(_OnVectors):
    """With that layer on the mean of a text's last vectors (Reimers & Gurevych 2019).

    The mean is what the frozen head is fed, too.
    """

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        output_hidden_states: bool = False,
    ) -> Answer:
        """Of padded rows: ids and mask (rows, longest)."""
        said = self.base_model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            output_hidden_states=output_hidden_states,
        )
        return Answer(self.logits(mean(said.last_hidden_state, attention_mask)), said.hidden_states)

    def logits(self, means: torch.Tensor) -> torch.Tensor:
        """(rows, labels) of the mean of each text's vectors (rows, width)."""
        answer: torch.Tensor = self.classifier(self.dropout(means))
        return answer


PLACES = 8
"""Of a character within its token, from the start and from the end; what is farther is one."""


PLACE_DEVIATION = 0.3
"""Of the vectors of places at the start, beside 1 of a token's."""
HEAD_RATE = 10
"""Learning rates of this head's layers are so many times the encoder's: all of them are new."""


class PerCharacter(_OnVectors):
    """With that layer on each character: its token's vector, and where in the token it stands.

    So that an entity may end within a token, as half of them do in Korean. The layer in between
    lets a place mean something else in every token, and the normalisation puts tokens of any
    encoder beside places of one size.
    """

    def __init__(self, own: torch.nn.Module) -> None:
        super().__init__(own)
        width = self.classifier.in_features
        self.norm = torch.nn.LayerNorm(width)
        self.from_start = torch.nn.Embedding(PLACES, width)
        self.from_end = torch.nn.Embedding(PLACES, width)
        for places in (self.from_start, self.from_end):
            torch.nn.init.normal_(places.weight, std=PLACE_DEVIATION)
        self.dense = torch.nn.Linear(width, width)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, characters: Characters
    ) -> Answer:
        """Of padded rows: ids and mask (rows, longest)."""
        said = self.base_model(input_ids=input_ids, attention_mask=attention_mask)
        tokens = said.last_hidden_state[attention_mask.bool()]
        return Answer(self.logits(tokens, characters), None)

    def logits(self, tokens: torch.Tensor, characters: Characters) -> torch.Tensor:
        """(characters, classes) of the vectors of all rows' tokens, put end to end."""

        def on_device(array: NDArray[np.int64]) -> torch.Tensor:
            return torch.from_numpy(array).to(tokens.device)

        start, end = (
            embedding(on_device(np.minimum(places, PLACES - 1)))
            for embedding, places in (
                (self.from_start, characters.from_start),
                (self.from_end, characters.from_end),
            )
        )
        given = self.norm(tokens)[on_device(characters.tokens)] + start + end
        inner = torch.nn.functional.gelu(self.dense(self.dropout(given)))
        answer: torch.Tensor = self.classifier(self.dropout(inner))
        return answer


def mean(vectors: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean (rows, width) over each row's tokens of vectors (rows, tokens, width).

    Args:
        vectors: float32.
        mask: (rows, tokens), 1 where there is a token and 0 where there is padding.
    """
    weight = mask[:, :, None].float()
    found: torch.Tensor = (vectors * weight).sum(dim=1) / weight.sum(dim=1)
    return found


def classifier(module: torch.nn.Module) -> torch.nn.Linear:
    """The layer that makes logits: the last linear one with an output a label.

    Raises:
        AlRayError: there is none.
    """
    config: Any = module.config
    predictor = loss_prediction(module)
    beside = set(predictor.modules()) if predictor is not None else set()
    layers = [
        part
        for part in module.modules()
        if isinstance(part, torch.nn.Linear) and part.out_features == config.num_labels
        if part not in beside
    ]
    if not layers:
        raise AlRayError("the model has no linear classification layer to take vectors from")
    return layers[-1]
