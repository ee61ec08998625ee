"""KoBERT's tokeniser: the ids of KoBertTokenizer, on every text."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from al_ray.corpus.embedded.news import generate
from al_ray.corpus.tokens import kobert
from al_ray.corpus.tokens.kobert import MODEL_FILE, Kobert
from al_ray.corpus.tokens.tokenisers import Library, open_tokeniser
from al_ray.errors import CorpusError, ModelError
from al_ray.learners.encoder import mini

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared"
REAL = SHARED / "models" / "kobert-tokenizer"
SPECIAL = ("[PAD]", "[CLS]", "[SEP]", "[MASK]")

needs_real = pytest.mark.skipif(not REAL.exists(), reason="../shared/models is not there")
needs_nsmc = pytest.mark.skipif(
    not (REAL.exists() and (SHARED / "data" / "nsmc").exists()),
    reason="../shared/models and ../shared/data are not there",
)


# A SentencePiece model as KoBERT's, trained on generated text

VARIANTS = {
    "plain": {},
    "commas": {"user_defined_symbols": [*SPECIAL, "5,", "10,", "한5,"]},
    "bpe": {"model_type": "bpe"},
    "no comma known": {},
}


def train(folder, variant, extra=()):
    """A folder in KoBERT's layout, with these lines more in vocab.txt."""
    import sentencepiece

    texts = [text for split in generate(train=300, test=30).splits for text in split.texts]
    texts += ["AL learns 12 of 345 labels, 1,234 more; it's 'so' (really)!"] * 20
    if variant == "no comma known":
        texts = [text.replace(",", "") for text in texts]
    folder.mkdir(parents=True)
    options = {
        "vocab_size": 700,
        "character_coverage": 0.999,
        "unk_id": 0,
        "unk_piece": "[UNK]",
        "bos_id": -1,
        "eos_id": -1,
        "pad_id": -1,
        "user_defined_symbols": [*SPECIAL],
        "hard_vocab_limit": False,
        "minloglevel": 2,
        "num_threads": 1,
    }
    if variant == "bpe":
        options.pop("hard_vocab_limit")
    with (folder / MODEL_FILE).open("wb") as model:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts), model_writer=model, **(options | VARIANTS[variant])
        )
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / MODEL_FILE))
    names = [pieces.id_to_piece(i) for i in range(pieces.get_piece_size())]
    assert names[:5] == ["[UNK]", *SPECIAL]
    # Other ids than SentencePiece's: after the first five, the order is turned over.
    lines = [*names[:5], *reversed(names[5:]), *extra]
    (folder / "vocab.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder


def oracle(folder):
    """KoBertTokenizer as its users call it."""
    from kobert_transformers.tokenization_kobert import KoBertTokenizer

    tokenizer = KoBertTokenizer.from_pretrained(folder)

    def ids(texts, most):
        return tokenizer(list(texts), truncation=True, max_length=most)["input_ids"]

    return ids


def rows(encoded):
    lengths, values = encoded
    assert lengths.dtype == values.dtype == np.int32
    assert lengths.sum() == len(values)
    return [part.tolist() for part in np.split(values, np.cumsum(lengths))[:-1]]


def assert_equal(pair, texts, most):
    ours, theirs = pair
    assert rows(ours.encode(texts, most)) == theirs(texts, most), texts


@pytest.fixture(scope="module", params=[*VARIANTS, "more in vocab.txt", "proven"])
def pair(request, tmp_path_factory):
    """Ours and theirs; `proven` takes the way on which Hangul is not decomposed."""
    folder = tmp_path_factory.mktemp("trained") / "kobert"
    extra = {"more in vocab.txt": ["漢字", "가나,", "Ω5,", "Ω5"]}.get(request.param, [])
    train(folder, request.param if request.param in VARIANTS else "plain", extra)
    ours = Kobert(folder)
    assert not ours._proven
    if request.param == "proven":
        digest = hashlib.sha256((folder / MODEL_FILE).read_bytes()).hexdigest()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kobert, "PROVEN", {digest})
            ours = Kobert(folder)
        assert ours._proven
    return ours, oracle(folder)


