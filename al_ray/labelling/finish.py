"""What a project comes to: labelled rows, a model, and its answers to all other rows."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from al_ray.corpus.tokens.prepared import Progress, Tokens
from al_ray.errors import UserError
from al_ray.labelling.advance import alone, device, prepared
from al_ray.labelling.answers.log import Word, consensus, measured_by
from al_ray.labelling.files import write_csv, write_text
from al_ray.labelling.project import Project
from al_ray.labelling.status import Measured, wilson
from al_ray.labelling.tagger import save
from al_ray.strategies import log_softmax
from al_ray.workers import chunks

if TYPE_CHECKING:
    import torch

FOLDER = "finished"

AT_ONCE = 512
"""Rows that are answered before anything is said of progress."""

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


def finish(
    project: Project, fitting: Progress | None = None, answering: Progress | None = None
) -> Finished:
    """Fine-tune the encoder on what was chosen and answered, measure it, and write all.

    The model has the encoder's own pooling, so that `transformers.pipeline` can open it, whatever
    chose the rows. Rows that were drawn at random are not learnt: they measure this very model.

    Args:
        project: with answers.
        fitting, answering: told of updates, and of rows.

    Raises:
        UserError: too little was answered.
    """
    from al_ray.learners.encoder.fit import fit
    from al_ray.learners.encoder.load import load
    from al_ray.learners.encoder.predict import observe

    with alone(project):
        word, task = project.word, project.task  # once: people go on meanwhile
        labelled = consensus(word)
        agreed = labelled | measured_by(word, project.ids(project.reserve))
        ids = project.corpus.train.row_ids
        answers = np.array([agreed.get(row) for row in ids], object)
        known = np.array([row in agreed for row in ids], np.bool_)
        audit = np.zeros(len(ids), np.bool_)
        audit[project.reserve] = True
        learnt, measured_on = np.flatnonzero(known & ~audit), np.flatnonzero(known & audit)
        if task.few and len(set(answers[learnt].tolist())) < 2:
            raise UserError(
                "{folder}: answers of two labels at least are needed; label more rows",
                folder=project.folder,
            )
        if not any(map(task.marks, answers[learnt])):
            raise UserError(
                "{folder}: no answer marks anything, which teaches nothing; label more rows",
                folder=project.folder,
            )
        training = replace(project.config.learner.training, pooling="own")
        if fitting is not None:  # loading takes its time, too
            fitting(0, training.updates_for(len(learnt)))
        made, source = prepared(project)
        tokens, seed = Tokens(made.tokens), project.config.seed
        module = load(source.folder, len(task.classes), seed, "own", task.head).to(device())
        fit(
            module, tokens, learnt, task.read(answers[learnt]), training, training.learning_rate,
            seed, 0, task, fitting,
        )  # fmt: skip
        on_them = observe(module, tokens, measured_on, training) if len(measured_on) else None
        scores, temperature = np.empty(0), 1.0
        if on_them is not None:
            told = task.believed(on_them.logits, on_them.units)
            right = task.read(answers[measured_on])
            texts = [project.corpus.train.texts[row] for row in measured_on]
            scores = task.evaluated(told, right, texts).scores
            if task.few:
                temperature = temperature_of(on_them.logits.astype(np.float64), right)
        n = len(scores)
        low, high = wilson(float(scores.sum()), n)
        share = float(scores.mean()) if n else float("nan")
        measured = Measured(len(labelled), n, share, low, high)
        out = project.folder / f".{FOLDER}"  # what was there stays until all of it is made
        shutil.rmtree(out, ignore_errors=True)
        (out / "model").mkdir(parents=True)
        for path in source.folder.iterdir():
            if path.is_file() and path.suffix not in (".bin", ".safetensors", ".h5", ".msgpack"):
                shutil.copyfile(path, out / "model" / path.name)
        others = np.array([row for row, i in enumerate(ids) if i not in labelled], np.int64)
        predicted, confidence = list[str](), list[float]()
        for rows in chunks(others, AT_ONCE):
            raw = observe(module, tokens, rows, training)
            # As whoever opens it computes it.
            told = task.believed((raw.logits / temperature).astype(np.float32), raw.units)
            found_in, shares = task.answered(told)
            predicted += task.written(found_in)
            confidence += shares.tolist()
            if answering is not None:
                answering(len(predicted), len(others))
        if task.few:
            _save_classifier(module, task.classes, temperature, out / "model")
        else:
            save(module, task.classes, training.max_length, out / "model")
        there = project.folder / FOLDER
        found = Finished(there, len(labelled), len(learnt), measured, temperature, len(others))
        card = card_of(project, found, training.learning_rate)
        for path in (out / "README.md", out / "model" / "README.md"):
            write_text(path, card)
        _write_labelled(project, out / "labelled.csv", word, audit)
        _write_predictions(project, out / "predictions.csv", others, predicted, confidence)
        _move(out, there)
    return found


def _move(made: Path, there: Path) -> None:
    """Put files in the place of those of before; what else somebody has put there stays."""
    for path in sorted(made.rglob("*")):
        if path.is_file():
            into = there / path.relative_to(made)
            into.parent.mkdir(parents=True, exist_ok=True)
            path.replace(into)
    shutil.rmtree(made)


def _save_classifier(
    module: torch.nn.Module, names: Sequence[str], temperature: float, folder: Path
) -> None:
    """As Transformers opens it, with the confidence that was fitted."""
    import torch

    from al_ray.learners.encoder.head import classifier

    with torch.no_grad():
        for part in classifier(module).parameters():
            part.div_(temperature)
    config: Any = module.config
    config.id2label = dict(enumerate(names))
    config.label2id = {name: code for code, name in enumerate(names)}
    cast(Any, module.cpu()).save_pretrained(folder)


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
        told = log_softmax(logits / np.exp(logarithm))[np.arange(len(codes)), codes]
        likelihood = float(told.sum())
        return (logarithm / SPREAD) ** 2 / 2 - likelihood

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def _write_labelled(project: Project, path: Path, word: Word, audit: NDArray[np.bool_]) -> None:
    agreed = consensus(word)  # what people do not agree on has no label
    lines: list[list[object]] = [["row_id", "text", "label", "annotators", "drawn_at_random"]]
    for row, (row_id, text) in enumerate(project.texts.items()):
        if row_id in agreed:
            who = sum(said.state == "answered" for said in word[row_id].values())
            lines.append([row_id, text, agreed[row_id], who, int(audit[row])])
    write_csv(path, lines)


def _write_predictions(
    project: Project,
    path: Path,
    rows: NDArray[np.int64],
    answers: Sequence[str],
    confidence: Sequence[float],
) -> None:
    ids, texts = project.corpus.train.row_ids, project.texts
    lines: list[list[object]] = [["row_id", "text", "prediction", "confidence"]]
    for row, answer, share in zip(rows.tolist(), answers, confidence, strict=True):
        said = f"{share:.4f}" if share > 0.001 else f"{share:.2g}"
        lines.append([ids[row], texts[ids[row]], answer, said])
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
    training, few = config.learner.training, project.task.few
    updates = training.updates_for(found.learnt)
    if few:
        kind, what = "text-classification", f"Tells {len(facts.labels)} labels apart"
        confidence = f"""the last layer is divided by {found.temperature:.3f}, fitted on {at.rows}
  texts drawn at random; how well it is calibrated was not measured"""
        use = f"""    from transformers import pipeline
    classify = pipeline(
        "text-classification", model="model", truncation=True, max_length={training.max_length}
    )"""
    else:
        kind, what = "token-classification", f"Marks {len(facts.labels)} kinds of entities"
        confidence = "the probability of all of a text's tags together; not calibrated"
        use = """    from al_ray.labelling.tagger import Tagger
    mark = Tagger("model")"""
    score = "Accuracy" if few else "F1 of entities (bounds and kind, mean over texts)"
    return f"""---
pipeline_tag: {kind}
library_name: {"transformers" if few else "al_ray"}
---
# {facts.name}

{what}: {", ".join(facts.labels)}.

- **{score}**: {accuracy}.
- **Learnt from** {found.learnt} labelled texts that `{config.spec}` chose; one text in ten was
  drawn at random instead, and kept for measuring.
- **Encoder**: `{config.learner.model.name}` with its own pooling, fine-tuned with learning rate
  {rate:g} in {updates:,} updates of {training.batch_size} texts, which are cut at
  {training.max_length} tokens.
- **Confidence**: {confidence}.

{use}

Made with al_ray.
"""
