"""Bad input, kind by kind: what it is, how it is made, and what its refusal has to name.

A kind is a function from an empty folder to what is given on the command line; what it returns last
are the words that the one line on stderr must have.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


@dataclass(frozen=True)
class Given:
    """A command line that must be refused.

    Attributes:
        options: of an experiment's script, or of `al-ray`.
        says: what the line must hold: the file, row or option.
    """

    options: Sequence[str]
    says: Sequence[str]


Kind = Callable[[Path], Given]


def rows(split: str, n: int, labels: str = "가나") -> list[tuple[str, str]]:
    """Texts and labels that are in order."""
    return [(f"{split} 문장 {i} 입니다", labels[i % len(labels)]) for i in range(n)]


def tsv(pairs: Sequence[tuple[str, str]]) -> bytes:
    """A file that is in order."""
    return "".join(f"{text}\t{label}\n" for text, label in [("text", "label"), *pairs]).encode()


TRAIN, TEST = tsv(rows("train", 60)), tsv(rows("test", 12))
GOOD = {"train.tsv": TRAIN, "test.tsv": TEST}


# --- options ------------------------------------------------------------------------------------

HUGE = str(10**30)
OPTIONS: list[tuple[str, ...]] = [
    *[("--seeds", value) for value in ("-1", "a", "0.5", "nan", "", HUGE)],
    ("--seeds", "3", "3"),
    *[("--step-size", value) for value in ("0", "-3", "x", "61", HUGE)],
    ("--step-size", "5", "5"),
    *[("--initial", value) for value in ("0", "-1", "61", HUGE)],
    *[("--steps", value) for value in ("0", "-1", "1.5", HUGE)],
    *[("--budget", value) for value in ("0", "-1", "2.5", "nan", "inf", "61", "1e30")],
    *[("--controls", value) for value in ("0", "-0.5", "1.5", "nan", "inf")],
    ("--controls", "0.2", "0.2"),
    ("--controls", "0.2", "0.2001"),  # the same number of rows
    *[("--validation", value) for value in ("-1", "60", HUGE)],
    *[("--epochs", value) for value in ("0", "-1", "two", HUGE)],
    *[("--updates", value) for value in ("0", "-1", HUGE)],
    *[("--min-updates", value) for value in ("-1", HUGE)],
    *[("--learning-rate", value) for value in ("0", "1", "-1e-3", "nan", "inf", "2e-5x")],
    *[("--batch-size", value) for value in ("0", "-1", HUGE)],
    *[("--max-length", value) for value in ("0", "2", "-128", "513", HUGE)],
    *[("--warmup", value) for value in ("-0.1", "1.1", "nan")],
    *[("--weight-decay", value) for value in ("-1", "nan", "inf")],
    *[("--threads", value) for value in ("0", "-2", "1000000", HUGE)],
    *[("--shards", value) for value in ("0", "-2", "1000000", HUGE)],
    *[("--concurrent", value) for value in ("0", "-2", HUGE)],
    *[("--pool-limit", value) for value in ("0", "1", "-5", HUGE)],
    *[("--test-limit", value) for value in ("0", "-5", HUGE)],
    *[("--candidates", value) for value in ("0", "-1", HUGE)],
    *[("--diversity", value) for value in ("0", "1", "-0.5", "nan")],
    *[("--replay-cold", value) for value in ("-1", "99", HUGE)],
    ("--replay-cold", "1", "1"),
    *[("--replay-seeds", value) for value in ("0", "-1", HUGE)],
    *[
        ("--imbalance", value)
        for value in ("가", "가=", "=0.5", "가=0", "가=2", "가=nan", "없음=1")
    ],
    ("--imbalance", "가=0.5", "가=0.1"),
    ("--label-variants", "merge"),
    ("--test", "nosuch.csv"),
    *[
        ("--strategies", value)
        for value in ("nosuch", "", "control", "replay", "MARGIN", ":", "a:")
    ],
    ("--strategies", "margin", "margin"),
    *[("--committee-learning-rates", value) for value in ("nan", "0", "-1e-3", "inf", "x")],
    ("--retrain", "cold", "cold"),
    ("--head", "frozen", "frozen"),
    *[
        (option, "nosuch")
        for option in (
            *("--retrain", "--recipe", "--disagreement", "--precision", "--device", "--head"),
            *("--committee", "--test-split", "--pooling", "--start"),
        )
    ],
    *[
        (f"--{column}-column", name)
        for column in ("text", "label", "id", "split")
        for name in ("nosuch", "")
    ],
    *[(option, "") for option in ("--data", "--test", "--model", "--out", "--address")],
    *[(option,) for option in ("--seeds", "--strategies", "--step-size", "--out", "--imbalance")],
    ("--nosuch", "1"),
    ("--step", "5"),  # an abbreviation
]
"""One option with a bad value, whose name the refusal must have."""

PAIRS: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
    (("--steps", "3", "--budget", "50"), ("--steps", "--budget")),
    (("--text-column", "text", "--label-column", "text"), ("--text-column", "--label-column")),
    (("--strategies", "qbc", "--committee-learning-rates", "3e-3"), ("two or more members",)),
    (("--strategies", "qbc", "--committee-learning-rates", "1e-3", "1e-4"), ("--learning-rate",)),
    (("--strategies", "qbc", "--committee-learning-rates", "3e-3", "3e-3"), ("twice",)),
    (("--strategies", "bald", "--candidates", "4"), ("--candidates 4", "--step-size 5")),
    (("--strategies", "bald", "--head", "frozen"), ("--head frozen", "bald")),
    (("--start", "linear", "--pooling", "own"), ("--start linear", "--pooling mean")),  # of `mini`
    (("--validation", "58"), ("--step-size 5", "2 rows")),
    (("--steps", "1", "--replay-cold", "1"), ("--replay-cold 1",)),
    (("--pool-limit", "4"), ("--step-size 5", "4 rows")),
    (("--test-split", "given", "--pool-limit", "1"), ("--pool-limit 1",)),
    (("--data", "ynat", "--text-column", "text"), ("--data ynat", "--text-column")),
    (("--data", "ynat", "--test", "test.csv"), ("--data ynat", "--test")),
    (("--strategies", "margn"), ("margn", "did you mean 'margin'?")),
]
"""Options that exclude each other, and what the refusal must have."""


# --- corpora ------------------------------------------------------------------------------------


def parquet(frame: pd.DataFrame) -> bytes:
    made = io.BytesIO()
    frame.to_parquet(made)
    return made.getvalue()


def table(texts: Sequence[str | bytes], labels: object) -> bytes:
    """A Parquet file of these, whether the texts are UTF-8 or not."""
    made = io.BytesIO()
    pq.write_table(
        pa.table({"text": pa.array(texts, pa.binary()).view("string"), "label": labels}), made
    )
    return made.getvalue()


def times(kind: pa.DataType, first: int) -> pa.Array:
    return pa.array([first, *[0] * 59], pa.int64()).view(kind)


def arrow(table: pa.Table) -> bytes:
    made = io.BytesIO()
    with pa.ipc.new_stream(made, table.schema) as writer:
        writer.write_table(table)
    return made.getvalue()


ARROW = arrow(pa.table({"text": ["문장"] * 60, "label": ["가", "나"] * 30}))
LABELS = [label for _, label in rows("train", 60)]
GOOD_PARQUET = parquet(pd.DataFrame(rows("train", 60), columns=["text", "label"]))
JSONL = "".join(f'{{"text": "{t}", "label": "{label}"}}\n' for t, label in rows("train", 60))
LINE = "문장 입니다\t가\n".encode()

Files = Mapping[str, bytes]
CORPORA: dict[str, tuple[Files, tuple[str, ...]]] = {
    "an empty folder": ({}, ("no train file",)),
    "a folder without train": ({"test.tsv": TEST}, ("no train file", "test.tsv")),
    "an empty file": ({"train.tsv": b""}, ("train.tsv", "no rows")),
    "a header only": ({"train.tsv": b"text\tlabel\n"}, ("train.tsv", "no rows")),
    "a test with a header only": ({**GOOD, "test.tsv": b"text\tlabel\n"}, ("test.tsv",)),
    "one label": ({"train.tsv": tsv(rows("train", 60, "가"))}, ("train.tsv", "only one label")),
    "one row per label": ({"train.tsv": tsv(rows("train", 2))}, ("1 train rows",)),
    "no header": ({"train.tsv": LINE * 9}, ("train.tsv", "--text-column")),
    "a missing label column": ({"train.tsv": b"text\nA\nB\n"}, ("train.tsv", "--label-column")),
    "a test without the label column": ({**GOOD, "test.tsv": b"text\nA\n"}, ("test.tsv", "label")),
    "a column that is there twice": (
        {"train.tsv": b"text\tlabel\tlabel\nA\ta\tb\nB\tb\ta\n"},
        ("train.tsv", "'label'", "twice"),
    ),
    "ragged rows": ({"train.tsv": TRAIN + LINE[:-1] + b"\tmore\n"}, ("train.tsv", "line 62")),
    "a row cut short": ({"train.tsv": TRAIN + "문장 입니다\n".encode()}, ("row 61", "no label")),
    "an empty label": ({"train.tsv": TRAIN + "문장 입니다\t \n".encode()}, ("row 61", "no label")),
    "all texts empty": ({"train.tsv": tsv([("", "가"), (" ", "나")])}, ("train.tsv", "'text'")),
    "a label that train lacks": (
        {**GOOD, "test.tsv": TEST + "문장\t다\n".encode()},
        ("test.tsv", "row 13", "'다'"),
    ),
    "labels that differ in case": (
        {"train.tsv": tsv([("A", "Pos"), ("B", "pos"), ("C", "neg")])},
        ("train.tsv", "'Pos' (1) = 'pos' (1)", "--label-variants"),
    ),
    "numbers that are no classes": (
        {"train.tsv": tsv([(f"글 {i}", f"{i}.5") for i in range(60)])},
        ("train.tsv", "60 different numbers", "--label-column"),
    ),
    "dates that are no classes": (
        {"train.tsv": tsv([(f"글 {i}", f"2024-01-{i % 9 + 1:02}") for i in range(60)])},
        ("train.tsv", "dates", "--label-column"),
    ),
    "two columns that may be the label": (
        {"train.tsv": b"text\temotion\ttopic\nA\ta\tx\nB\tb\tx\nC\ta\ty\n"},
        ("train.tsv", "'topic' or 'emotion'", "--label-column"),
    ),
    "a column of splits and a file of one": (
        {**GOOD, "train.tsv": b"text\tlabel\tsplit\nA\ta\ttrain\nB\tb\ttest\n"},
        ("train.tsv", "'split'", "remove"),
    ),
    "a NUL byte in a label": ({"train.tsv": TRAIN + b"A\tb\0b\n"}, ("train.tsv", "row 61", "NUL")),
    "a quotation mark never closed": ({"train.tsv": TRAIN + b'"A\tb\n'}, ("line 62", "closed")),
    "bytes that are no text": ({"train.tsv": TRAIN[:-9] + b"\xff\xfe\xfd\n"}, ("byte offset",)),
    "another encoding": (
        {"train.tsv": TRAIN.decode().encode("iso2022_kr") + b"\x80\xff"},
        ("train.tsv", "UTF-8"),
    ),
    "UTF-16 without a mark": ({"train.tsv": TRAIN.decode().encode("utf-16-le")}, ("UTF-16",)),
    "gz that is not gz": ({"train.tsv.gz": TRAIN}, ("train.tsv.gz", "cannot be read")),
    "gz cut short": ({"train.tsv.gz": gzip.compress(TRAIN)[:-20]}, ("train.tsv.gz",)),
    "Parquet cut short": ({"train.parquet": GOOD_PARQUET[:-200]}, ("train.parquet", "damaged")),
    "Parquet with a damaged page": (
        {"train.parquet": GOOD_PARQUET[:4] + b"\xff" * 60 + GOOD_PARQUET[64:]},
        ("train.parquet", "damaged"),
    ),
    "Parquet with lists": (
        {
            "train.parquet": parquet(
                pd.DataFrame({"text": [["a"]] * 9, "label": ["a", "b", "c"] * 3})
            )
        },
        ("train.parquet", "row 1", "'text'"),
    ),
    "Parquet that is not UTF-8": (
        {"train.parquet": table([*[t for t, _ in rows("train", 59)], b"\xff"], LABELS)},
        ("train.parquet", "row 60", "'text'", "UTF-8"),
    ),
    "Parquet with times that no calendar has": (
        {"train.parquet": table(["A"] * 60, times(pa.timestamp("ms"), 2**62))},
        ("train.parquet", "row 1", "'label'"),
    ),
    "Parquet with a time zone that is not there": (
        {"train.parquet": table(["A"] * 60, times(pa.timestamp("ms", tz="Nowhere/Land"), 0))},
        ("train.parquet", "row 1", "'label'"),
    ),
    "a broken line of JSON": ({"train.jsonl": f"{JSONL}{{\n".encode()}, ("train.jsonl", "line 61")),
    "JSON nested too deep": (
        {"train.jsonl": f'{JSONL}{{"text": {"[" * 100_000}\n'.encode()},
        ("train.jsonl", "line 61"),
    ),
    "JSON with a number too long": (
        {"train.jsonl": f'{JSONL}{{"text": {"9" * 5000}, "label": "가"}}\n'.encode()},
        ("train.jsonl", "line 61"),
    ),
    "JSON that is one array": ({"train.jsonl": b'[{"text": "A", "label": "a"}]'}, ("line 1",)),
    "half a character": (
        {"train.jsonl": JSONL.encode() + b'{"text": "\\ud83d", "label": "a"}\n'},
        ("train.jsonl", "row 61", "half a character"),
    ),
    "both TSV and CSV": (
        {**GOOD, "train.csv": b"text,label\n"},
        ("train.tsv", "train.csv", "both"),
    ),
    "a part missing": ({"train-00000-of-00002.parquet": GOOD_PARQUET}, ("1 of 2 parts",)),
    "a workbook that is none": ({"train.xlsx": b"PK"}, ("train.xlsx", "save it in Excel")),
    "a workbook with a password": (
        {"train.xlsx": bytes.fromhex("d0cf11e0a1b11ae1")},
        ("train.xlsx", "password"),
    ),
    "a format that is not read": ({"train.hwp": b"HWP"}, ("no train file", "train.hwp", ".xlsx")),
    "an old workbook": ({"train.xls": b""}, ("no train file", "train.xls", "soffice")),
    "JSON of another shape": (
        {"train.json": b'{"rows": [{"text": "A", "label": "a"}]}'},
        ("train.json", "python -c"),
    ),
    "JSON without rows": ({"train.json": b"[1, 2]"}, ("train.json", "array of objects")),
    "JSON that is cut off": ({"train.json": b'[{"text": "A"'}, ("train.json", "damaged")),
    "an export of annotations that are none": (
        {"train.json": b'[{"data": {"text": "A"}, "annotations": [1]}]'},
        ("train.json", "Label Studio", "choose CSV"),
    ),
    "Arrow cut short": ({"train.arrow": ARROW[:-300]}, ("train.arrow", "damaged")),
}
"""Files of a folder, and what the refusal must have."""


def corpus_kind(files: Files, says: tuple[str, ...]) -> Kind:
    def make(folder: Path) -> Given:
        data = folder / "data"
        data.mkdir()
        for name, content in files.items():
            (data / name).write_bytes(content)
        return Given(
            ("--data", str(data)), (str(data) if "train rows" not in says[0] else "", *says)
        )

    return make


def a_path_that_is_not_there(folder: Path) -> Given:
    return Given(("--data", str(folder / "nosuch")), (str(folder / "nosuch"), "check its path"))


def a_path_that_is_too_long(folder: Path) -> Given:
    return Given(("--data", "a" * 300), ("a" * 300, "check its path"))


def a_folder_named_train_tsv(folder: Path) -> Given:
    (folder / "data" / "train.tsv").mkdir(parents=True)
    return Given(("--data", str(folder / "data")), ("train.tsv", "no train file"))


def a_dangling_link(folder: Path) -> Given:
    (folder / "data").mkdir()
    (folder / "data" / "train.tsv").symlink_to(folder / "gone.tsv")
    return Given(("--data", str(folder / "data")), ("train.tsv", "link"))


def a_link_to_itself(folder: Path) -> Given:
    (folder / "loop").symlink_to(folder / "loop")
    return Given(("--data", str(folder / "loop")), (str(folder / "loop"),))


def a_file_of_no_known_format(folder: Path) -> Given:
    (folder / "corpus.pdf").write_bytes(b"%PDF")
    return Given(("--data", str(folder / "corpus.pdf")), ("corpus.pdf", "format"))


def a_device(folder: Path) -> Given:
    return Given(("--data", os.devnull), (os.devnull,))


def a_corpus_that_is_a_pipe(folder: Path) -> Given:
    os.mkfifo(folder / "mine.csv")
    return Given(("--data", str(folder / "mine.csv")), ("mine.csv", "no regular file"))


def a_train_that_is_a_pipe(folder: Path) -> Given:
    (folder / "data").mkdir()
    os.mkfifo(folder / "data" / "train.tsv")
    return Given(("--data", str(folder / "data")), ("train.tsv", "no regular file"))


def a_test_that_is_a_pipe(folder: Path) -> Given:
    (folder / "data").mkdir()
    (folder / "data" / "train.tsv").write_bytes(TRAIN)
    os.mkfifo(folder / "data" / "test.parquet")
    return Given(("--data", str(folder / "data")), ("test.parquet", "no regular file"))


def a_part_that_is_a_pipe(folder: Path) -> Given:
    (folder / "data" / "train").mkdir(parents=True)
    (folder / "data" / "train" / "0.tsv").write_bytes(TRAIN)
    (folder / "data" / "train" / "1.tsv").symlink_to(os.devnull)
    return Given(("--data", str(folder / "data")), ("1.tsv", "no regular file"))


def a_name_that_is_no_text(folder: Path) -> Given:
    data = folder / "data\udcff"
    data.mkdir()
    for name, content in GOOD.items():
        (data / name).write_bytes(content)
    return Given(("--data", str(data)), ("data", "rename"))


def a_given_test_that_is_not_there(folder: Path) -> Given:
    (folder / "data").mkdir()
    (folder / "data" / "train.tsv").write_bytes(TRAIN)
    return Given(("--data", str(folder / "data"), "--test-split", "given"), ("--test-split given",))


def all_of_train_is_in_the_test(folder: Path) -> Given:
    (folder / "data").mkdir()
    (folder / "data" / "train.tsv").write_bytes(TRAIN)
    (folder / "data" / "test.tsv").write_bytes(TRAIN)
    return Given(("--data", str(folder / "data"), "--drop-leaked"), ("--drop-leaked",))


DATA: list[Kind] = [
    a_path_that_is_not_there,
    a_path_that_is_too_long,
    a_folder_named_train_tsv,
    a_dangling_link,
    a_link_to_itself,
    a_file_of_no_known_format,
    a_device,
    a_corpus_that_is_a_pipe,
    a_train_that_is_a_pipe,
    a_test_that_is_a_pipe,
    a_part_that_is_a_pipe,
    a_name_that_is_no_text,
    a_given_test_that_is_not_there,
    all_of_train_is_in_the_test,
]


# --- models -------------------------------------------------------------------------------------

CONFIG = {
    "architectures": ["BertModel"],
    "model_type": "bert",
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_attention_heads": 2,
    "num_hidden_layers": 1,
    "vocab_size": 40,
    "max_position_embeddings": 512,
    "pad_token_id": 1,
}


def safetensors(header: bytes | None = None, body: bytes = b"\0" * 16) -> bytes:
    """A file of one tensor of four zeros."""
    facts = {"embeddings.weight": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}
    header = json.dumps(facts).encode() if header is None else header
    return struct.pack("<Q", len(header)) + header + body


def encoder(folder: Path, weights: bytes | None = None, **config: object) -> Path:
    """A folder with configuration, tokenizer and weights: what a kind then breaks."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    made = folder / "encoder"
    made.mkdir()
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["[UNK]", "[PAD]", "[CLS]", "[SEP]"]
    trainer = trainers.BpeTrainer(vocab_size=40, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator([text for text, _ in rows("train", 60)], trainer)
    tokenizer.save(str(made / "tokenizer.json"))
    names = dict(zip(("unk_token", "pad_token", "cls_token", "sep_token"), special, strict=True))
    facts = {"tokenizer_class": "PreTrainedTokenizerFast", **names}
    (made / "tokenizer_config.json").write_text(json.dumps(facts))
    (made / "config.json").write_text(json.dumps({**CONFIG, **config}))
    (made / "model.safetensors").write_bytes(safetensors() if weights is None else weights)
    return made


def model(folder: Path, *says: str) -> Given:
    return Given(("--model", str(folder)), says)


def a_model_that_is_not_there(folder: Path) -> Given:
    return model(folder / "nosuch", "--model", str(folder / "nosuch"))


def a_model_name_that_is_too_long(folder: Path) -> Given:
    return Given(("--model", "a" * 300), ("--model",))


def a_model_that_is_a_file(folder: Path) -> Given:
    (folder / "model.bin").write_bytes(b"weights")
    return model(folder / "model.bin", "--model", "model.bin")


def a_model_folder_that_is_empty(folder: Path) -> Given:
    (folder / "encoder").mkdir()
    return model(folder / "encoder", "config.json is missing")


def a_configuration_cut_short(folder: Path) -> Given:
    made = encoder(folder)
    (made / "config.json").write_text('{"model_type": ')
    return model(made, "config.json")


def a_configuration_nested_too_deep(folder: Path) -> Given:
    made = encoder(folder)
    (made / "config.json").write_text(f'{{"a": {"[" * 100_000}')
    return model(made, "config.json", "nested")


def a_tokenizer_configuration_nested_too_deep(folder: Path) -> Given:
    made = encoder(folder)
    (made / "tokenizer_config.json").write_text(f'{{"a": {"[" * 900}{"]" * 900}}}')
    return model(made, "tokenizer_config.json", "nested")


def a_configuration_without_end(folder: Path) -> Given:
    made = encoder(folder)
    with (made / "config.json").open("a") as file:
        file.truncate(2**24 + 1)
    return model(made, "config.json", "bytes")


def pipe_in(name: str) -> Kind:
    def make(folder: Path) -> Given:
        made = encoder(folder)
        (made / name).unlink()
        os.mkfifo(made / name)
        return model(made, name, "no regular file")

    make.__name__ = f"pipe in {name}"
    return make


def positions_after_a_padding_that_is_no_number(folder: Path) -> Given:
    made = encoder(folder, model_type="roberta", pad_token_id="x", max_position_embeddings=9)
    return Given(("--model", str(made), "--max-length", "8"), ("--max-length 8", "7"))


def a_configuration_of_labels_without_end(folder: Path) -> Given:
    return model(encoder(folder, num_labels=10**12), "config.json", "num_labels 1000000000000")


def a_configuration_of_layers_without_end(folder: Path) -> Given:
    return model(encoder(folder, num_hidden_layers=10**400), "config.json", "num_hidden_layers")


def a_tokenizer_that_lacks_its_own_unknown_token(folder: Path) -> Given:
    """It opens, and fails at the first text."""
    made = encoder(folder)
    (made / "tokenizer.json").unlink()
    (made / "vocab.txt").write_text("[PAD]\n[CLS]\n[SEP]\n가\n")
    facts = {"tokenizer_class": "BertTokenizer"}
    (made / "tokenizer_config.json").write_text(json.dumps(facts))
    return model(made, str(made), "tokenizer", "[UNK]")


def a_tokenizer_that_makes_its_library_panic(folder: Path) -> Given:
    made = encoder(folder)
    path = made / "tokenizer.json"
    facts = json.loads(path.read_text())
    facts["model"]["continuing_subword_prefix"] = "a" * 30  # longer than any piece
    path.write_text(json.dumps(facts))
    return model(made, str(made), "tokenizer")


def a_configuration_without_a_type(folder: Path) -> Given:
    return model(encoder(folder, model_type=None), "config.json", "model_type")


def an_unknown_type(folder: Path) -> Given:
    return model(encoder(folder, model_type="nosuch"), "config.json", "nosuch")


def a_type_that_is_no_text(folder: Path) -> Given:
    return model(encoder(folder, model_type=["bert"]), "config.json", "model_type")


def a_causal_model(folder: Path) -> Given:
    made = encoder(folder, model_type="gpt2", architectures=["GPT2LMHeadModel"])
    return model(made, "config.json", "GPT2LMHeadModel")


def a_translator(folder: Path) -> Given:
    made = encoder(folder, model_type="t5", architectures=["T5ForConditionalGeneration"])
    return model(made, "config.json", "T5ForConditionalGeneration")


def a_decoder(folder: Path) -> Given:
    return model(encoder(folder, is_decoder=True), "config.json", "is_decoder")


def no_weights(folder: Path) -> Given:
    made = encoder(folder)
    (made / "model.safetensors").unlink()
    return model(made, "no weights", "model.safetensors")


def weights_of_which_a_part_is_missing(folder: Path) -> Given:
    made = encoder(folder)
    (made / "model.safetensors").rename(made / "model-00001-of-00002.safetensors")
    (made / "model.safetensors.index.json").write_text("{}")
    return model(made, "no weights", "all its parts")


def weights_without_a_byte(folder: Path) -> Given:
    return model(encoder(folder, b""), "model.safetensors")


def weights_cut_short(folder: Path) -> Given:
    return model(encoder(folder, safetensors()[:-3]), "model.safetensors")


def weights_that_lie_of_their_length(folder: Path) -> Given:
    return model(encoder(folder, b"\xff" * 200), "model.safetensors")


def weights_that_end_nowhere(folder: Path) -> Given:
    header = b'{"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 1e999]}}'
    return model(encoder(folder, safetensors(header)), "model.safetensors")


def weights_of_another_kind(folder: Path) -> Given:
    return model(encoder(folder, b"version https://git-lfs.github.com/spec/v1\n"), "safetensors")


class Bomb:
    """What a hostile pickle is."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("exploded",)


def bin_file(folder: Path, content: bytes) -> Path:
    made = encoder(folder)
    (made / "model.safetensors").unlink()
    (made / "pytorch_model.bin").write_bytes(content)
    return made


def zipped(content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("archive/data.pkl", content)
    return made.getvalue()


def a_pickle_with_a_program(folder: Path) -> Given:
    made = bin_file(folder, zipped(pickle.dumps({"weight": Bomb()})))
    return model(made, "pytorch_model.bin", "mkdir")


def an_old_pickle_with_a_program(folder: Path) -> Given:
    return model(bin_file(folder, pickle.dumps(Bomb())), "pytorch_model.bin", "mkdir")


def a_pickle_cut_short(folder: Path) -> Given:
    made = bin_file(folder, zipped(pickle.dumps({"a": np.zeros(99)}))[:-40])
    return model(made, "pytorch_model.bin")


def a_bin_that_is_no_pickle(folder: Path) -> Given:
    return model(bin_file(folder, b"weights"), "pytorch_model.bin")


def no_tokenizer(folder: Path) -> Given:
    made = encoder(folder)
    for path in made.glob("tokenizer*"):
        path.unlink()
    return model(made, str(made), "tokenizer")


def a_tokenizer_cut_short(folder: Path) -> Given:
    made = encoder(folder)
    path = made / "tokenizer.json"
    path.write_bytes(path.read_bytes()[:500])
    return model(made, str(made), "tokenizer")


def a_tokenizer_without_padding(folder: Path) -> Given:
    made = encoder(folder)
    path = made / "tokenizer_config.json"
    path.write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}))
    return model(made, str(made), "padding")


def a_tokenizer_of_another_model(folder: Path) -> Given:
    return model(encoder(folder, vocab_size=8), "config.json", "vocab_size 8")


def too_few_positions(folder: Path) -> Given:
    made = encoder(folder, max_position_embeddings=64)
    return Given(("--model", str(made), "--max-length", "65"), ("--max-length 65", "64"))


MODELS: list[Kind] = [
    a_model_that_is_not_there,
    a_model_name_that_is_too_long,
    a_model_that_is_a_file,
    a_model_folder_that_is_empty,
    a_configuration_cut_short,
    a_configuration_nested_too_deep,
    a_tokenizer_configuration_nested_too_deep,
    a_configuration_without_end,
    *map(pipe_in, ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")),
    positions_after_a_padding_that_is_no_number,
    a_configuration_of_labels_without_end,
    a_configuration_of_layers_without_end,
    a_tokenizer_that_lacks_its_own_unknown_token,
    a_tokenizer_that_makes_its_library_panic,
    a_configuration_without_a_type,
    an_unknown_type,
    a_type_that_is_no_text,
    a_causal_model,
    a_translator,
    a_decoder,
    no_weights,
    weights_of_which_a_part_is_missing,
    weights_without_a_byte,
    weights_cut_short,
    weights_that_lie_of_their_length,
    weights_that_end_nowhere,
    weights_of_another_kind,
    a_pickle_with_a_program,
    an_old_pickle_with_a_program,
    a_pickle_cut_short,
    a_bin_that_is_no_pickle,
    no_tokenizer,
    a_tokenizer_cut_short,
    a_tokenizer_without_padding,
    a_tokenizer_of_another_model,
    too_few_positions,
]


# --- strategies of one's own --------------------------------------------------------------------

HEAD = "from al_ray.strategies import Strategy\n"
OWN = f"{HEAD}class Mine(Strategy):\n    name = 'mine'\n    family = 'model-based'\n"
STRATEGIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "no such module": ("", ("nosuch_module:Mine",)),
    "no such name": ("", ("strategies_{}:Nosuch",)),
    "a module that does not parse": ("class Mine(:\n", ("strategies_{}:Mine", "SyntaxError")),
    "a module that fails": ("1 / 0\n", ("strategies_{}:Mine", "ZeroDivisionError")),
    "a module that exits": ("import sys; sys.exit(3)\n", ("strategies_{}:Mine", "SystemExit")),
    "lines of reasons": ("raise ValueError('a\\nb')\n", ("strategies_{}:Mine", "a b")),
    "no strategy": ("Mine = 3\n", ("strategies_{}:Mine", "Strategy")),
    "a class of something else": ("class Mine: ...\n", ("strategies_{}:Mine", "Strategy")),
    "a function of something else": ("def Mine(): return 3\n", ("strategies_{}:Mine", "Strategy")),
    "a function with arguments": ("def Mine(a): ...\n", ("strategies_{}:Mine", "cannot be made")),
    "a function that exits": (
        "def Mine(): raise SystemExit(0)\n",
        ("strategies_{}:Mine", "SystemExit"),
    ),
    "a module that throws what is no error": (
        "class Odd(BaseException): ...\nraise Odd\n",
        ("strategies_{}:Mine", "Odd"),
    ),
    "an exit": ("", ("sys:exit", "Strategy")),
    "a need that is no set": (
        f"{OWN}    needs = 3\n    def score(self, o): ...\n",
        ("strategies_{}:Mine", "needs"),
    ),
    "no score": (OWN, ("strategies_{}:Mine", "score")),
    "a name that is taken": (
        f"{HEAD}class Mine(Strategy):\n    name = 'margin'\n    def score(self, o): ...\n",
        ("strategies_{}:Mine", "'margin' is taken"),
    ),
    "an unknown family": (
        f"{OWN.replace('model-based', 'x')}    def score(self, o): ...\n",
        ("strategies_{}:Mine", "family"),
    ),
    "an unknown need": (
        f"{OWN}    needs = frozenset({{'luck'}})\n    def score(self, o): ...\n",
        ("strategies_{}:Mine", "luck"),
    ),
}
"""The source of a module with `Mine`, and what the refusal must have."""


def strategy_kind(position: int) -> Kind:
    source, says = list(STRATEGIES.values())[position]

    def make(folder: Path) -> Given:
        (folder / f"strategies_{position}.py").write_text(source)
        named = says[0].format(position)
        return Given(("--strategies", named), (named, *says[1:]))

    return make


# --- results folders ----------------------------------------------------------------------------


def out(folder: Path, *says: str) -> Given:
    return Given(("--out", str(folder)), says)


def an_out_that_is_a_file(folder: Path) -> Given:
    (folder / "file").write_text("mine")
    return out(folder / "file", "--out", "file")


def an_out_under_a_file(folder: Path) -> Given:
    (folder / "file").write_text("mine")
    return out(folder / "file" / "out", "--out", "file")


def an_out_that_cannot_be_made(folder: Path) -> Given:
    return out(Path("/proc/nosuch/out"), "--out", "/proc/nosuch/out")


def an_out_that_is_too_long(folder: Path) -> Given:
    return Given(("--out", "a" * 300), ("--out",))


def described(content: bytes) -> Kind:
    def make(folder: Path) -> Given:
        (folder / "out").mkdir()
        (folder / "out" / "study.json").write_bytes(content)
        return out(folder / "out", "study.json", "--out")

    return make


def a_description_that_is_a_folder(folder: Path) -> Given:
    (folder / "out" / "study.json").mkdir(parents=True)
    return out(folder / "out", "study.json", "--out")


def written(folder: Path, **changes: object) -> Path:
    """The folder of a study that another one would go on in."""
    made = folder / "out"
    (made / "steps").mkdir(parents=True)
    (made / "steps" / "margin-0000.parquet").write_bytes(GOOD_PARQUET)
    facts = {
        "schema_version": 2,
        "corpus": {"name": "other", "digest": "0123456789"},
        "model": {"name": "other", "digest": "0123456789"},
        "training": {"learning_rate": 0.1},
        "trajectories": {"margin": 3},
        "tests": {"test": 12},
        "demonstration": False,
    }
    (made / "study.json").write_text(json.dumps({**facts, **changes}))
    return made


def a_study_of_another_corpus(folder: Path) -> Given:
    return out(written(folder), "corpus other", "--out")


def tables_of_an_older_version(folder: Path) -> Given:
    return out(written(folder, schema_version=1), "version 1", "--out")


def tables_of_a_newer_version(folder: Path) -> Given:
    return out(written(folder, schema_version=99), "version 99", "--out")


OUTS: dict[str, Kind] = {
    "a file": an_out_that_is_a_file,
    "under a file": an_out_under_a_file,
    "cannot be made": an_out_that_cannot_be_made,
    "too long": an_out_that_is_too_long,
    "a description that is no JSON": described(b"not JSON"),
    "a description cut short": described(b'{"schema_version": 2, "corpus": {"na'),
    "a description without a byte": described(b""),
    "a description that is a list": described(b"[]"),
    "a description without facts": described(b'{"schema_version": 2}'),
    "a description with facts of another kind": described(
        b'{"schema_version": 2, "corpus": 1, "model": 2, "training": 3, "trajectories": 4, '
        b'"tests": 5, "demonstration": 6}'
    ),
    "a description that is no text": described(b"\xff\xfe\x00\x01"),
    "a description that is a folder": a_description_that_is_a_folder,
    "another corpus": a_study_of_another_corpus,
    "an older version": tables_of_an_older_version,
    "a newer version": tables_of_a_newer_version,
}


# --- al-ray -------------------------------------------------------------------------------------


def command(*words: str, says: Sequence[str]) -> Kind:
    return lambda folder: Given(
        [word.format(folder) for word in words], [said.format(folder) for said in says]
    )


def of_written(*words: str, says: Sequence[str], **changes: object) -> Kind:
    def make(folder: Path) -> Given:
        made = written(folder, **changes)
        return Given([word.format(made) for word in words], says)

    return make


def of_bare(name: str) -> Kind:
    def make(folder: Path) -> Given:
        (folder / "study.json").write_text('{"schema_version": 2}')
        return Given((name, str(folder)), ("study.json",))

    return make


READERS = ("show", "verdict", "report", "compact")
COMMANDS: dict[str, Kind] = {
    "no command": command(says=["COMMAND"]),
    "an unknown command": command("nosuch", says=["nosuch"]),
    **{f"{name} without a folder": command(name, says=["OUT"]) for name in READERS},
    **{
        f"{name} of nothing": command(name, "{}/nosuch", says=["{}/nosuch", "study.json"])
        for name in READERS
    },
    **{f"{name} of ''": command(name, "", says=["study.json"]) for name in READERS},
    **{
        f"{name} of a description without facts": of_written(
            name, "{}", says=["study.json"], tests={}, trajectories=None
        )
        for name in ("show", "verdict", "report")
    },
    **{
        f"{name} of a description without names": of_bare(name)
        for name in ("show", "verdict", "report")
    },
    "show too seldom": command("show", "{}", "--every", "inf", says=["--every"]),
    "show without a pause": command("show", "{}", "--every", "0", says=["--every"]),
    "verdict of no day's work": command(
        "verdict", "{}", "--labels-per-day", "0", says=["--labels-per-day"]
    ),
    "check of nothing": command("check", "{}/nosuch", says=["{}/nosuch"]),
    "check of ''": command("check", "", says=["DATA", "empty"]),
    "check of too few tokens": command(
        "check", "embedded", "--max-length", "0", says=["--max-len"]
    ),
    "check of nobody's tokens": command("check", "embedded", "--max-length", "9", says=["--model"]),
    "check by no model": command(
        "check", "embedded", "--model", "{}/no", says=["--model", "{}/no"]
    ),
    "check of no column": command(
        "check", "embedded", "--text-column", "x", says=["--text-column"]
    ),
}