@pytest.fixture(scope="module")
def real():
    ours = Kobert(REAL)
    assert ours._proven
    return ours, oracle(REAL)


# Texts


def characters(*spans):
    return st.one_of(*(st.characters(min_codepoint=a, max_codepoint=b) for a, b in spans))


SPACES = "".join(chr(c) for c in range(0x3100) if chr(c).isspace()) + "\u200b\ufeff\u2060"
SYLLABLES = characters((0xAC00, 0xD7A3))
JAMO = characters(
    (0x3131, 0x318E), (0x1100, 0x11FF), (0xA960, 0xA97C), (0xD7B0, 0xD7FB), (0xFFA0, 0xFFDC)
)
BLOCKS = st.one_of(
    SYLLABLES,
    JAMO,
    st.sampled_from("ㅋㅎㅠㅜㄱㅏㄳㄺㅄ가각깍ᆪᅡᄀ…♥★~!?.,"),
    st.sampled_from(["😀", "👩‍👩‍👧", "🇰🇷", "👍🏽", "❤️", "1️⃣", "\U0001faf0"]),
    st.sampled_from(["``", "''", "`", "'", "＇＇", "｀｀", '"', "´´", "\u2032\u2032"]),
    st.from_regex(r"\A[0-9]{1,3}(,[0-9]{1,3}){0,2},?\Z"),
    st.sampled_from(["5,", "10,", "한5,", "٣,", "५,", "²,", "５，", "①,", "५५,", "Ω5,", "7،", ","]),
    st.sampled_from(["[UNK]", *SPECIAL, "［CLS］", "[CL", "S]", "[ CLS ]", "[cls]", "[CL\u0301S]"]),
    st.sampled_from(["<s>", "</s>", "<unk>", "<pad>", "▁", "▁가", "漢字", "가나,", "Ω", "Ω5"]),
    st.sampled_from(SPACES),
    characters((0, 0x1F), (0x7F, 0x9F), (0x200B, 0x200F), (0x2028, 0x202E), (0xFFF0, 0xFFFF)),
    st.from_regex(r"\A[ A-Za-z]{1,12}\Z"),
    st.sampled_from(
        ["é", "e\u0301", "Å", "ß", "ﬁ", "ǅ", "İ", "Σ", "が", "ｶﾞ", "か\u3099", "㈜", "㉠", "½", "㎏"]
    ),
    characters((0x300, 0x36F), (0x1AB0, 0x1AFF), (0x20D0, 0x20F0), (0x302A, 0x302F)),
    characters((0x2000, 0x33FF), (0x4E00, 0x9FFF), (0x1F000, 0x1FAFF)),
    st.characters(exclude_categories=["Cs"]),
)
TEXT = st.lists(BLOCKS, max_size=24).map("".join)
BATCH = st.lists(TEXT, min_size=1, max_size=6)
MOST = st.sampled_from([3, 4, 7, 16, 200])
HARD = settings(
    deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

NAMED = [
    "",
    " ",
    "\n",
    "\u200b",
    "영화가 정말 재미있다",
    "  앞뒤   공백\t그리고\r\n줄\x0b바\x85꿈\u3000 ",
    "ㅋㅋㅋㅋ ㅠㅠ ㅇㅇ ㄱㅅ ㄳ 가ㄳ 각 ㄱㅏ 가ㅏ",
    "\u1112\u1161\u11ab\u1100\u1173\u11af 자모",
    "1,234,567원 그리고 5,",
    "한5,10,5,",
    "a\x00b",
    "[CLS]앞 [SEP] 뒤[MASK][PAD] [UNK]",
    "[CLS]",
    "[CLS][CLS]",
    " [MASK] ",
    "［CLS］ [CL\u0301S] [ CLS ]",
    "``따옴'' `` ''' ````",
    "긴 문장 " * 300,
    "가" * 600,
    " " * 700 + "뒤에 온 글",
    "가 나 " * 4 + "다" * 500 + " 라 " * 300,
    "짧은 말 " * 200 + "[CLS] 뒤 ㄳ",
    "ㅋㅋㅋ가ㄳ각 …ㄺ 끝" * 80,
    "é e\u0301 \u0301시작 가\u0301 q\u0323\u0307",
    "漢字 Ω5, Ω5 가나,",
    "५५, ٣, ²,",
]


@pytest.mark.parametrize("most", [3, 4, 16, 512])
def test_named_texts(pair, most):
    assert_equal(pair, NAMED, most)


def test_one_at_a_time_is_the_same(pair):
    ours, theirs = pair
    assert [rows(ours.encode([text], 16))[0] for text in NAMED] == theirs(NAMED, 16)
    assert rows(ours.encode([], 16)) == []


@pytest.mark.parametrize("most", [1, 2])
def test_lengths_at_which_the_library_cuts_nothing(pair, most):
    assert_equal(pair, NAMED[:12], most)


@HARD
@given(BATCH, MOST)
def test_any_text(pair, texts, most):
    assert_equal(pair, texts, most)


def test_the_rule_of_the_comma_is_met(pair, request):
    """Else the tests above show less than they seem to."""
    ours, _ = pair
    variant = request.node.callspec.params["pair"]
    assert ours._ruled.any() == (variant in ("commas", "no comma known", "more in vocab.txt"))
    if variant == "commas":
        assert "5," in ours._pieces.encode("한 5,", out_type=str)[-1]
        assert ours.encode(["5,"], 9)[1].tolist() != [
            2,
            *ours._slow.convert_tokens_to_ids(ours._pieces.encode("5,", out_type=str)),
            3,
        ]


# Which tokeniser, and what is refused


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return train(tmp_path_factory.mktemp("one") / "kobert", "plain")


def test_which_tokeniser(folder, tmp_path):
    opened = open_tokeniser(folder)
    assert isinstance(opened, Kobert)
    assert opened.pad_id == 1
    assert opened.size == len((folder / "vocab.txt").read_text(encoding="utf-8").splitlines())
    other = open_tokeniser(mini.build(generate(train=200, test=20), tmp_path))
    assert isinstance(other, Library)


def test_another_name_of_the_model(folder, tmp_path):
    other = shutil.copytree(folder, tmp_path / "kobert")
    (other / MODEL_FILE).rename(other / "tokenizer_0123456789.model")
    assert rows(open_tokeniser(other).encode(NAMED, 16)) == oracle(folder)(NAMED, 16)


@pytest.mark.parametrize(
    "options",
    [
        {"do_lower_case": True},
        {"keep_accents": True},
        {"remove_space": False},
        {"split_special_tokens": True},
        {"truncation_side": "left"},
        {"additional_special_tokens": ["<이름>", "@@"]},
    ],
    ids=lambda options: next(iter(options)),
)
def test_options_of_a_folder(folder, tmp_path, options):
    other = shutil.copytree(folder, tmp_path / "kobert")
    (other / "tokenizer_config.json").write_text(json.dumps(options), encoding="utf-8")
    ours, theirs = Kobert(other), oracle(other)
    texts = [*NAMED, "ABC İ Σας É", "안녕 <이름> 님@@ @@"]
    assert rows(ours.encode(texts, 12)) == theirs(texts, 12)
    assert ours.encode(texts, 12)[1].max() < ours.size


def refusal(folder):
    with pytest.raises(ModelError) as caught:
        open_tokeniser(folder)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)
    return str(caught.value)


