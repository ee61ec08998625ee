"""What makes logits of the vectors of a text's tokens: the model's own head, or their mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from al_ray.errors import AlRayError
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


class MeanPooled(torch.nn.Module):
    """An encoder with dropout and one linear layer on the mean of a text's last vectors.

    That mean (Reimers & Gurevych 2019) is what the frozen head is fed, too.

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

    def get_input_embeddings(self) -> Any:
        """The layer that makes vectors of token ids."""
        return self.base_model.get_input_embeddings()


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
