"""Which rows are trained on and which are tested on: held out, dropped, thinned and limited.

What is drawn here belongs to the corpus, so its seed is always 0 and no trajectory changes it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from al_ray.corpus.by_article import split_by_article
from al_ray.corpus.rows import Corpus, Split
from al_ray.errors import CorpusError
from al_ray.language import mark, tr
from al_ray.randomness import keys, row_hashes

HOLDOUT_SHARE = 0.2
LARGEST_SHIFT = 0.1
_SEED = 0


def label_mix(split: Split, n_labels: int) -> NDArray[np.float64]:
    """The share of each label (n_labels,); sums to 1 where the split has rows."""
    counts = np.bincount(split.labels, minlength=n_labels)
    return np.asarray(counts / max(len(split), 1), np.float64)


def total_variation(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    """Half the L1 distance of two distributions (labels,): 0 if equal, 1 if disjoint."""
    return float(np.abs(p - q).sum() / 2)


def choose_tests(corpus: Corpus, test_split: str | None) -> Corpus:
    """The corpus with its main test first: the given one, or a seeded part of train.

    Args:
        corpus: as read.
        test_split: `given`, `holdout` (20 % of train leave it and become the test `holdout`; given
            tests stay behind it), or None: `given`, but `holdout` where there is no test or the
            label mix of train and of the main test differs by more than 0.1 (total variation).

    Raises:
        CorpusError: `given` without a test, another word, or under two labels left in train.
    """
    if test_split not in ("given", "holdout", None):
        raise CorpusError(
            "--test-split {given}: no such choice; use given or holdout", given=test_split
        )
    if not corpus.tests:
        if test_split == "given":
            raise CorpusError(
                "{name}: --test-split given, but there is no test; add a test file or "
                "use --test-split holdout",
                name=corpus.name,
            )
        return _hold_out(corpus, tr("No test is given") if test_split is None else None)
    if test_split == "holdout":
        return _hold_out(corpus, None)

    if not corpus.few:
        return corpus
    test = corpus.tests[0]
    n_labels = len(corpus.labels)
    shift = total_variation(label_mix(corpus.train, n_labels), label_mix(test, n_labels))
    if shift <= LARGEST_SHIFT:
        return corpus
    mixes = {"test": test.name, "shift": shift, "most": LARGEST_SHIFT}
    if test_split == "given":
        note = tr(
            "The label mix of train and {test} differs (total variation {shift:.2f}); {test} is "
            "the test as asked.",
            **mixes,
        )
        return replace(corpus, notes=(*corpus.notes, note))
    why = tr(
        "The label mix of train and {test} differs (total variation {shift:.2f}), more than {most}",
        **mixes,
    )
    return _hold_out(corpus, why)


def text_keys(split: Split) -> NDArray[np.uint64]:
    """64 bits of each text (rows,), equal where the texts are: in NFC, with white space folded.

    Syllables are the same text whether composed or not, as files of macOS and Windows differ.
    """
    return row_hashes(" ".join(unicodedata.normalize("NFC", text).split()) for text in split.texts)


def drop_leaked(corpus: Corpus) -> Corpus:
    """The corpus without the train rows whose text is in any test, as `text_keys` compares texts.

    Raises:
        CorpusError: under two labels left in train.
    """
    tested = np.concatenate([text_keys(test) for test in corpus.tests] or [np.empty(0, np.uint64)])
    leaked = np.isin(text_keys(corpus.train), tested)
    note = tr(
        "{n:,} of {of:,} train rows have the text of a test row and are left out (--drop-leaked).",
        n=leaked.sum(),
        of=len(leaked),
    )
    train = corpus.train.take(np.flatnonzero(~leaked)) if leaked.any() else corpus.train
    dropped = replace(corpus, train=train, notes=(*corpus.notes, note))
    return _checked(dropped, corpus, "--drop-leaked", mark("go without it, or with another test"))


def shares_of(words: Iterable[str]) -> dict[str, float]:
    """What `--imbalance` says, LABEL=SHARE a word: the share of its rows that each label keeps.

    Raises:
        CorpusError: a word of another form, or a label named twice.
    """
    shares: dict[str, float] = {}
    for word in words:
        label, _, number = word.rpartition("=")
        try:
            share = float(number)
        except ValueError:
            label, share = "", 0.0
        if not label or label in shares:
            raise CorpusError(
                "--imbalance {word}: not LABEL=SHARE, or a label named twice; write 스포츠=0.1",
                word=word,
            )
        shares[label] = share
    return shares


def thin(corpus: Corpus, shares: Mapping[str, float]) -> Corpus:
    """The corpus with only a share of the train rows of some labels; tests stay as they are.

    Which rows stay is drawn with a seed, so that a smaller share keeps a subset; a label keeps at
    least one row, and rows keep the order of the file.

    Args:
        corpus: with its tests chosen.
        shares: of the rows of each label named, above 0 and up to 1.

    Raises:
        CorpusError: a label that is not there, or a share out of range.
    """
    if not shares:
        return corpus
    if not corpus.few:
        raise CorpusError("--imbalance: rows have no one label of a few here; leave it out")
    train = corpus.train
    order = keys(row_hashes(train.row_ids), _SEED, 0, "imbalance")
    stays = np.ones(len(train), bool)
    said = []
    for label, share in shares.items():
        if label not in corpus.labels:
            raise CorpusError(
                "--imbalance {label}={share:g}: no label {label!r}; name one that is "
                "there: {labels}",
                label=label,
                share=share,
                labels=", ".join(corpus.labels),
            )
        if not 0 < share <= 1:
            raise CorpusError(
                "--imbalance {label}={share:g}: not a share; give a number above 0, up to 1",
                label=label,
                share=share,
            )
        rows = np.flatnonzero(train.labels == corpus.labels.index(label))
        most = max(1, round(share * len(rows)))
        stays[rows[np.argsort(order[rows], kind="stable")[most:]]] = False
        n = min(most, len(rows))
        said.append(tr("{n:,} of {of:,} rows of {label}", n=n, of=len(rows), label=label))
    note = tr(
        "Train keeps {rows} (--imbalance); {n:,} of {of:,} rows remain.",
        rows=", ".join(said),
        n=stays.sum(),
        of=len(stays),
    )
    return replace(corpus, train=train.take(np.flatnonzero(stays)), notes=(*corpus.notes, note))


def limit(corpus: Corpus, pool_limit: int | None, test_limit: int | None) -> Corpus:
    """At most so many rows of train and of each test, drawn with a seed, in file order.

    A smaller limit draws a subset of a larger one.

    Raises:
        CorpusError: a limit below 1, or under two labels left in train.
    """
    for option, most in (("--pool-limit", pool_limit), ("--test-limit", test_limit)):
        if most is not None and most < 1:
            raise CorpusError("{option} {n}: too few rows; give at least 1", option=option, n=most)
    notes = list(corpus.notes)

    def cut(split: Split, most: int | None, purpose: str) -> Split:
        if most is None or most >= len(split):
            return split
        note = tr(
            "{split}: {n:,} of {of:,} rows are used (--{option}).",
            split=split.name,
            n=most,
            of=len(split),
            option=purpose,
        )
        notes.append(note)
        return split.take(_drawn(split, most, purpose))

    train = cut(corpus.train, pool_limit, "pool-limit")
    tests = tuple(cut(test, test_limit, "test-limit") for test in corpus.tests)
    limited = replace(corpus, train=train, tests=tests, notes=tuple(notes))
    if pool_limit is None:
        return limited
    return _checked(limited, corpus, f"--pool-limit {pool_limit}", mark("raise the limit"))


def _drawn(split: Split, n: int, purpose: str) -> NDArray[np.int64]:
    """Positions (n,) of the rows with the smallest keys, ascending."""
    order = np.argsort(keys(row_hashes(split.row_ids), _SEED, 0, purpose), kind="stable")
    return np.sort(order[:n]).astype(np.int64)


def _hold_out(corpus: Corpus, why: str | None) -> Corpus:
    if corpus.groups:  # questions on one article help with each other
        return split_by_article(corpus, corpus.groups, HOLDOUT_SHARE, _SEED)
    train = corpus.train
    held = _drawn(train, max(1, round(HOLDOUT_SHARE * len(train))), "holdout")
    rest = np.setdiff1d(np.arange(len(train)), held)
    note = tr(
        "{n:,} of {of:,} train rows are held out as the test 'holdout'", n=len(held), of=len(train)
    )
    if corpus.tests:
        names = ", ".join(test.name for test in corpus.tests)
        note = tr(
            "{held_out}, and {tests} is evaluated too under its own name",
            held_out=note,
            tests=names,
        )
    note = f"{why}: {note}." if why else f"{note}."
    divided = replace(
        corpus,
        train=train.take(rest),
        tests=(train.take(held, "holdout"), *corpus.tests),
        notes=(*corpus.notes, note),
    )
    return _checked(divided, corpus, "--test-split holdout", mark("give a test file or more rows"))


def _checked(after: Corpus, before: Corpus, option: str, remedy: str) -> Corpus:
    """`after`, with a note on labels that train lost on the way from `before`."""
    left = np.unique(after.train.labels)
    if len(left) < 2:
        raise CorpusError(
            "{name}: {option} leaves {rows:,} train rows with {n} label, and a study "
            "needs two; {remedy}",
            name=after.name,
            option=option,
            rows=len(after.train),
            n=len(left),
            remedy=tr(remedy),
        )
    lost = [after.labels[i] for i in np.setdiff1d(np.unique(before.train.labels), left)]
    if not lost or not after.few:
        return after
    note = tr(
        "Train keeps no row of the label {labels} ({option}).",
        labels=", ".join(lost),
        option=option,
    )
    return replace(after, notes=(*after.notes, note))
