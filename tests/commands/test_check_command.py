"""`al-ray check`, and the options of a study that change its corpus."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from al_ray.commands import study as cli
from al_ray.commands.experiment import Experiment
from al_ray.commands.options import load_corpus
from al_ray.commands.parser import study_parser
from al_ray.commands.study import main
from al_ray.corpus.rows import Corpus
from al_ray.errors import UserError

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared"
needs_shared = [
    pytest.mark.shared,
    pytest.mark.skipif(not SHARED.is_dir(), reason="../shared is not beside the project"),
]
EXPERIMENT = Experiment("made", "Made.", ("random",), (10,), 0.5, 16, 64)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """30 rows of 정치 and 15 of 스포츠, one empty; every text of the test is in train."""
    folder = tmp_path / "mine"
    folder.mkdir()
    rows = [f"글 {i},{('정치', '정치', '스포츠')[i % 3]}" for i in range(45)]
    train = ["text,label", *rows, ",정치", "글 0,스포츠"]
    (folder / "train.csv").write_text("\n".join(train) + "\n", encoding="cp949")
    test = ["text,label", *rows[:6]]
    (folder / "test.csv").write_text("\n".join(test) + "\n", encoding="utf-8")
    return folder


def check(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    """Exit code, output and errors of the command."""
    with pytest.raises(SystemExit) as caught:
        main(["check", *argv])
    captured = capsys.readouterr()
    assert isinstance(caught.value.code, int)
    return caught.value.code, captured.out, captured.err


def facts(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, Any]:
    code, out, _ = check(capsys, *argv, "--json")
    assert code == 0
    answer: dict[str, Any] = json.loads(out)
    return answer


def test_what_is_there_and_what_is_wrong(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = check(capsys, str(folder))
    assert code == 0  # warnings do not fail
    assert "Encoding: CP949 (EUC-KR) in train.csv; UTF-8 in test.csv." in out
    assert "Corpus mine" in out
    lines = out.splitlines()
    (line,) = (line for line in lines if line.startswith("│ rows "))
    assert [cell.strip() for cell in line.split("│")[2:4]] == ["47", "6"]
    (line,) = (line for line in lines if line.startswith("│ 스포츠"))
    assert [cell.strip() for cell in line.split("│")[2:4]] == ["16   34.8 %", "2   33.3 %"]
    wrong = lines[lines.index("What is wrong, worst first:") + 1 :]
    assert wrong[0].startswith("- 7 of 46 train rows have the text of a row of test (1 with")
    assert "--drop-leaked" in wrong[0]
    assert any("train: 1 texts have two labels" in line for line in wrong)


def test_korean_columns_are_aligned(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli.terminal, "console", lambda: Console(width=100, highlight=False))
    _, out, _ = check(capsys, str(folder))
    table = [line for line in out.splitlines() if line[:1] in "│├└┏┃┡"]
    assert len(table) > 10
    assert len({cell_len(line) for line in table}) == 1
    assert cell_len(table[0]) <= 100


def test_the_same_facts_for_machines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = facts(capsys, str(folder))
    assert answer["corpus"] == "mine"
    assert answer["labels"] == ["스포츠", "정치"]
    train, test = answer["splits"]
    assert (train["rows"], train["empty"], train["duplicates"]) == (47, 1, 1)
    assert train["labels"] == [16, 30]
    assert test["labels"] == [2, 4]
    kinds = [problem["kind"] for problem in answer["problems"]]
    assert kinds == ["leaked", "conflicting", "duplicates", "empty"]
    leaked = answer["problems"][0]
    assert leaked["count"] == 7
    assert leaked["examples"][0] == {"rows": ["train:1", "test:1"], "text": "글 0"}
    assert any(note.startswith("Columns") for note in answer["notes"])


def test_embedded_is_clean(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = check(capsys, "embedded")
    assert code == 0
    assert "Nothing is wrong." in out


def test_what_is_fixed_reads_without_remarks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Variants, blanks, NUL bytes, empty texts, a column of splits, and rows without a label."""
    labels = ("Pos", "Pos", "pos ", "neg", "", " neg")
    rows = [f"글\0 {i}\t{labels[i % 6]}\t{'학습' if i % 4 else '평가'}" for i in range(48)]
    lines = ["text\tlabel\tsplit", *rows, " \tPos\t학습"]
    data = tmp_path / "mine.tsv"
    data.write_text("\n".join(lines) + "\n", encoding="utf-8")
    code, _, err = check(capsys, str(data), "--label-variants", "join")
    assert code == 2
    assert "nor have 3 more rows" in err
    assert "--fix OUT" in err

    out = tmp_path / "fixed"
    code, said, _ = check(capsys, str(data), "--fix", str(out))
    assert code == 0
    assert f"{out / 'unlabelled-train.csv'}, " in said
    assert "put them into train.csv" in said
    unlabelled = sorted(path.name for path in out.glob("unlabelled-*"))
    answer = facts(capsys, str(out))
    assert answer["labels"] == ["Pos", "neg"]
    assert sum(sum(split["labels"]) for split in answer["splits"]) == 40
    assert answer["notes"] == [
        f"Files not read: {', '.join(unlabelled)}.",
        "Encoding: UTF-8 with a byte order mark.",
        "Columns: text 'text', label 'label', id 'id'.",
    ]
    lost = (out / "unlabelled-train.csv").read_text(encoding="utf-8-sig").splitlines()
    with (out / "train.csv").open("a", encoding="utf-8") as file:  # what is told to be done
        file.writelines(f"{line}neg\n" for line in lost[1:])
    rows_of = {split["name"]: split["rows"] for split in facts(capsys, str(out))["splits"]}
    assert rows_of["train"] == answer["splits"][0]["rows"] + len(lost) - 1
    assert check(capsys, str(data), "--fix", str(out))[0] == 2


