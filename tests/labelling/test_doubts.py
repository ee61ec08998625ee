"""Labels to look at again: by the definition written out, and on planted errors."""

from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest

from al_ray.labelling.answers.log import Said
from al_ray.labelling.doubts import _believed, again, doubts

LABELS = ("정치", "경제", "사회")
WRONG = (4, 50, 90)


@pytest.fixture(scope="module")
def project():
    """Three heaps of 40 rows, whose vectors a project would have."""
    random = np.random.default_rng(0)
    heaps = np.repeat(np.arange(3), 40)
    vectors = (6 * np.eye(3)[heaps] + random.normal(size=(120, 3))).astype(np.float32)
    return SimpleNamespace(
        facts=SimpleNamespace(labels=LABELS),
        config=SimpleNamespace(seed=0),
        task=SimpleNamespace(few=True),
        vectors_there=lambda: vectors,
        numbers=lambda ids: np.array([int(row) for row in ids]),
        heaps=heaps,
    )


def answered(project):
    """All rows, three of them wrongly."""
    return {
        f"{row:03}": LABELS[(heap + (row in WRONG)) % 3] for row, heap in enumerate(project.heaps)
    }


def test_confident_learning_is_its_definition(project):
    """A row is doubtful whose p of another label reaches that label's mean, and is its largest."""
    agreed = answered(project)
    found = doubts(project, agreed)
    told = _believed(project, agreed)
    thresholds = [told.shares[told.codes == code, code].mean() for code in range(3)]
    expected = set()
    for row, (code, shares) in enumerate(zip(told.codes, told.shares, strict=True)):
        over = [k for k in range(3) if shares[k] >= thresholds[k]]
        if over and max(over, key=lambda k: shares[k]) != code:
            expected.add(told.ids[row])
    assert {each.row_id for each in found} == expected
    assert expected & {f"{row:03}" for row in WRONG}
    own = [told.shares[int(each.row_id), told.codes[int(each.row_id)]] for each in found]
    assert own == sorted(own)  # the worst first
    assert all(each.other != each.label for each in found if each.probability > 0.5)


def test_no_model_has_learnt_the_row_that_it_is_asked_about(project):
    """Each fold's shares are those of a model on the other rows, whatever its own labels are."""
    agreed = answered(project)
    before = _believed(project, agreed).shares
    row = f"{7:03}"
    changed = {**agreed, row: LABELS[2]}
    assert np.array_equal(_believed(project, changed).shares[7], before[7])


def test_what_a_second_person_should_see(project):
    """Conflicts first, then wrong labels before sure ones, and one opinion before three."""
    noon = datetime(2026, 1, 1, tzinfo=UTC)
    word = {
        row: {"가람": Said(row, "가람", "answered", answer, noon)}
        for row, answer in answered(project).items()
    }
    for who in ("나래", "다솜"):  # two more say the same of one wrong row
        word["050"][who] = Said("050", who, "answered", word["050"]["가람"].answer, noon)
    clash = LABELS[1] if word["100"]["가람"].answer != LABELS[1] else LABELS[0]
    word["100"]["나래"] = Said("100", "나래", "answered", clash, noon)
    word["060"]["라온"] = Said("060", "라온", "skipped", "", noon)  # and nothing else
    found = again(project, word, 120)
    assert found[0] == "100"
    assert {"004", "090"} <= set(found[:12])
    assert found.index("004") < found.index("050")
    assert again(project, word, 1) == ["100"]


def test_too_little_to_tell(project):
    few = {"001": LABELS[0], "002": LABELS[1]}
    assert doubts(project, few) == ()
    assert doubts(SimpleNamespace(vectors_there=lambda: None), few) is None
    assert doubts(project, {f"{row:03}": LABELS[0] for row in range(40)}) == ()
