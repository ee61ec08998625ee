"""How right an answer is that is a text, against the gold answers; each score is in 0 … 1.

For all of them: of several gold answers the one counts that gives most; '' says that there is no
answer, which has 1 where there is no gold answer and 0 where there is one.
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher

_QUOTES = str.maketrans(dict.fromkeys("'\"《》<>〈〉()‘’", " "))
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalised(text: str) -> str:
    """As KorQuAD 1.0 compares answers (Lim, Kim & Lee 2019, `evaluate-v1.0.py`).

    Quotes and brackets become blanks, letters lower case; other ASCII punctuation goes; white space
    folds. Full-width punctuation and decomposed syllables stay as they are.
    """
    return " ".join(text.translate(_QUOTES).lower().translate(_PUNCTUATION).split())


def exact(given: str, gold: Sequence[str]) -> float:
    """1 if the answer is a gold one, as `normalised` has them."""
    return _largest(lambda a, b: float(a == b), given, gold)


def f1(given: str, gold: Sequence[str]) -> float:
    """KorQuAD 1.0's F1 of the multisets of characters without blanks, as `normalised` has them.

    As published: 0 where nothing is left of both, though `exact` is 1.
    """
    return _largest(_characters_f1, given, gold)


def rouge_w(given: str, gold: Sequence[str]) -> float:
    """F1 of the longest run of characters that two answers share, blanks included.

    KLUE-MRC reports it as ROUGE-W (Park et al. 2021), which Lin (2004) defines otherwise. Its own
    program leaves quotes and brackets of Korean, and finds no long run in a gold answer of 200
    characters and more, most of whose characters are over 1 % of it.
    """
    return _largest(_run_f1, given, gold)


def _largest(score: Callable[[str, str], float], given: str, gold: Sequence[str]) -> float:
    if not (given and gold):
        return float(not given and not gold)
    return max(score(normalised(given), normalised(each)) for each in gold)


def _characters_f1(given: str, gold: str) -> float:
    a, b = (Counter(text.replace(" ", "")) for text in (given, gold))
    return _f1((a & b).total(), a.total(), b.total())


def _run_f1(given: str, gold: str) -> float:
    if not gold:
        return float(not given)
    run = SequenceMatcher(None, given, gold, autojunk=False).find_longest_match()
    return _f1(run.size, len(given), len(gold))


def _f1(common: int, given: int, gold: int) -> float:
    return 2 * common / (given + gold) if common else 0.0