def test_labels_are_not_markup_and_many_are_cut(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"t{i} {n},[red]{i}[/red]" for i in range(40) for n in range(12)]
    (tmp_path / "t.csv").write_text("text,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    _, out, _ = check(capsys, str(tmp_path / "t.csv"))
    assert "[red]0[/red]" in out
    assert "and 10 rarer labels" in out


def test_columns_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t.csv").write_text("글,반,번\na,x,1\nb,y,2\n", encoding="utf-8")
    columns = ("--text-column", "글", "--label-column", "반", "--id-column", "번")
    assert facts(capsys, str(tmp_path / "t.csv"), *columns)["labels"] == ["x", "y"]
    code, out, err = check(capsys, str(tmp_path / "t.csv"))
    assert (code, out) == (2, "")
    assert err.startswith("al-ray: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("nowhere",), "no such file or folder"),
        (("embedded", "--max-length", "5"), "give --model too"),
        (("embedded", "--fix", "out"), "generated text"),  # whose mark a file would not have
        (("embedded", "--model", "mini", "--max-length", "0"), "give at least 1"),
        (("embedded", "--model", "./nowhere"), "--model ./nowhere: no such folder"),
    ],
)
def test_what_cannot_be_used(
    argv: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = check(capsys, *argv)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_entities_are_not_fixed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "train.tsv").write_text("## 1\n김\tB-PS\n구\tI-PS\n\n", encoding="utf-8")
    assert check(capsys, str(tmp_path / "train.tsv"))[0] == 0
    code, _, err = check(capsys, str(tmp_path / "train.tsv"), "--fix", str(tmp_path / "out"))
    assert (code, "--fix writes no entities" in err) == (2, True)


class TestReal:
    pytestmark = needs_shared

    def test_nsmc(self, capsys: pytest.CaptureFixture[str]) -> None:
        _, out, _ = check(capsys, str(SHARED / "data" / "nsmc"))
        for name, *cells in (
            ("rows", "150,000", "50,000"),
            ("empty, left out", "5", "3"),
            ("duplicates", "3,817", "842"),
        ):
            (line,) = (line for line in out.splitlines() if line.startswith(f"│ {name} "))
            assert [cell.strip() for cell in line.split("│")[2:4]] == cells

    def test_ynat_with_the_tokens_of_kobert(self, capsys: pytest.CaptureFixture[str]) -> None:
        pytest.importorskip("al_ray.corpus.tokens.tokenisers")
        model = str(SHARED / "models" / "kobert-tokenizer")
        data = str(SHARED / "data" / "ynat")
        answer = facts(capsys, data, "--model", model, "--max-length", "16")
        train, dev = answer["splits"]
        society = answer["labels"].index("사회")
        assert round(100 * train["labels"][society] / train["rows"], 1) == 10.0
        assert round(100 * dev["labels"][society] / dev["rows"], 1) == 40.6
        assert dev["tokens"]["sampled"] == 9_107
        assert train["tokens"]["sampled"] == 10_000
        assert 0.05 < train["tokens"]["share"] < 0.95
        assert [p["kind"] for p in answer["problems"]] == ["shifted", "cut", "cut"]
        _, out, _ = check(capsys, data, "--model", model, "--max-length", "16")
        assert "cut at 16" in out


# --- the options of a study ---------------------------------------------------------------------


def study_corpus(folder: Path, *argv: str) -> Corpus:
    options = study_parser(EXPERIMENT).parse_args(["--data", str(folder), *argv])
    return load_corpus(options)


def test_a_study_says_what_is_wrong_with_its_corpus(folder: Path) -> None:
    notes = study_corpus(folder).notes
    assert any("7 of 46 train rows have the text" in note for note in notes)
    assert any("1 texts have two labels" in note for note in notes)
    assert any("1 of 46 rows repeat" in note for note in notes)


def test_dropped_then_thinned_then_limited(folder: Path) -> None:
    corpus = study_corpus(folder, "--drop-leaked", "--imbalance", "스포츠=0.5", "정치=0.5")
    # 39 rows remain of 46, 13 of them of 스포츠; of 13 and 26 half are 6 and 13
    assert len(corpus.train) == 19
    assert len(corpus.tests[0]) == 6
    assert [note.partition(" ")[0] for note in corpus.notes[-2:]] == ["7", "Train"]
    assert "19 of 39 rows remain" in corpus.notes[-1]
    limited = study_corpus(
        folder, "--drop-leaked", "--imbalance", "스포츠=0.5", "--pool-limit", "9"
    )
    assert len(limited.train) == 9


def test_the_hold_out_counts_as_a_test(folder: Path) -> None:
    corpus = study_corpus(folder, "--test-split", "holdout", "--drop-leaked")
    tested = {text for test in corpus.tests for text in test.texts}
    assert not tested & set(corpus.train.texts)


@pytest.mark.parametrize("words", [["스포츠"], ["없음=0.5"], ["스포츠=2"]])
def test_a_wrong_imbalance_is_one_line(folder: Path, words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        study_corpus(folder, "--imbalance", *words)
    assert "--imbalance" in str(caught.value)
    assert "\n" not in str(caught.value)
