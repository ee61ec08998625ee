"""A model that marks entities, as `al-ray label finish` leaves it: saved, and opened again.

Its head has an output for each character, which no pipeline of Transformers has. So it is opened by

    from al_ray.labelling.tagger import Tagger
    Tagger("model")(["김철수가 서울에 갔다"])
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from al_ray.corpus.entities import NONE, parse
from al_ray.corpus.rows import Corpus, Split
from al_ray.corpus.tokens.prepared import Tokens, prepare
from al_ray.errors import ModelError
from al_ray.study.training import plain
from al_ray.tasks.tagging import Tagging

if TYPE_CHECKING:
    import torch

FACTS: Final = "tags.json"
HEAD: Final = "head.safetensors"


def save(module: torch.nn.Module, classes: Sequence[str], max_length: int, folder: Path) -> None:
    """The encoder as Transformers has it, the head beside it, and what its outputs are.

    Args:
        module: a `PerCharacter`.
        classes: tags, in the order of its outputs.
        max_length: tokens of a text.
        folder: with the encoder's tokenizer.
    """
    from safetensors.torch import save_file

    module = module.cpu()
    base = cast(Any, module).base_model
    base.save_pretrained(folder)
    inside = {f"base_model.{name}" for name in base.state_dict()}
    head = {n: v.contiguous() for n, v in module.state_dict().items() if n not in inside}
    save_file(head, folder / HEAD)
    facts = {"classes": list(classes), "max_length": max_length}
    (folder / FACTS).write_text(json.dumps(facts, ensure_ascii=False) + "\n", encoding="utf-8")


class Tagger:
    """A saved model.

    Raises:
        ModelError: the folder has none.
    """

    def __init__(self, folder: str | Path) -> None:
        from safetensors.torch import load_file

        from al_ray.learners.encoder.load import load

        self._folder = Path(folder)
        try:
            facts = json.loads((self._folder / FACTS).read_text(encoding="utf-8"))
            self._task = Tagging(tuple(facts["classes"]))
            self._max_length = int(facts["max_length"])
            head = load_file(self._folder / HEAD)
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(
                "{folder}: no model that marks ({error}); give the folder finished/model of a "
                "project",
                folder=self._folder,
                error=error,
            ) from None
        self._module = load(self._folder, len(self._task.classes), 0, "own", "characters")
        self._module.load_state_dict(head, strict=False)

    def __call__(self, texts: Sequence[str]) -> list[list[dict[str, Any]]]:
        """What is marked in each text.

        Args:
            texts: a list of them.

        Returns:
            Of each text `entity_group`, `word`, and `start` and `end` in characters, the last
            exclusive: as Transformers' pipeline of token classification names them.
        """
        found = self.answers(texts)
        return [
            [
                {
                    "entity_group": mark.kind,
                    "word": text[mark.start : mark.end],
                    "start": mark.start,
                    "end": mark.end,
                }
                for mark in parse(answer)
            ]
            for text, answer in zip(texts, found, strict=True)
        ]

    def answers(self, texts: Sequence[str]) -> list[str]:
        """The same as al_ray writes it: `0-3:PS 5-7:LC`, or `O`.

        Raises:
            TypeError: one text in place of several.
        """
        from al_ray.learners.encoder.predict import observe

        if isinstance(texts, str):
            raise TypeError("texts: give a list, such as [text]")
        if not texts:
            return []
        ids = tuple(str(number) for number in range(len(texts)))
        split = Split("train", ids, tuple(texts), np.full(len(ids), -1, np.int32))
        corpus = Corpus("texts", (), split, (), task=Tagging.name, few=False)
        with TemporaryDirectory() as cache:
            length = self._max_length
            places = Tagging.places()
            made = prepare(
                corpus, self._folder, "", length, Path(cache), places=places, aside=False
            )
            training = plain("stable", learning_rate=1e-4, max_length=length)
            tokens = Tokens(made.tokens)
            rows = np.flatnonzero(cast("NDArray[np.int64]", tokens.characters))
            raw = observe(self._module, tokens, rows, training) if len(rows) else None
        found = [NONE] * len(ids)  # what has no character that is read has nothing to mark
        if raw is not None:
            answers, _ = self._task.answered(self._task.believed(raw.logits, raw.units))
            for row, answer in zip(rows.tolist(), self._task.written(answers), strict=True):
                found[row] = answer
        return found
