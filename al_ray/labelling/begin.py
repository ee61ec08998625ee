"""What a project is made of: the words of a study, for one trajectory that people answer."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from al_ray.corpus.rows import Corpus, Split
from al_ray.corpus.tokens.prepared import prepare
from al_ray.errors import UserError
from al_ray.io.files import is_temporary
from al_ray.labelling.asked.batches import audit_of, reserve_of
from al_ray.labelling.files import write_text
from al_ray.labelling.project import FILE, GUIDELINE, Facts, Project, unlabelled
from al_ray.learners.encoder import rates
from al_ray.learners.encoder.source import HUB, ModelSource, has_dropout, has_weights, resolve
from al_ray.loop.record import record_rows
from al_ray.results import Store
from al_ray.strategies import split
from al_ray.study.config import StudyConfig
from al_ray.study.grid import Encoder, trajectories
from al_ray.study.knobs import check
from al_ray.study.learner import Head, Source
from al_ray.study.training import Recipe, plain
from al_ray.tasks import TASKS
from al_ray.tasks.classification import Classification
from al_ray.tasks.tagging import Tagging

SIZE = 50
STRATEGY = {Classification.name: "margin", Tagging.name: "mnlp"}
"""Of each task that people can be asked of."""

ZWJ = "\u200d"
"""What holds several signs of an emoji together."""

FEWEST = 10
"""Labels a batch, of which one is drawn at random."""


def begin(
    folder: Path,
    train: Split,
    labels: Sequence[str],
    model: str,
    strategy: str = "",
    size: int = SIZE,
    head: Head | None = None,
    first: str | None = None,
    seed: int = 0,
    training: Mapping[str, Any] | None = None,
    guideline: str = "",
    like: str = "",
    task: str = Classification.name,
) -> Project:
    """Make a project.

    Args:
        folder: new.
        train: texts.
        labels: two or more, in the order of the number keys.
        model: as `--model`.
        strategy: as `--strategies` has one; '': that of STRATEGY.
        size: labels a batch, one in ten of them of rows drawn at random.
        head: None: frozen where the encoder is pretrained and the task lets it, since a batch is
            then chosen in seconds.
        first: None: `diverse` where the encoder is pretrained and the head is frozen, or cannot be.
        seed: of all that is drawn.
        training: knobs of `Training` that were given.
        guideline: for annotators.
        like: the study that this follows.
        task: a key of `STRATEGY`.

    Raises:
        UserError: labels, sizes or a strategy that cannot be, or something is in the folder.
    """
    labels = [unicodedata.normalize("NFC", label) for label in labels]
    _check(labels, size, len(train), task)
    if Path(model).expanduser().is_dir():  # wherever the next command is given
        model = str(Path(model).expanduser().resolve())
    few = audit_of(size)
    chosen = size - few
    reserve = reserve_of(len(train), size)
    rate = dict(training or {}).get("learning_rate", rates.learning_rate(model))
    recipe: Recipe = "seed" if model in HUB else "stable"
    how = plain(**{"recipe": recipe, "learning_rate": rate, **(training or {})})
    if how.precision == "auto":
        how = replace(how, precision="float32")

    check_new(folder)
    folder.mkdir(parents=True, exist_ok=True)
    store, name = Store(folder), folder.resolve().name
    corpus = unlabelled(name, task, labels, train)
    source = resolve(model, corpus, store.cache)
    can_freeze, is_pretrained = TASKS[task].frozen, has_weights(source.folder)
    head = head or ("frozen" if is_pretrained and can_freeze else "fine-tuned")
    tells_first = is_pretrained and (head == "frozen" or not can_freeze)
    study = StudyConfig(
        strategies=(strategy or STRATEGY[task],),
        model=model,
        training=how,
        rates=rates.committee_rates(model, rate),
        seeds=(seed,),
        heads=(head,),
        step_sizes=(chosen,),
        initial=chosen,
        steps=max(1, (len(train) - reserve) // chosen),
        validation=reserve,
    )
    made = trajectories(study, _named(corpus), _encoder(source, task), len(train))
    wanted = (head, split(strategy or STRATEGY[task])[0])
    (config,) = (each for each in made if (each.learner.head, each.strategy) == wanted)
    places = TASKS[task].places()
    prepared = prepare(
        corpus, source.folder, source.digest, how.max_length, store.cache, places=places
    )
    record_rows(store, corpus, prepared.tokens)
    facts = Facts(
        name=name,
        labels=tuple(labels),
        model=model,
        size=size,
        first=first or ("diverse" if tells_first else "random"),
        task=task,
        trajectory=config.to_json(),
        like=like,
    )
    if guideline:
        write_text(folder / GUIDELINE, guideline)
    # Last: without it there is no project.
    write_text(folder / FILE, json.dumps(asdict(facts), ensure_ascii=False, indent=1) + "\n")
    return Project(folder)


def check_new(folder: Path) -> None:
    """Refuse a folder with anything in it but what an interrupted beginning leaves.

    Raises:
        UserError: there is something.
    """
    if not folder.exists():
        return
    ours = ("cache", "rows", GUIDELINE)
    if folder.is_dir() and all(
        path.name in ours or is_temporary(path) for path in folder.iterdir()
    ):
        return
    if (folder / FILE).exists():
        raise UserError(
            "{folder}: is a project already; go on with: al-ray label next {folder}", folder=folder
        )
    raise UserError("{folder}: there is something already; give a new folder", folder=folder)


def _named(corpus: Corpus) -> Source:
    return Source(name=corpus.name, digest=corpus.digest)


def _encoder(source: ModelSource, name: str) -> Encoder:
    """What a grid must know of it."""
    task = TASKS[name]
    return Encoder(
        Source(name=source.name, digest=source.digest),
        has_dropout(source.folder),
        has_weights(source.folder),
        task.gives,
        task.frozen,
        task.name,
    )


def _check(labels: Sequence[str], size: int, rows: int, task: str) -> None:
    check(
        task in STRATEGY,
        "--task {task}: people label one of {known}; give one of these",
        task=task,
        known=", ".join(STRATEGY),
    )
    if TASKS[task].few:
        check(len(labels) > 1, "--labels: give two or more, such as --labels 긍정 부정")
    else:
        spaced = [label for label in labels if len(label.split()) != 1 or ":" in label]
        check(
            not spaced,
            "--labels: {label!r} has a blank or a colon, which stand between marks; write it "
            "without, such as PS LC OG",
            label=(spaced or [""])[0],
        )
    twice = [label for label in labels if list(labels).count(label) > 1]
    check(not twice, "--labels: {label!r} is there twice; drop one", label=(twice or [""])[0])
    wrong = [
        label
        for label in labels
        if not label or label != label.strip() or not label.replace(ZWJ, "").isprintable()
    ]
    check(
        not wrong,
        "--labels: {label!r} has blanks around it, or a character that cannot be seen; write it "
        "without",
        label=(wrong or [""])[0],
    )
    check(
        size >= FEWEST,
        "--step-size {size}: give {least} or more, of which one is drawn at random",
        size=size,
        least=FEWEST,
    )
    if rows < 2 * size:
        raise UserError(
            "--step-size {size}: only {rows:,} texts; give less, so that there are two batches",
            size=size,
            rows=rows,
        )
