"""What the verdict found, as a table: nothing in it that the verdict would not say."""

from __future__ import annotations

import math
from typing import Final

import pandas as pd

from al_ray.analysis.study import Study
from al_ray.analysis.summary import ARM
from al_ray.analysis.verdict import UNDECIDED, verdict
from al_ray.language import mark

MARKS: Final = {
    "saves": "▲",
    "saves on the way": "▲",
    "better": "△",
    "no difference": "=",
    "worse": "▼",
    "undertrained": "!",
    "cannot tell": "?",
    mark("supported"): "✓",
    mark("contradicted"): "✗",
}
"""Signs beside answers, which must not rest on colour."""

_NUMBERS = ["difference", "low", "high", "p", "p_holm", "detectable"]


def judgements(study: Study) -> pd.DataFrame:
    """Each arm's verdict and the difference in areas that it rests on.

    Returns:
        ARM, sentence, kind, seeds, missing, rows (of the test; 1 where they are not known),
        articles (that they are of, if they are),
        difference, low, high, p, p_holm, detectable, target_labels (of the verdict): a row per arm
        but random. All but the difference are missing where the kind is one of UNDECIDED.
    """
    frame = verdict(study)
    columns = ["seeds", "missing", "rows", "articles", *_NUMBERS, "target_labels"]
    numbers = pd.DataFrame(frame.numbers.tolist(), index=frame.index).reindex(columns=columns)
    numbers[_NUMBERS] = numbers[_NUMBERS].astype(float)
    counts = ["seeds", "missing", "rows"]
    numbers[counts] = numbers[counts].fillna(0).astype(int)
    numbers.loc[frame.kind.isin(UNDECIDED), _NUMBERS[1:]] = math.nan
    return pd.concat([frame[[*ARM, "sentence", "kind"]], numbers], axis=1)
