"""What a project comes to: labelled rows, a model, and its answers to all other rows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from al_ray.corpus.tokens.prepared import Tokens
from al_ray.errors import UserError
from al_ray.labelling.advance import alone, device, prepared
from al_ray.labelling.answers.log import Word, consensus, measured_by
from al_ray.labelling.files import write_csv, write_text
from al_ray.labelling.project import Project
from al_ray.labelling.status import Measured, wilson

FOLDER = "finished"

SPREAD = 0.4
"""Of the logarithm of temperatures, before any row is seen."""


@dataclass(frozen=True)
class Finished:
    """What was written.

    Attributes:
        folder: of all.
        labelled: rows with people's answer.
        learnt: of these, that the model learnt.
        measured: the model on the others, which were drawn at random.
        temperature: by which its logits are divided (Guo et al. 2017).
        predicted: rows that it answered.
    """

    folder: Path
    labelled: int
    learnt: int
    measured: Measured
    temperature: float
    predicted: int


def finish(project: Project, said: Callable[[str], None] = lambda _: None) -> Finished:
    """Fine-tune the encoder on what was chosen and answered, measure it, and write all.

    The model has the encoder's own pooling, so that `transformers.pipeline` can open it, whatever
    chose the rows. Rows that were drawn at random are not learnt: they measure this very model.

    Args:
        project: with answers.
        said: told of what is being done.

    Raises:
        UserError: too little was answered.
    """
    import torch

    from al_ray.learners.encoder.fit import fit
    from al_ray.learners.encoder.head import classifier
    from al_ray.learners.encoder.load import load
    from al_ray.learners.encoder.predict import logits

    with alone(project):
        word = project.word  # once: people go on meanwhile
        labelled = consensus(word)
        agreed = labelled | measured_by(word, project.ids(project.reserve))
        names, ids = list(project.facts.labels), project.corpus.train.row_ids
        codes = np.array([names.index(agreed[i]) if i in agreed else -1 for i in ids], np.int32)
        audit = np.zeros(len(ids), np.bool_)
        audit[project.reserve] = True
        learnt = np.flatnonzero((codes >= 0) & ~audit)
        measured_on = np.flatnonzero((codes >= 0) & audit)
        if len(set(codes[learnt].tolist())) < 2:
            raise UserError(
                "{folder}: answers of two labels at least are needed; label more rows",
                folder=project.folder,
            )
        made, source = prepared(project)
        tokens = Tokens(made.tokens)
        training = replace(project.config.learner.training, pooling="own")
        module = load(source.folder, len(names), project.config.seed, "own").to(device())
        said("learning")
        fit(
            module, tokens, learnt, codes[learnt], training, training.learning_rate,
            project.config.seed, 0, project.task,
        )  # fmt: skip
        said("answering")
        every = logits(module, tokens, np.arange(len(ids)), training).astype(np.float64)
        right = int((every[measured_on].argmax(axis=1) == codes[measured_on]).sum())
        n = len(measured_on)
        low, high = wilson(right, n)
        measured = Measured(len(labelled), n, right / n if n else float("nan"), low, high)
        temperature = temperature_of(every[measured_on], codes[measured_on])
        with torch.no_grad():  # so that whoever opens it has the same confidence
            for part in classifier(module).parameters():
                part.div_(temperature)
        out = project.folder / FOLDER
        (out / "model").mkdir(parents=True, exist_ok=True)
        for path in source.folder.iterdir():
            if path.is_file() and path.suffix not in (".bin", ".safetensors", ".h5", ".msgpack"):
                shutil.copyfile(path, out / "model" / path.name)
        module.config.id2label = dict(enumerate(names))  # type: ignore[union-attr]
        module.config.label2id = {name: code for code, name in enumerate(names)}  # type: ignore[union-attr]
        module.cpu().save_pretrained(out / "model")  # type: ignore[operator]
        others = np.array([row for row, i in enumerate(ids) if i not in labelled], np.int64)
        found = Finished(out, len(labelled), len(learnt), measured, temperature, len(others))
        card = card_of(project, found, training.learning_rate)
        for path in (out / "README.md", out / "model" / "README.md"):
            write_text(path, card)
        _write_labelled(project, out / "labelled.csv", word, audit)
        shares = _shares(every / temperature)
        _write_predictions(project, out / "predictions.csv", others, shares[others])
    return found


def temperature_of(logits: NDArray[np.float64], codes: NDArray[np.int32]) -> float:
    """What makes these rows likeliest (Guo et al. 2017), drawn to 1 where they are few.

    Its logarithm is taken to be normal around 0 with deviation `SPREAD`: of five rows that are all
    right, the likeliest one would be 0, which makes every answer certain.

    Args:
        logits: (rows, labels), which no model has learnt.
        codes: (rows,) their labels.
    """
    from scipy.optimize import minimize_scalar

    if not len(codes):
        return 1.0

    def loss(logarithm: float) -> float:
        told = _shares(logits / np.exp(logarithm))[np.arange(len(codes)), codes]
        likelihood = float(np.log(np.maximum(told, 1e-300)).sum())
        return (logarithm / SPREAD) ** 2 / 2 - likelihood

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def _shares(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _write_labelled(project: Project, path: Path, word: Word, audit: NDArray[np.bool_]) -> None:
    agreed = consensus(word)  # what people do not agree on has no label
    lines: list[list[object]] = [["row_id", "text", "label", "annotators", "drawn_at_random"]]
    for row, (row_id, text) in enumerate(project.texts.items()):
        if row_id in agreed:
            who = sum(said.state == "answered" for said in word[row_id].values())
            lines.append([row_id, text, agreed[row_id], who, int(audit[row])])
    write_csv(path, lines)


def _write_predictions(
    project: Project, path: Path, rows: NDArray[np.int64], shares: NDArray[np.float64]
) -> None:
    names, ids, texts = project.facts.labels, project.corpus.train.row_ids, project.texts
    lines: list[list[object]] = [["row_id", "text", "prediction", "confidence"]]
    best = shares.argmax(axis=1)
    for row, code, share in zip(rows.tolist(), best.tolist(), shares.max(axis=1), strict=True):
        lines.append([ids[row], texts[ids[row]], names[code], f"{share:.4f}"])
    write_csv(path, lines)


def card_of(project: Project, found: Finished, rate: float) -> str:
    """The model card: what was done, and how good it is."""
    facts, config, at = project.facts, project.config, found.measured
    accuracy = (
        f"{100 * at.accuracy:.1f} % of {at.rows} texts that were drawn at random and that it did "
        f"not learn (95 %: {100 * at.low:.1f} to {100 * at.high:.1f} %), as people answered them"
        if at.rows
        else "not measured: no text that was drawn at random has an answer"
    )
    training = config.learner.training
    return f"""---
pipeline_tag: text-classification
library_name: transformers
---
# {facts.name}

Tells {len(facts.labels)} labels apart: {", ".join(facts.labels)}.

- **Accuracy**: {accuracy}.
- **Learnt from** {found.learnt} labelled texts, chosen by `{config.spec}` in batches of
  {facts.size}, of which one in ten was drawn at random and kept for measuring.
- **Encoder**: `{config.learner.model.name}`, fine-tuned with learning rate {rate:g}, batches of
  {training.batch_size}, {training.epochs} epochs, at least {training.min_updates} updates,
  texts cut at {training.max_length} tokens.
- **Confidence**: the last layer is divided by {found.temperature:.3f}, fitted on {at.rows} texts
  drawn at random; how well it is calibrated was not measured.

    from transformers import pipeline
    classify = pipeline(
        "text-classification", model="model", truncation=True, max_length={training.max_length}
    )

Made with al_ray.
"""