def test_pad_must_be_1(folder, tmp_path):
    other = shutil.copytree(folder, tmp_path / "kobert")
    lines = (other / "vocab.txt").read_text(encoding="utf-8").splitlines()
    lines[1], lines[2] = lines[2], lines[1]
    (other / "vocab.txt").write_text("\n".join(lines), encoding="utf-8")
    assert "[PAD] has id 2" in refusal(other)
    (other / "vocab.txt").write_text("\n".join(lines[3:]), encoding="utf-8")
    refusal(other)
    (other / "vocab.txt").write_bytes(b"\xff\xfe\x00")
    refusal(other)
    (other / "vocab.txt").unlink()
    assert "vocab.txt" in refusal(other)


def test_a_damaged_model(folder, tmp_path):
    other = shutil.copytree(folder, tmp_path / "kobert")
    model = other / MODEL_FILE
    model.write_bytes(model.read_bytes()[:1000])
    refusal(other)
    model.write_bytes(b"")
    refusal(other)


def test_a_folder_without_a_tokeniser(tmp_path):
    refusal(tmp_path)


def test_half_a_surrogate_pair(folder, tmp_path):
    both = (
        open_tokeniser(folder),
        open_tokeniser(mini.build(generate(train=200, test=20), tmp_path)),
    )
    for tokeniser in both:
        with pytest.raises(CorpusError, match=r"text 'na\\ud83d': half of a surrogate"):
            tokeniser.encode(["good", "na\ud83d"], 8)


