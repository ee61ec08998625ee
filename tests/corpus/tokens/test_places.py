"""Which token each character belongs to: against the library, and by hand."""

from pathlib import Path

import numpy as np
import pytest
from helpers import SHARED
from hypothesis import given
from hypothesis import strategies as st

from al_ray.corpus.tokens.places import by_pieces, placed
from al_ray.corpus.tokens.tokenisers import open_tokeniser

MODELS = SHARED / "models"
TEXTS = (
    "경찰은 또 성매매 알선 자금을 관리한 박씨의 행방을 쫓고 있다.",
    "12,345원에 산 “새 책” ㅋㅋㅋ ㈜한빛… 3·1절",
    "가",
    " 앞과 뒤에 빈칸 ",
    "🙂 웃는 얼굴과 漢字, e\u0301tude와 각",
    "띄어쓰기없이아주길게이어지는한국어문장을토크나이저가어떻게나누는지본다",
)


def test_by_hand():
    """Tokens 1 to 3 begin at 0, 2 and 3: the blank at 1 goes with what stands before it."""
    assert placed([0, 2, 3], [1, 2, 3], 5).tolist() == [1, 1, 2, 3, 3]
    assert placed([2], [1], 3).tolist() == [1, 1, 1]  # what stands before the first
    assert placed([], [], 2).tolist() == [0, 0]  # no token but [CLS]
    assert placed([0, 0, 1], [1, 2, 3], 2).tolist() == [2, 3]  # the last that begins there


def test_pieces_by_hand():
    """A piece may hold parts of syllables, decomposed; what is unknown keeps its text."""
    assert by_pieces("서울 은", ["▁서울", "▁은"], 9).tolist() == [1, 1, 1, 2]
    assert by_pieces("한국", ["▁하", "ᆫ국"], 9).tolist() == [2, 2]
    assert by_pieces("서울 은", ["▁서울", "▁은"], 1).tolist() == [1, 1, 1]  # the end is cut
    assert by_pieces("①은", ["▁1", "은"], 9).tolist() == [1, 2]
    # Where the pieces say something else, what is alike is found all the same.
    assert by_pieces("그 ``말'' 은", ["▁그", "▁", '"', "말", '"', "▁은"], 9)[-1] == 6


@given(st.lists(st.integers(0, 9), max_size=6), st.integers(1, 12))
def test_is_a_loop(starts, n):
    starts = sorted(starts)
    expected = []
    for character in range(n):
        before = [place for place, start in enumerate(starts) if start <= character]
        expected.append(1 + (before[-1] if before else 0) if starts else 0)
    assert placed(starts, range(1, len(starts) + 1), n).tolist() == expected


@pytest.mark.parametrize("model", ["me5-small-ko", "kobert-tokenizer"])
def test_every_piece_has_its_text(model):
    """The characters of a token, decomposed, are what its piece says; a cut text has fewer."""
    folder = Path(MODELS, model)
    if not folder.exists():
        pytest.skip(f"{folder} is not here")
    import unicodedata

    tokeniser = open_tokeniser(folder)

    def plain(text):
        return "".join(
            c for c in unicodedata.normalize("NFKD", text)
            if not unicodedata.combining(c) and not c.isspace()
        )  # fmt: skip

    lengths, ids = tokeniser.encode(TEXTS, 64)
    counts, places = tokeniser.places(TEXTS, 64)
    assert counts.tolist() == [len(text) for text in TEXTS]
    library = getattr(tokeniser, "_tokenizer", None) or tokeniser._slow
    first, at = 0, 0
    for text, length, n in zip(TEXTS, lengths, counts, strict=True):
        row, mine = ids[first : first + length], places[at : at + n]
        first, at = first + length, at + n
        assert (np.diff(mine) >= 0).all()
        assert mine.min() >= 1
        assert mine.max() <= length - 2  # neither [CLS] nor [SEP]
        for token, piece in enumerate(library.convert_ids_to_tokens(row.tolist())):
            said = plain(piece.replace("▁", " "))
            own = plain("".join(c for c, place in zip(text, mine, strict=True) if place == token))
            if said and own and piece not in library.all_special_tokens:
                assert said in own or own in said, (text, piece, own)
    short, _ = tokeniser.places(TEXTS, 6)
    assert all(a <= b for a, b in zip(short, counts, strict=True))
    assert short[0] < counts[0]
