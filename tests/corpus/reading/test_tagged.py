"""Named entities from files: without loss, and refused in one line where they are not sound."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from helpers import SHARED
from hypothesis import given
from hypothesis import strategies as st

from al_ray.corpus.entities import Entity, from_tags, parse, to_tags, written
from al_ray.corpus.reading.bio import plain, scheme_of, told, wrong
from al_ray.corpus.reading.tagged import looks_tagged, read_tagged
from al_ray.corpus.rows import Corpus, Split
from al_ray.errors import CorpusError

DATA = SHARED / "data"
KLUE = "## 주석 : ##\n## 컬럼명 : CHAR\tNE_TAG\n"


def file(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def characters(text: str, answer: str, row_id: str = "") -> str:
    """A sentence as KLUE writes it."""
    head = f"## {row_id}\t{text}\n" if row_id else ""
    tags = to_tags(parse(answer), len(text))
    return head + "".join(f"{c}\t{tag}\n" for c, tag in zip(text, tags, strict=True)) + "\n"


def words(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


def answers(corpus: Corpus, split: Split | None = None) -> list[str]:
    split = split or corpus.train
    return [corpus.labels[code] for code in split.labels]


def refusal(path: Path) -> str:
    with pytest.raises(CorpusError) as caught:
        read_tagged(path)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


# --- entities -----------------------------------------------------------------------------------


@st.composite
def tagged(draw: st.DrawFn) -> list[str]:
    """Legal BIO tags, from runs of one kind."""
    runs = draw(st.lists(st.tuples(st.sampled_from(["", "PS", "LC", "a-b"]), st.integers(1, 3))))
    return [
        f"{'I' if place else 'B'}-{kind}" if kind else "O"
        for kind, length in runs
        for place in range(length)
    ]


def test_an_answer_by_hand() -> None:
    tags = ["O", "B-PS", "I-PS", "B-PS", "B-LC", "O"]
    entities = [Entity(1, 3, "PS"), Entity(3, 4, "PS"), Entity(4, 5, "LC")]
    assert from_tags(tags) == entities
    assert written(reversed(entities)) == "1-3:PS 3-4:PS 4-5:LC"
    assert parse("1-3:PS 3-4:PS 4-5:LC") == tuple(entities)
    assert to_tags(entities, 6) == tags
    assert (written([]), parse("O"), from_tags(["O"])) == ("O", (), [])


@given(tagged())
def test_tags_and_answers_hold_the_same(tags: list[str]) -> None:
    assert to_tags(parse(written(from_tags(tags))), len(tags)) == tags


@pytest.mark.parametrize(
    "tags", [["I-PS"], ["B-PS", "I-LC"], ["B-PS", "O", "I-PS"], ["B-"], ["B"], ["S-PS"]]
)
def test_tags_that_are_no_bio(tags: list[str]) -> None:
    with pytest.raises(ValueError, match=f"at place {len(tags) - 1} "):
        from_tags(tags)


@pytest.mark.parametrize(
    "answer", ["", "3:PS", "3-3:PS", "1-2:", "1-2", "1-2:PS  4-5:PS", "a-b:PS"]
)
def test_what_is_no_answer(answer: str) -> None:
    with pytest.raises(ValueError, match="START-END:KIND"):
        parse(answer)


def test_entities_that_no_tags_can_say() -> None:
    for entities in (
        [Entity(0, 2, "A"), Entity(1, 3, "B")],
        [Entity(2, 4, "A")],
        [Entity(1, 1, "A")],
    ):
        with pytest.raises(ValueError, match=r"overlaps|within"):
            to_tags(entities, 3)


# --- schemes ------------------------------------------------------------------------------------

# One sentence in all schemes: two persons side by side, a place of three words, one of one.
IN_ALL = {
    "BIO": "B-P I-P B-P O B-L I-L I-L B-L",
    "IOB1": "I-P I-P B-P O I-L I-L I-L B-L",
    "BIOES": "B-P E-P S-P O B-L I-L E-L S-L",
}


@pytest.mark.parametrize("scheme", IN_ALL)
def test_each_scheme_is_told_and_read(scheme: str, tmp_path: Path) -> None:
    tags = IN_ALL[scheme].split()
    text = ["김", "철수", "영희", "는", "서울", "강남", "역", "부산"]
    assert plain(tags) == IN_ALL["BIO"].split()
    path = file(tmp_path / "a.conll", words(*map(" x ".join, zip(text, tags, strict=True))))
    corpus = read_tagged(path)
    assert corpus.train.texts == ("김 철수 영희 는 서울 강남 역 부산",)
    assert answers(corpus) == ["0-4:P 5-7:P 10-17:L 18-20:L"]
    assert any(f"in {scheme} tags, a word a line" in note for note in corpus.notes)


@given(st.lists(tagged(), max_size=5), st.sampled_from(["BIO", "IOB1", "BIOES"]))
def test_a_scheme_written_is_read_back(sentences: list[list[str]], scheme: str) -> None:
    coded = [told(tags, scheme) for tags in sentences]
    assert [plain(tags) for tags in coded] == sentences
    assert not wrong(coded, scheme_of(coded, ["BIO", "IOB1", "BIOES"]))


def test_iob1_that_is_not_quite_is_refused_where_it_is_not(tmp_path: Path) -> None:
    lines = ["a I-P", "bb O", "c I-P", "d I-P", "e O", "f B-P"]
    message = refusal(file(tmp_path / "a.txt", words(*lines)))
    assert "line 6 has the tag 'B-P' where IOB1 needs 'I-P'" in message


# --- a character a line -------------------------------------------------------------------------


def test_klue_by_hand(tmp_path: Path) -> None:
    text = KLUE + (
        "## id-0\t<김 구:PS><은:PS> #\n김\tB-PS\n \tI-PS\n구\tI-PS\n은\tB-PS\n \tO\n#\tO\n\n"
        "## id-1\tO\n\u1100\tO\n\u1161\tO\n\t\tO\n\u2028\tO\n\x85\tB-LC\n\r\tI-LC\n"
    )
    corpus = read_tagged(file(tmp_path / "x.tsv", text))
    assert corpus.train.texts == ("김 구은 #", "\u1100\u1161\t\u2028\x85\r")
    assert answers(corpus) == ["0-3:PS 3-4:PS", "4-6:LC"]
    assert corpus.train.row_ids == ("id-0", "id-1")
    assert corpus.labels == ("0-3:PS 3-4:PS", "4-6:LC")
    assert corpus.train.labels.dtype == np.int32
    assert (corpus.task, corpus.name, corpus.tests) == ("tagging", "x", ())
    assert any("in BIO tags, a character a line" in note for note in corpus.notes)


@given(
    st.lists(
        # A surrogate is half a character, which no file can hold.
        st.lists(
            st.tuples(
                st.characters(exclude_categories=["Cs"], exclude_characters="\n\0"),
                st.integers(0, 4),
            ),
            min_size=1,
        )
    ),
    st.booleans(),
)
def test_characters_come_back(
    tmp_path_factory: pytest.TempPathFactory,
    sentences: list[list[tuple[str, int]]],
    crlf: bool,
) -> None:
    """Whatever characters there are, with whatever legal tags."""
    written_: list[tuple[str, list[str]]] = [("가 나", ["B-PS", "I-PS", "O"])]
    for sentence in sentences:
        tags: list[str] = []
        for _, choice in sentence:
            kind = tags[-1][2:] if tags else ""
            tags.append(
                ["O", "B-PS", "B-LC", f"I-{kind}", f"I-{kind}"][choice if kind or choice < 3 else 0]
            )
        written_.append(("".join(c for c, _ in sentence), tags))
    end = "\r\n" if crlf else "\n"
    lines = [
        "".join(f"{c}\t{tag}{end}" for c, tag in zip(text, tags, strict=True))
        for text, tags in written_
    ]
    path = tmp_path_factory.getbasetemp() / "generated.tsv"
    corpus = read_tagged(file(path, end.join(lines)))
    kept = [(text, tags) for text, tags in written_ if text.strip()]
    assert list(corpus.train.texts) == [text for text, _ in kept]
    assert [
        to_tags(parse(answer), len(text))
        for answer, text in zip(answers(corpus), corpus.train.texts, strict=True)
    ] == [tags for _, tags in kept]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("김\tI-PS\n", "line 3 has the tag 'I-PS' where BIO needs 'B-PS'"),
        ("김\tB-PS\n구\tI-LC\n", "line 4 has the tag 'I-LC' where BIO needs 'B-LC'"),
        ("김\tB-PS\n\n구\tI-PS\n", "line 5 has the tag 'I-PS' where BIO needs 'B-PS'"),
        ("김\tI-PS\n \tO\n구\tI-PS\n", "'B-PS', given the tags beside it (so have 1 more lines)"),
        ("김\tB-PS\n구\n", "line 4 has no tag; write a tab and O"),
        ("김\tB-PS\n\tO\n", "line 4 has no tag"),
        ("김\tB-PS\n구\t\n", "line 4 has '' in place of a tag"),
        ("김\tB-PS\n구\tB\n", "line 4 has 'B' in place of a tag"),
        ("김\tB-PS\n#\tx\n", "line 4 has 'x' in place of a tag"),
        ("김\tB-PS\n구\tB-PS\tO\n", "line 4 has 3 columns, not 2"),
        ("김\tB-P S\n", "line 3 has a kind with a blank or a colon, 'P S'; rename it"),
        ("김\tB-P:S\n", "a kind with a blank or a colon, 'P:S'; rename it"),
        ("\0\tB-PS\n", "line 3 has a NUL byte; remove it"),
        ("", "no rows; give it a line for each"),
        ("김\tO\n", "no sentence has an entity"),
        (" \tB-PS\n", "no sentence has a character other than blanks"),
    ],
)
def test_what_is_refused(lines: str, said: str, tmp_path: Path) -> None:
    assert said in refusal(file(tmp_path / "a.tsv", KLUE + lines))


def test_sentences_without_characters_are_left_out_and_said(tmp_path: Path) -> None:
    text = "## a\t\n\n" + characters("  ", "O", "b") + characters("김구", "0-2:PS", "c")
    corpus = read_tagged(file(tmp_path / "a.tsv", text))
    assert corpus.train.row_ids == ("c",)
    assert corpus.left_out == {"train": ("a", "b")}
    assert "train: 2 of 3 rows have an empty text and are left out." in corpus.notes


def test_ids_that_do_not_name_each_sentence_are_not_taken(tmp_path: Path) -> None:
    text = characters("김 구", "0-3:PS", "a")
    corpus = read_tagged(file(tmp_path / "a.tsv", text * 2 + characters("나", "O")))
    assert corpus.train.row_ids == ("train:1", "train:2", "train:3")
    assert any("'##' repeats an earlier id in 1 rows" in note for note in corpus.notes)


def test_a_line_of_an_id_begins_a_sentence_even_without_an_empty_one(tmp_path: Path) -> None:
    text = characters("김 구", "0-3:PS", "a").rstrip("\n") + "\n" + characters("나", "O", "b")
    assert read_tagged(file(tmp_path / "a.tsv", text)).train.texts == ("김 구", "나")


def test_a_folder_with_its_tests(tmp_path: Path) -> None:
    file(tmp_path / "train.tsv", characters("김 구", "0-3:PS", "a"))
    file(tmp_path / "dev.tsv", characters("서 울", "0-3:LC", "b"))
    (tmp_path / "test.tsv.gz").write_bytes(gzip.compress(characters("가 나", "O", "c").encode()))
    corpus = read_tagged(tmp_path)
    assert [split.name for split in corpus.splits] == ["train", "test", "dev"]
    assert corpus.labels == ("0-3:LC", "0-3:PS", "O")
    assert [answers(corpus, split) for split in corpus.splits] == [["0-3:PS"], ["O"], ["0-3:LC"]]
    assert "dev: 1 entities are of kinds that train has none of: LC." in corpus.notes
    with_test = read_tagged(tmp_path / "train.tsv", tmp_path / "dev.tsv")
    assert with_test.tests[0].row_ids == ("b",)


def test_other_encodings_are_read_and_said(tmp_path: Path) -> None:
    text = KLUE + characters("김 구", "0-3:PS", "a")
    for encoding, said in (("cp949", "CP949"), ("utf-16", "UTF-16"), ("utf-8-sig", "mark")):
        path = file(tmp_path / "a.tsv", text, encoding)
        assert looks_tagged(path)
        corpus = read_tagged(path)
        assert corpus.train.texts == ("김 구",)
        assert any(said in note for note in corpus.notes)


# --- a word a line ------------------------------------------------------------------------------


def test_conll_as_its_task_has_it(tmp_path: Path) -> None:
    """The first lines of the English part of CoNLL 2003, and its two columns of tags."""
    text = words(
        "-DOCSTART- -X- -X- O", "", "EU NNP I-NP I-ORG", "rejects VBZ I-VP O",
        "German JJ I-NP I-MISC", "call NN I-NP O", ". . O O", "", "Peter NNP I-NP I-PER",
        "Blackburn NNP I-NP I-PER", "", "-DOCSTART- -X- -X- O", "", "# # O O",
    )  # fmt: skip
    corpus = read_tagged(file(tmp_path / "eng.txt", text))
    assert corpus.train.texts == ("EU rejects German call .", "Peter Blackburn", "#")
    assert answers(corpus) == ["0-2:ORG 11-17:MISC", "0-15:PER", "O"]
    assert corpus.train.row_ids == ("train:1", "train:2", "train:3")
    assert any("2 columns hold tags; the last is read" in note for note in corpus.notes)


def test_words_by_tabs_keep_their_blanks_and_comments_are_none(tmp_path: Path) -> None:
    text = words("# id 7 domain=ko", "", "뉴 욕\tB-LC", "시\tI-LC", "#태그\tO", "#\tO")
    corpus = read_tagged(file(tmp_path / "a.bio", text))
    assert corpus.train.texts == ("뉴 욕 시 #태그 #",)
    assert answers(corpus) == ["0-5:LC"]


def test_both_forms_in_one_corpus_are_refused(tmp_path: Path) -> None:
    file(tmp_path / "train.tsv", characters("김 구", "0-3:PS"))
    file(tmp_path / "test.tsv", words("김구\tB-PS"))
    with pytest.raises(CorpusError, match=r"train\.tsv: has a character a line, and test\.tsv"):
        read_tagged(tmp_path)


# --- told from other files ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tagged"),
    [
        (KLUE + "\n김\tO\n \tO\n\n구\tO\n", True),
        ("EU NNP B-ORG\n. . O\n", True),
        ("-DOCSTART-\n\n김구\tB-PS\n", True),
        ("김구\tB-PS\n" * 9000, True),
        ("text\tlabel\n김구\tO\n", False),
        ("김구\tO\n이순신\tO\n", False),
        ("text,label\n가,O\n", False),
        ("# 제목\n\n## 소제목\n", False),
        ("", False),
    ],
)
def test_what_looks_tagged(text: str, tagged: bool, tmp_path: Path) -> None:
    assert looks_tagged(file(tmp_path / "train.txt", text)) == tagged
    assert looks_tagged(tmp_path) == tagged
    (tmp_path / "train.txt").rename(tmp_path / "sub")
    with gzip.open(tmp_path / "train.txt.gz", "wb") as packed:
        packed.write(text.encode())
    assert looks_tagged(tmp_path / "train.txt.gz") == tagged


def test_what_is_no_file_looks_like_nothing(tmp_path: Path) -> None:
    assert not looks_tagged(tmp_path / "none")
    assert not looks_tagged(tmp_path)
    assert not looks_tagged(file(tmp_path / "train.txt.gz", "no gzip"))


# --- real data ----------------------------------------------------------------------------------


@pytest.mark.shared
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not beside the project")
class TestReal:
    def test_klue_comes_back_character_by_character(self) -> None:
        corpus = read_tagged(DATA / "klue_ner")
        assert (corpus.name, len(corpus.train)) == ("klue_ner", 5_000)
        assert corpus.train.row_ids[0] == "klue-ner-v1_dev_00000-wikitree"
        kinds = Counter(entity.kind for answer in answers(corpus) for entity in parse(answer))
        assert kinds == {"PS": 4418, "QT": 3151, "DT": 2312, "OG": 2182, "LC": 1649, "TI": 545}
        assert kinds.total() == 14_257
        again = "".join(
            characters(text, answer)
            for text, answer in zip(corpus.train.texts, answers(corpus), strict=True)
        )
        source = (DATA / "klue_ner" / "klue-ner-v1.1_dev.tsv").read_text(encoding="utf-8")
        lines = [line for line in source.split("\n") if not line.startswith("##")]
        assert again.rstrip("\n") == "\n".join(lines).rstrip("\n")

    @pytest.mark.parametrize("name", ["3i4k", "beep", "korquad", "nsmc", "ynat"])
    def test_other_corpora_do_not_look_tagged(self, name: str) -> None:
        assert looks_tagged(DATA / "klue_ner")
        assert not any(map(looks_tagged, [DATA / name, *(DATA / name).iterdir()]))
