"""The reference study's claims C1 to C13, and what these studies answer.

An answer is a test's, with the seeds that it needs, or none. Studies of generated text answer
nothing, and nor do arms with a frozen head: the claims are of fine-tuned encoders.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import pandas as pd

from al_ray.analysis.reference import choice, labels, learning
from al_ray.analysis.reference.evidence import Answer, cannot_tell
from al_ray.analysis.study import Study
from al_ray.analysis.summary import FROZEN
from al_ray.language import mark, tr

Judge = Callable[[Sequence[Study]], Answer]

CLAIMS: Final[dict[str, tuple[str, str, Judge]]] = {
    "C1": (
        mark("Every active-learning arm beats random."),
        mark(
            "1 to 3 points above random on NSMC, up to 3 on NEWS-6, 1 to 2 on NEWS-7; one run each."
        ),
        learning.every_arm_beats_random,
    ),
    "C2": (
        mark("Smaller steps do better."),
        mark("NSMC: steps of 1,000 look better than steps of 3,000; the first draw differs too."),
        learning.smaller_steps_do_better,
    ),
    "C3": (
        mark(
            "Training from scratch at each step is unstable; training on from the last step's "
            "weights on the new rows is not."
        ),
        mark("NSMC: outliers from scratch, steady curves when trained on; blamed on the data set."),
        learning.cold_is_unstable,
    ),
    "C4": (
        mark("The uncertainty arms (least confidence, margin, entropy) are alike."),
        mark("NEWS-7: their curves lie together."),
        learning.uncertainty_arms_are_alike,
    ),
    "C5": (
        mark(
            "The committee is slightly worse than the uncertainty arms with large steps and like "
            "them with small ones."
        ),
        mark("NEWS-7: slightly below at 3,000, alike at 1,000."),
        learning.committee_needs_small_steps,
    ),
    "C6": (
        mark(
            "Arms share most of what they get right and each adds a little; none contains what "
            "random gets right."
        ),
        mark("80 to 84 % of the test rows are right in all arms, 1 to 3 % in one alone."),
        choice.arms_share_what_they_get_right,
    ),
    "C7": (
        mark("The uncertainty arms choose hard labels more often, and these labels gain most."),
        mark("NEWS-7: so for hard labels; the easy label 오피니언 gains more too."),
        choice.hard_labels_are_chosen,
    ),
    "C8": (
        mark("Random follows the pool's own label mix."),
        mark("NEWS-7: seen in a figure."),
        choice.random_follows_the_pool,
    ),
    "C9": (
        mark(
            "The committee chooses two confusable labels in turns: the direction of their "
            "confusion foretells the next share."
        ),
        mark("NEWS-7 at 3,000: 경제 and 문화 in turns; irregular at 1,000."),
        choice.committee_takes_turns,
    ),
    "C10": (
        mark("Half of the pool, well chosen, is as good as all of it."),
        mark("NEWS-6: 50 % of the rows come within 0.2 to 0.3 points of all of them."),
        labels.half_is_enough,
    ),
    "C11": (
        mark("Active learning reaches the accuracy of N random labels with 40 to 70 % of them."),
        mark(
            "NEWS-7: 40 to 50 % at N = 21,000, 70 % at 7,000, 70 % at 3,000 and 60 % at 1,000 (15 "
            "epochs)."
        ),
        labels.share_of_labels,
    ),
    "C12": (
        mark("Too few updates make active learning fail."),
        mark(
            "NEWS-7: 3 epochs fail at N of 3,000 or less and with steps of 200 or less; 15 do not."
        ),
        labels.too_few_updates,
    ),
    "C13": (
        mark("The difficulty of the task decides how long labels pay."),
        mark("NEWS-6 settles beyond 30 % of the rows, NEWS-7 keeps rising."),
        labels.difficulty_decides,
    ),
}
"""By name: the claim, the reference study's own numbers, and what judges it here."""


def claims(studies: Sequence[Study]) -> pd.DataFrame:
    """What these studies, together, say of each claim.

    Args:
        studies: of one or more corpora; those of generated text or frozen heads count for nothing.

    Returns:
        claim (C1 to C13), text, theirs, ours, answer (supported, contradicted or cannot tell),
        why: thirteen rows.
    """
    real = [study for study in studies if not study.demonstration]
    tuned = [study for study in real if not (study.arms()["head"] == FROZEN).all()]
    made: list[dict[str, Any]] = []
    for name, (text, theirs, judge) in CLAIMS.items():
        if tuned:
            found = judge(tuned)
        elif any(len(study.arms()) for study in real):
            found = cannot_tell(tr("all heads are frozen: the claims are of fine-tuned encoders"))
        elif len(real) < len(studies):
            found = cannot_tell(tr("the text is generated: a demonstration answers nothing"))
        else:
            found = cannot_tell(tr("there is no arm"))
        made.append({"claim": name, "text": tr(text), "theirs": tr(theirs), **vars(found)})
    return pd.DataFrame(made, columns=["claim", "text", "theirs", "ours", "answer", "why"])
