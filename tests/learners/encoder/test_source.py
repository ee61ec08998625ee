"""Which encoder a name means, and what is said where there is none."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
import zipfile

import hub_server
import pytest
from s3_server import SECRET

from al_ray.corpus.embedded.news import generate
from al_ray.errors import ModelError
from al_ray.learners.encoder import weights
from al_ray.learners.encoder.rates import learning_rate
from al_ray.learners.encoder.source import ModelSource, resolve
from al_ray.learners.encoder.weights import check_weights


@pytest.fixture(scope="module")
def corpus():
    return generate(train=60, test=10)


@pytest.fixture
def encoder(tmp_path):
    folder = tmp_path / "encoder"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", "hidden_size": 8}))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


@pytest.fixture
def unreachable(monkeypatch, tmp_path):
    hub_server.use(monkeypatch, "http://127.0.0.1:9", tmp_path / "home")


def refused(model, corpus, cache):
    with pytest.raises(ModelError) as caught:
        resolve(str(model), corpus, cache)
    said = str(caught.value)
    assert "\n" not in said
    assert f"--model {model}" in said
    return said


@pytest.mark.parametrize("model", ["nosuch", "./no/such", "/no/such/folder", "a/b/c", "~/nosuch/x"])
def test_missing_folder(corpus, tmp_path, model, unreachable):
    said = refused(model, corpus, tmp_path)
    assert "no such folder" in said
    assert "give an encoder folder" in said


def test_a_home_that_does_not_exist(corpus, tmp_path, unreachable):
    refused("~no-such-user/encoder", corpus, tmp_path)


def test_a_file_is_no_folder(corpus, encoder, tmp_path):
    refused(encoder / "config.json", corpus, tmp_path)


def test_missing_configuration(corpus, encoder, tmp_path):
    (encoder / "config.json").unlink()
    assert "config.json is missing" in refused(encoder, corpus, tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"{", b"", b"[1]", b'"bert"', b"null", b"{}", b'{"model_type": null}', b"\xff\xfe\x00"],
)
def test_garbled_configuration(corpus, encoder, tmp_path, content):
    (encoder / "config.json").write_bytes(content)
    assert "config.json" in refused(encoder, corpus, tmp_path)


@pytest.mark.parametrize(("model", "hub_id"), [("kobert", "monologg/kobert"), ("me/mine",) * 2])
def test_the_hub_out_of_reach(corpus, tmp_path, monkeypatch, unreachable, model, hub_id):
    monkeypatch.chdir(tmp_path)
    said = refused(model, corpus, tmp_path / "cache")
    for part in (hub_id, "http://127.0.0.1:9", "Connection refused", "connect", "folder"):
        assert part in said
    assert not (tmp_path / "cache").exists()


def test_the_hub_switched_off(tmp_path):
    program = (
        "import sys; from pathlib import Path\n"
        "from al_ray.corpus.embedded.news import generate\n"
        "from al_ray.learners.encoder.source import resolve\n"
        "from al_ray.errors import ModelError\n"
        "try: resolve('kobert', generate(train=60, test=10), Path(sys.argv[1]))\n"
        "except ModelError as error: print(error)\n"
        "print('torch' in sys.modules, 'transformers' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "cache")],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    lines = ended.stdout.splitlines()
    assert len(lines) == 2, ended.stderr
    assert lines[0].startswith("--model kobert: monologg/kobert cannot be had from the hub (")
    assert "give --model a folder" in lines[0]
    assert lines[1] == "False False"


def test_the_digest_is_of_the_content_and_not_of_the_place(corpus, encoder, tmp_path):
    here = resolve(str(encoder), corpus, tmp_path)
    assert (here.name, here.folder) == ("encoder", encoder)
    other = tmp_path / "a" / "other"
    shutil.copytree(encoder, other)
    (other / "README.md").write_text("not what counts")
    (other / "runs").mkdir()
    there = resolve(str(other), corpus, tmp_path)
    assert there.name == "other"
    assert there.digest == here.digest
    found = {here.digest}
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        path = other / name
        kept = path.read_bytes()
        path.write_bytes(kept + b" ")
        found.add(resolve(str(other), corpus, tmp_path).digest)
        path.write_bytes(kept)
    (other / "vocab.txt").write_text("more")
    found.add(resolve(str(other), corpus, tmp_path).digest)
    assert len(found) == 5


def test_a_folder_in_the_working_folder_is_found_by_its_name(
    corpus, encoder, tmp_path, monkeypatch, unreachable
):
    monkeypatch.chdir(tmp_path)
    assert resolve("encoder", corpus, tmp_path).folder == encoder
    assert resolve("encoder/", corpus, tmp_path).name == "encoder"
    monkeypatch.chdir(encoder)
    assert resolve(".", corpus, tmp_path).name == "encoder"


def test_mini_is_made_once_and_named_by_the_corpus(corpus, tmp_path):
    made = resolve("mini", corpus, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert resolve("mini", corpus, tmp_path) == made
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    other = resolve("mini", generate(train=61, test=10), tmp_path)
    assert other.folder != made.folder
    assert other.digest != made.digest


def test_default_rates_belong_to_the_model():
    models = ("kobert", "mini", "some/encoder", "/folder")
    assert [learning_rate(model) for model in models] == [2e-5, 3e-3, 1e-4, 1e-4]


def test_a_folder_on_an_object_store(corpus, encoder, tmp_path, s3_server):
    remote = s3_server.path(f"{tmp_path.name}/theirs")
    shutil.copytree(encoder, remote)
    (remote / "program.py").write_text("not what is fetched")
    where = s3_server.uri(f"{tmp_path.name}/theirs")
    there = resolve(where, corpus, tmp_path / "cache")
    assert there.digest == resolve(str(encoder), corpus, tmp_path).digest
    assert there.name == "theirs"
    assert there.folder == tmp_path / "cache" / f"encoder-{there.digest[:20]}"
    assert sorted(path.name for path in there.folder.iterdir()) == sorted(
        path.name for path in encoder.iterdir()
    )
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [there.folder.name]
    assert resolve(where, corpus, tmp_path / "cache") == there
    (remote / "config.json").unlink()
    with pytest.raises(ModelError, match=r"theirs: config\.json is missing") as caught:
        resolve(where, corpus, tmp_path / "cache")
    assert SECRET not in str(caught.value)


def test_a_header_of_weights_without_end(corpus, encoder, tmp_path):
    with (encoder / "model.safetensors").open("wb") as file:
        file.write((2**39).to_bytes(8, "little"))
        file.truncate(2**40)  # a hole, which takes no room
    with pytest.raises(ModelError, match=r"model\.safetensors: is no safetensors file"):
        check_weights(ModelSource("mine", encoder, ""))


def test_weights_in_a_zip_that_unfolds_without_end(encoder, monkeypatch):
    """A string in the pickle is as long as memory, and packed it is nothing."""
    monkeypatch.setattr(weights, "_LARGEST_HEADER", 1000)
    (encoder / "model.safetensors").unlink()
    with zipfile.ZipFile(encoder / "pytorch_model.bin", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps("a" * 5000))
    with pytest.raises(ModelError, match=r"pytorch_model\.bin: is no file of weights"):
        check_weights(ModelSource("mine", encoder, ""))


@pytest.mark.parametrize(("flag", "packed"), [(1, 0), (0, 99)])  # encrypted; packed in no known way
def test_weights_in_a_zip_that_cannot_be_opened(encoder, flag, packed):
    (encoder / "model.safetensors").unlink()
    path = encoder / "pytorch_model.bin"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}))
    data = bytearray(path.read_bytes())
    for start, flags in ((0, 6), (data.index(b"PK\x01\x02"), 8)):
        data[start + flags] = flag
        data[start + flags + 2] = packed
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"pytorch_model\.bin: is no file of weights"):
        check_weights(ModelSource("mine", encoder, ""))


def test_a_vocabulary_without_end(corpus, encoder, tmp_path):
    with (encoder / "tokenizer.json").open("wb") as file:
        file.truncate(2**40)
    assert "tokenizer.json" in refused(encoder, corpus, tmp_path)