# Why Hangul need not be decomposed


def test_safe_characters():
    """NFKD leaves them alone, but for Hangul, which it takes apart into starters."""
    safe = re.compile(f"[{kobert.SAFE}]")
    for character in filter(safe.match, map(chr, range(0x110000))):
        apart = unicodedata.normalize("NFKD", character)
        assert not any(map(unicodedata.combining, apart))
        if "가" <= character <= "힣":
            assert len(apart) in (2, 3)
        elif "ㄱ" <= character <= "ㅣ":
            # A first consonant or a vowel; last consonants would join the syllable before.
            assert re.fullmatch("[\u1100-\u1112\u1161-\u1175]", apart)
        else:
            assert apart == character
            assert character == "\n" or not character.isspace() or character == " "


@needs_real
@pytest.mark.shared
def test_the_models_normalisation_composes_every_safe_pair(real):
    """Each syllable before each kind of safe character."""
    pieces = real[0]._pieces
    syllables = [chr(c) for c in range(0xAC00, 0xD7A4)]
    letters = [chr(c) for c in range(0x3131, 0x3164) if re.match(f"[{kobert.SAFE}]", chr(c))]
    assert len(letters) == 19 + 21
    for after in [*letters, "가", "각", "힣", *"a1.,~…·♥漢😀"]:
        text = " ".join(f"{syllable}{after}" for syllable in syllables)
        apart = unicodedata.normalize("NFKD", text)
        assert pieces.normalize(text) == pieces.normalize(apart)
    text = " ".join(
        f"{one}{other}{third}" for one in letters for other in letters for third in "ㄱㅏ가"
    )
    assert pieces.normalize(text) == pieces.normalize(unicodedata.normalize("NFKD", text))


@needs_real
@pytest.mark.shared
@pytest.mark.parametrize("most", [3, 16, 512])
def test_named_texts_with_the_real_model(real, most):
    assert_equal(real, NAMED, most)


@needs_real
@pytest.mark.shared
@HARD
@given(BATCH, MOST)
def test_any_text_with_the_real_model(real, texts, most):
    assert_equal(real, texts, most)


def nsmc():
    for name in ("ratings_train.txt", "ratings_test.txt"):
        lines = (SHARED / "data" / "nsmc" / name).read_text(encoding="utf-8").split("\n")
        yield from (line.split("\t")[1] for line in lines[1:] if line)


@needs_nsmc
@pytest.mark.shared
def test_reviews(real):
    texts = list(nsmc())[::10]
    assert len(texts) == 20_000
    assert_equal_in_batches(real, texts)


@needs_nsmc
@pytest.mark.shared
@pytest.mark.campaign
def test_all_reviews(real):
    texts = list(nsmc())
    assert len(texts) == 200_000
    assert_equal_in_batches(real, texts)


def assert_equal_in_batches(real, texts):
    """Without showing a text where they differ."""
    ours, theirs = real
    for start in range(0, len(texts), 8192):
        batch = texts[start : start + 8192]
        same = rows(ours.encode(batch, 64)) == theirs(batch, 64)
        assert same, f"reviews {start} and following"
