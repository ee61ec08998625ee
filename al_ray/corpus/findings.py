"""What is in a corpus, and what is wrong with it: counts, examples and remedies.

Texts are compared as `splits.text_keys` does: in NFC, with white space folded.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from al_ray.corpus.facts import WORST_FIRST, Cut, Example, Findings, Lengths, Problem, SplitFacts
from al_ray.corpus.rows import Corpus, Split
from al_ray.corpus.splits import LARGEST_SHIFT, label_mix, text_keys, total_variation
from al_ray.language import tr

RARE = 10
"""Rows of train under which a label is called rare."""
HUGE = 1_000_000
"""Characters over which a text is called huge."""
CUT = 0.05
"""Share of texts cut at the maximum length over which that is a problem."""

_EXAMPLES, _EXCERPT = 3, 30


def findings(
    corpus: Corpus,
    tokens: Mapping[str, NDArray[np.int64]] | None = None,
    max_length: int | None = None,
    windows: bool = False,
) -> Findings:
    """What is in a corpus and what is wrong with it; the corpus is not changed.

    Args:
        corpus: as read, or as a study is about to use it.
        tokens: lengths of some texts of each split, from `token_lengths`.
        max_length: tokens that texts are going to be cut to; needed with `tokens`.
        windows: whether longer texts are read in windows of so many, and not cut.
    """
    texts = [text_keys(split) for split in corpus.splits]
    facts: list[SplitFacts] = []
    problems: list[Problem] = []
    labels = corpus.labels if corpus.few else ()
    train_mix = label_mix(corpus.train, len(corpus.labels))
    for split, hashes in zip(corpus.splits, texts, strict=True):
        repeats = _Repeats(split, hashes, corpus.few)
        empty = corpus.left_out.get(split.name, ())
        lengths = np.array([len(text) for text in split.texts], np.int64)
        cut = None
        if tokens is not None and max_length is not None:
            counted = tokens[split.name]
            share = float((counted > max_length).mean()) if len(counted) else 0.0
            cut = Cut(len(counted), Lengths.of(counted), share)
        mix = label_mix(split, len(corpus.labels))
        fact = SplitFacts(
            name=split.name,
            rows=len(split) + len(empty),
            empty=len(empty),
            duplicates=len(repeats.later) + max(0, len(empty) - 1),
            repeated=len(repeats.later),
            labels=tuple(np.bincount(split.labels, minlength=len(corpus.labels)).tolist())
            if labels
            else (),
            shift=total_variation(train_mix, mix) if labels else 0.0,
            characters=Lengths.of(lengths),
            tokens=cut,
        )
        facts.append(fact)
        cut_to = None if windows else max_length
        problems += _of_a_split(split, fact, empty, repeats, lengths, cut_to)
        if labels and len(split):
            problems += _of_labels(corpus, fact, is_train=split is corpus.train)
    for test, hashes in zip(corpus.tests, texts[1:], strict=True):
        problems += _leaked(corpus.train, texts[0], test, hashes, corpus.few)
    if not corpus.tests:
        problems.append(
            Problem(
                "no test",
                "train",
                0,
                tr("There is no test"),
                tr(
                    "a study holds out a part of train, unless a file test.* is beside it or "
                    "--test names one"
                ),
            )
        )
    problems.sort(key=lambda problem: WORST_FIRST.index(problem.kind))
    return Findings(corpus.name, labels, tuple(facts), tuple(problems))


class _Repeats:
    """Which rows of a split have the same text.

    Attributes:
        later: positions of the rows whose text an earlier row has.
        first: for each row, the position of the first one with its text.
        conflicting: positions of the rows whose text has another label elsewhere in the split.
    """

    def __init__(self, split: Split, hashes: NDArray[np.uint64], few: bool) -> None:
        _, index, inverse = np.unique(hashes, return_index=True, return_inverse=True)
        self.first = index[inverse]
        self.later = np.flatnonzero(self.first != np.arange(len(hashes)))
        other = self.later[_differ(split, self.later, split, self.first[self.later], few)]
        in_conflict = np.zeros(len(index), bool)
        in_conflict[inverse[other]] = True
        self.texts_in_conflict = int(in_conflict.sum())
        self.other = other
        self.conflicting = np.flatnonzero(in_conflict[inverse])


def _of_a_split(
    split: Split,
    fact: SplitFacts,
    empty: tuple[str, ...],
    repeats: _Repeats,
    lengths: NDArray[np.int64],
    max_length: int | None,
) -> list[Problem]:
    name, rows = split.name, len(split)
    found = []
    if count := len(repeats.conflicting):
        remedy = tr("correct their labels, or expect that share of errors")
        of_test = tr("correct their labels, or expect that share of errors whatever is learnt")
        found.append(
            Problem(
                "conflicting",
                name,
                count,
                tr(
                    "{split}: {texts:,} texts have two labels or more ({n:,} rows)",
                    split=name,
                    texts=repeats.texts_in_conflict,
                    n=count,
                ),
                remedy if name == "train" else of_test,
                _pairs(split, repeats.first, repeats.other),
            )
        )
    if fact.duplicates:
        counts = {"split": name, "n": fact.duplicates, "of": fact.rows}
        empty_ones = fact.duplicates - fact.repeated
        message = tr("{split}: {n:,} of {of:,} rows repeat the text of an earlier row", **counts)
        if empty_ones:
            message = tr(
                "{split}: {n:,} of {of:,} rows repeat the text of an earlier row, {empty:,} of "
                "them empty",
                empty=empty_ones,
                **counts,
            )
        found.append(
            Problem(
                "duplicates",
                name,
                fact.duplicates,
                message,
                tr(
                    "each copy costs a label; keep one of each, and use --drop-leaked with a "
                    "hold-out"
                )
                if name == "train"
                else tr("copies count more than once in the accuracy; keep one of each"),
                _pairs(split, repeats.first, repeats.later),
            )
        )
    if len(huge := np.flatnonzero(lengths > HUGE)):
        found.append(
            Problem(
                "huge",
                name,
                len(huge),
                tr(
                    "{split}: {n:,} texts have more than {most:,} characters (the longest "
                    "{longest:,})",
                    split=name,
                    n=len(huge),
                    most=HUGE,
                    longest=lengths.max(),
                ),
                tr("they are kept, and cut to the maximum length; look whether lines ran together"),
                tuple(
                    Example((split.row_ids[row],), _excerpt(split.texts[row]))
                    for row in huge[:_EXAMPLES]
                ),
            )
        )
    if fact.tokens is not None and max_length is not None and fact.tokens.share > CUT:
        found.append(
            Problem(
                "cut",
                name,
                round(fact.tokens.share * fact.tokens.sampled),
                tr(
                    "{split}: {share:.1f} % of {of:,} texts looked at are longer than {most:,} "
                    "tokens, and cut",
                    split=name,
                    share=100 * fact.tokens.share,
                    of=fact.tokens.sampled,
                    most=max_length,
                ),
                tr("raise --max-length (95 % have up to {n:,} tokens)", n=fact.tokens.lengths.most),
            )
        )
    if empty:
        found.append(
            Problem(
                "empty",
                name,
                len(empty),
                tr(
                    "{split}: {n:,} of {of:,} rows have an empty text and are left out",
                    split=name,
                    n=len(empty),
                    of=fact.rows,
                ),
                tr("nothing need be done")
                if rows > len(empty)
                else tr("name another --text-column"),
                tuple(Example((row,), "") for row in empty[:_EXAMPLES]),
            )
        )
    return found


def _of_labels(corpus: Corpus, fact: SplitFacts, is_train: bool) -> list[Problem]:
    found = []
    counts = dict(zip(corpus.labels, fact.labels, strict=True))
    if missing := [label for label, count in counts.items() if not count]:
        found.append(
            Problem(
                "missing label",
                fact.name,
                len(missing),
                tr(
                    "{split} has no row of the label {labels}",
                    split=fact.name,
                    labels=_some(missing),
                ),
                tr("it can never be learnt; add rows")
                if is_train
                else tr("what is measured says nothing about it; add rows"),
            )
        )
    rare = {label: count for label, count in counts.items() if 0 < count < RARE}
    if is_train and rare:
        said = _some([f"{label} ({count})" for label, count in rare.items()])
        found.append(
            Problem(
                "rare label",
                fact.name,
                len(rare),
                tr(
                    "{split} has fewer than {n} rows of the label {labels}",
                    split=fact.name,
                    n=RARE,
                    labels=said,
                ),
                tr("it will hardly be learnt; add rows or join it with another"),
            )
        )
    if fact.shift > LARGEST_SHIFT:
        main = fact.name == corpus.tests[0].name
        train = label_mix(corpus.train, len(corpus.labels))
        mix = np.array(fact.labels) / max(1, sum(fact.labels))
        most = int(np.abs(mix - train).argmax())
        found.append(
            Problem(
                "shifted",
                fact.name,
                sum(fact.labels),
                tr(
                    "The label mix of train and {split} differs (total variation {shift:.2f}); "
                    "most {label}, {train:.1f} % against {test:.1f} %",
                    split=fact.name,
                    shift=fact.shift,
                    label=corpus.labels[most],
                    train=100 * train[most],
                    test=100 * mix[most],
                ),
                tr(
                    "a study takes a hold-out of train as its test, unless --test-split given is "
                    "said"
                )
                if main
                else tr("read its accuracy with that in mind"),
            )
        )
    return found


def _differ(
    split: Split, rows: NDArray[np.int64], other: Split, twins: NDArray[np.int64], few: bool
) -> NDArray[np.bool_]:
    """Whether rows of one text have other answers; places in a text count as it is written."""
    differ: NDArray[np.bool_] = split.labels[rows] != other.labels[twins]
    if few:
        return differ
    pairs = zip(rows, twins, strict=True)
    same = [split.texts[row] == other.texts[twin] for row, twin in pairs]
    return differ & np.array(same, np.bool_)


def _leaked(
    train: Split,
    hashes: NDArray[np.uint64],
    test: Split,
    tested: NDArray[np.uint64],
    few: bool,
) -> list[Problem]:
    leaked = np.flatnonzero(np.isin(hashes, tested))
    if not len(leaked):
        return []
    order = np.argsort(tested, kind="stable")
    twins = order[np.searchsorted(tested[order], hashes[leaked])]
    other = int(_differ(train, leaked, test, twins, few).sum())
    examples = tuple(
        Example((train.row_ids[row], test.row_ids[twin]), _excerpt(train.texts[row]))
        for row, twin in zip(leaked[:_EXAMPLES], twins[:_EXAMPLES], strict=True)
    )
    return [
        Problem(
            "leaked",
            test.name,
            len(leaked),
            tr(
                "{n:,} of {of:,} train rows have the text of a row of {test} ({other:,} with "
                "another label)",
                n=len(leaked),
                of=len(train),
                test=test.name,
                other=other,
            ),
            tr("--drop-leaked leaves them out"),
            examples,
        )
    ]


def _pairs(split: Split, first: NDArray[np.int64], later: NDArray[np.int64]) -> tuple[Example, ...]:
    """The first row of a text with a later one, of different texts."""
    _, shown = np.unique(first[later], return_index=True)
    return tuple(
        Example((split.row_ids[first[row]], split.row_ids[row]), _excerpt(split.texts[row]))
        for row in later[np.sort(shown)[:_EXAMPLES]]
    )


def _excerpt(text: str) -> str:
    """The beginning of a text, with nothing in it that a terminal would obey."""
    line = " ".join(text[: 4 * _EXCERPT].split())
    shown = "".join(character if character.isprintable() else "·" for character in line)
    return shown if len(shown) <= _EXCERPT and len(text) <= 4 * _EXCERPT else shown[:_EXCERPT] + "…"


def _some(names: list[str], most: int = 8) -> str:
    said = ", ".join(names[:most])
    return tr("{names} and {n:,} more", names=said, n=len(names) - most) if names[most:] else said
