"""Encoders by name, from a hub on this machine; and the kinds that Korean studies use.

All are small and random, in the layout that the real repositories have.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import hub_server
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import transformers
from hub_server import KLUE, write_ynat

from al_ray.corpus.embedded.news import generate
from al_ray.corpus.tokens.tokenisers import open_tokeniser
from al_ray.errors import ModelError
from al_ray.learners.encoder.fit import fit
from al_ray.learners.encoder.load import load
from al_ray.learners.encoder.predict import logits
from al_ray.learners.encoder.source import check_length, longest, resolve, weight_files
from al_ray.study.training import RECIPES, Training

ROOT = Path(__file__).resolve().parents[3]

# As the repositories' own pages give them.
KOBERT = ("monologg/kobert", "38279184ba645e8c94d709fbe92eb5bcb47312c1")
DISTIL = ("monologg/distilkobert", "37c8d2104582e75f913c7ddfaf4ed80825e41ff8")
MODEL = "tokenizer_78b3253a26.model"

SIZES = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}


class Tokens:
    """Rows of ids, as `al_ray.corpus.tokens.prepared.Tokens` gives them."""

    def __init__(self, pad_id, rows):
        self.pad_id, self._rows = pad_id, [np.asarray(row) for row in rows]
        self.lengths = np.array([len(row) for row in rows])

    def __getitem__(self, row):
        return self._rows[row]

    def read_together(self, rows):
        return self.lengths[rows]


@pytest.fixture(scope="module")
def corpus():
    return generate(train=60, test=10)


@pytest.fixture(scope="module")
def pieces(tmp_path_factory):
    """A folder with KoBERT's two tokenizer files; special pieces have KoBERT's ids."""
    import sentencepiece

    folder = tmp_path_factory.mktemp("pieces")
    (folder / "texts").write_text("\n".join(generate(train=300, test=10).train.texts))
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "texts"),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=700,
        hard_vocab_limit=False,
        character_coverage=1.0,
        unk_id=0,
        pad_id=1,
        bos_id=-1,
        eos_id=-1,
        unk_piece="[UNK]",
        pad_piece="[PAD]",
        user_defined_symbols=["[CLS]", "[SEP]", "[MASK]"],
        num_threads=1,
        minloglevel=2,
    )
    (folder / "tokenizer.model").rename(folder / MODEL)
    trained = sentencepiece.SentencePieceProcessor(model_file=str(folder / MODEL))
    names = [trained.id_to_piece(i) for i in range(trained.get_piece_size())]
    assert names[:5] == ["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]"]
    (folder / "vocab.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def kobert(pieces, tmp_path):
    """Make a folder as monologg/kobert or monologg/distilkobert is."""

    def make(name="kobert", weights=("model.safetensors", "pytorch_model.bin"), positions=64):
        folder = tmp_path / name
        folder.mkdir()
        for file in (MODEL, "vocab.txt"):
            (folder / file).write_bytes((pieces / file).read_bytes())
        size = len((folder / "vocab.txt").read_text(encoding="utf-8").splitlines())
        shared = {"vocab_size": size, "pad_token_id": 1, "max_position_embeddings": positions}
        if name == "distilkobert":
            config = transformers.DistilBertConfig(
                dim=16, hidden_dim=32, n_layers=1, n_heads=2, **shared
            )
            kind = transformers.DistilBertForMaskedLM
        else:
            config = transformers.BertConfig(**SIZES, **shared)
            kind = transformers.BertModel
        with torch.random.fork_rng():
            torch.manual_seed(1)
            module = kind(config)
        module.save_pretrained(folder)
        if "pytorch_model.bin" in weights:
            torch.save(module.state_dict(), folder / "pytorch_model.bin")
        if "model.safetensors" not in weights:
            (folder / "model.safetensors").unlink()
        settings = {
            "auto_map": {"AutoTokenizer": ["tokenization_kobert.KoBertTokenizer", None]},
            "do_lower_case": False,
            "model_max_length": 512,
            "tokenizer_class": "KoBertTokenizer",
        }
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
        (folder / "tokenization_kobert.py").write_text("raise SystemExit('a program was run')")
        for other in ("README.md", ".gitattributes", "flax_model.msgpack", "tf_model.h5"):
            (folder / other).write_text("what is not needed")
        (folder / "onnx").mkdir()
        (folder / "onnx" / "model.onnx").write_text("nor this")
        (folder / "onnx" / "config.json").write_text("{}")
        return folder

    return make


@pytest.fixture
def served(tmp_path, monkeypatch):
    """An empty hub that this process asks, with an empty cache."""
    local = hub_server.Hub()
    server = local.start()
    hub_server.use(monkeypatch, local.url, tmp_path / "home")
    yield local
    local.stop(server)


def refused(model, corpus, cache):
    with pytest.raises(ModelError) as caught:
        resolve(str(model), corpus, cache)
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith(f"--model {model}: ")
    return said


# --- by name ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "taken"),
    [
        (("model.safetensors", "pytorch_model.bin"), "model.safetensors"),
        (("pytorch_model.bin",), "pytorch_model.bin"),
    ],
)
def test_kobert_is_fetched_and_nothing_that_is_not_needed(
    served, kobert, corpus, tmp_path, weights, taken
):
    folder = kobert(weights=weights)
    served.add("models", KOBERT[0], folder, KOBERT[1])
    found = resolve("kobert", corpus, tmp_path)
    needed = ["config.json", MODEL, "tokenizer_config.json", "vocab.txt", taken]
    assert sorted(served.sent) == sorted(needed)
    assert sorted(path.name for path in found.folder.iterdir()) == sorted(needed)
    assert found.name == "kobert"
    assert found.folder.name == KOBERT[1]
    assert KOBERT[1][:12] in found.notes[0]
    # The same as a folder, and from the cache, which is not asked about.
    assert resolve(str(folder), corpus, tmp_path).digest == found.digest
    served.requests.clear()
    assert resolve("kobert", corpus, tmp_path) == found
    assert not served.requests


def test_distilkobert(served, kobert, corpus, tmp_path):
    served.add("models", DISTIL[0], kobert("distilkobert"), DISTIL[1])
    found = resolve("distilkobert", corpus, tmp_path)
    assert found.folder.name == DISTIL[1]
    module = load(found.folder, 7, 0)
    assert isinstance(module, transformers.DistilBertForSequenceClassification)
    assert module.dropout.p == 0.2  # DistilBERT's own


def test_another_id_is_its_newest_and_the_cache_while_the_hub_is_gone(
    served, kobert, corpus, tmp_path
):
    folder = kobert()
    served.add("models", "me/mine", folder, "a" * 40)
    first = resolve("me/mine", corpus, tmp_path)
    assert (first.name, first.folder.name) == ("mine", "a" * 40)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "hidden_dropout_prob": 0.2}))
    served.repositories["models/me/mine"].commit = "b" * 40
    second = resolve("me/mine", corpus, tmp_path)
    assert second.folder.name == "b" * 40
    assert second.digest != first.digest
    served.status = 502
    assert resolve("me/mine", corpus, tmp_path) == second


def test_a_cache_without_kobert_s_own_tokenizer_is_completed(served, kobert, corpus, tmp_path):
    """Another program may have fetched configuration, vocab.txt and weights: those of a BERT."""
    served.add("models", KOBERT[0], kobert(), KOBERT[1])
    cached = resolve("kobert", corpus, tmp_path).folder
    (cached / MODEL).unlink()
    served.sent.clear()
    assert (resolve("kobert", corpus, tmp_path).folder / MODEL).is_file()
    (cached / MODEL).unlink()
    served.status = 500
    assert "answers 500" in refused("kobert", corpus, tmp_path)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda local, folder: local.repositories.clear(), "no such repository"),
        (
            lambda local, folder: setattr(local.repositories["models/monologg/kobert"], "gated", 1),
            "hf auth login",
        ),
        (lambda local, folder: setattr(local, "status", 503), "answers 503"),
        (lambda local, folder: (folder / "config.json").unlink(), "it has no config.json"),
        (lambda local, folder: (folder / MODEL).unlink(), f"it has no {MODEL}"),
        (lambda local, folder: (folder / "model.safetensors").unlink(), "no model.safetensors or"),
    ],
)
def test_what_the_hub_says_is_said_in_one_line(served, kobert, corpus, tmp_path, change, expected):
    folder = kobert(weights=("model.safetensors",))
    served.add("models", KOBERT[0], folder, KOBERT[1])
    change(served, folder)
    said = refused("kobert", corpus, tmp_path)
    assert expected in said
    assert "give --model a folder" in said
    assert not served.sent


def test_a_name_that_no_repository_can_have(served, corpus, tmp_path):
    assert "no repository can have this name" in refused("a b/c--d", corpus, tmp_path)


def test_weights_that_are_taken():
    assert weight_files(["pytorch_model.bin", "model.safetensors"]) == ["model.safetensors"]
    parts = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    index = "model.safetensors.index.json"
    assert weight_files([index, *parts, "pytorch_model.bin"]) == [index, *parts]
    assert weight_files([index, parts[0]]) == []
    assert weight_files(parts) == []
    assert weight_files(["tf_model.h5", "flax_model.msgpack", "training_args.bin"]) == []


# --- KoBERT -------------------------------------------------------------------------------------


def test_kobert_s_pad_id_is_1(kobert, corpus, tmp_path):
    folder = kobert()
    config = json.loads((folder / "config.json").read_text())
    for wrong in ({**config, "pad_token_id": 0}, {**config, "pad_token_id": None}):
        (folder / "config.json").write_text(json.dumps(wrong))
        said = refused(folder, corpus, tmp_path)
        assert f"pad_token_id in {folder / 'config.json'}" in said
        assert "is 1; correct it" in said
    del config["pad_token_id"]
    (folder / "config.json").write_text(json.dumps(config))
    assert "is 0, and KoBERT's is 1" in refused(folder, corpus, tmp_path)


def test_kobert_s_vocabulary_is_missing(kobert, corpus, tmp_path):
    folder = kobert()
    (folder / "vocab.txt").unlink()
    assert "no vocab.txt" in refused(folder, corpus, tmp_path)


@pytest.mark.parametrize("prefix", ["", "bert."])
@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_kobert_s_head_has_its_pretrained_pooler_and_dropout(kobert, prefix, file):
    from safetensors.torch import load_file, save_file

    folder = kobert(weights=("model.safetensors",))
    stored = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    named = {prefix + name: value for name, value in stored.items()}
    if file == "model.safetensors":
        save_file(named, folder / file, metadata={"format": "pt"})
    else:
        torch.save(named, folder / file)
    module = load(folder, 7, 0)
    assert isinstance(module, transformers.BertForSequenceClassification)
    assert module.dropout.p == 0.1
    assert module.bert.embeddings.word_embeddings.padding_idx == 1
    state = module.bert.state_dict()
    assert "pooler.dense.weight" in stored
    for name, value in stored.items():
        assert torch.equal(state[name], value), name
    # The pooler is what the logits are made from.
    ids = torch.tensor([[2, 7, 8, 3]])
    with torch.inference_mode():
        module.eval()
        first = module.bert(input_ids=ids).last_hidden_state[:, 0]
        pooled = torch.tanh(first @ stored["pooler.dense.weight"].T + stored["pooler.dense.bias"])
        expected = pooled @ module.classifier.weight.T + module.classifier.bias
        torch.testing.assert_close(module(input_ids=ids).logits, expected)


class Program:
    """What a pickle can do if it is let."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_no_program_of_a_folder_is_run(kobert, tmp_path):
    folder = kobert(weights=("pytorch_model.bin",))
    torch.save({"embeddings.x": Program(tmp_path / "ran")}, folder / "pytorch_model.bin")
    with pytest.raises(ModelError) as caught:
        load(folder, 7, 0)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "program.Config"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "program.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(ModelError):
        load(folder, 7, 0)
    assert not (tmp_path / "ran").exists()


def test_weights_of_another_encoder_are_refused(kobert):
    """Transformers would begin with random ones, and only warn."""
    folder = kobert(weights=("model.safetensors", "pytorch_model.bin"))
    (folder / "model.safetensors").unlink()
    stored = torch.load(folder / "pytorch_model.bin", weights_only=True)
    missing = {name: value for name, value in stored.items() if "layer.1." not in name}
    torch.save(missing, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"lack 16 of the encoder's \d+ tensors"):
        load(folder, 7, 0)
    stored["embeddings.word_embeddings.weight"] = torch.zeros(9, 16)
    torch.save(stored, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="lack 1 of"):
        load(folder, 7, 0)


def test_a_fine_tuned_model_with_other_labels_lends_its_encoder(tmp_path):
    config = transformers.BertConfig(vocab_size=50, num_labels=3, **SIZES)
    tuned = transformers.BertForSequenceClassification(config)
    tuned.save_pretrained(tmp_path)
    module = load(tmp_path, 7, 0)
    assert module.classifier.weight.shape == (7, 16)
    assert torch.equal(module.bert.pooler.dense.weight, tuned.bert.pooler.dense.weight)
    again = load(tmp_path, 7, 0)
    assert torch.equal(module.classifier.weight, again.classifier.weight)


# --- the kinds of encoder -----------------------------------------------------------------------


def roberta(size):
    """KLUE-RoBERTa: no token types, positions counted from the pad id + 1."""
    config = transformers.RobertaConfig(
        vocab_size=size, type_vocab_size=1, pad_token_id=1, max_position_embeddings=42, **SIZES
    )
    return transformers.RobertaForMaskedLM(config), 40


def electra(size):
    """KoELECTRA, small: embeddings narrower than the layers."""
    config = transformers.ElectraConfig(
        vocab_size=size, embedding_size=8, max_position_embeddings=40, **SIZES
    )
    return transformers.ElectraForPreTraining(config), 40


def kcbert(size):
    """KcBERT: 300 positions."""
    config = transformers.BertConfig(vocab_size=size, max_position_embeddings=300, **SIZES)
    return transformers.BertForMaskedLM(config), 300


@pytest.fixture(params=[roberta, electra, kcbert], ids=lambda kind: kind.__name__)
def encoder(request, tmp_path):
    """A folder with an encoder and a small tokenizer, and what it has positions for."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    special = ["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"]
    if request.param is not roberta:
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = sorted(
        {word for text in generate(train=60, test=10).train.texts for word in text.split()}
    )
    vocabulary = {word: i for i, word in enumerate([*special, *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=ends)
    folder = tmp_path / request.param.__name__
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    ).save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(2)
        module, positions = request.param(len(vocabulary))
    module.save_pretrained(folder)
    return SimpleNamespace(folder=folder, positions=positions)


def test_a_kind_is_trained_and_run_on_texts_longer_than_its_positions(encoder, corpus, tmp_path):
    source = resolve(str(encoder.folder), corpus, tmp_path)
    check_length(source, encoder.positions)
    texts = [*corpus.train.texts[:11], " ".join(corpus.train.texts)]
    tokeniser = open_tokeniser(encoder.folder)
    lengths, ids = tokeniser.encode(texts, encoder.positions)
    assert lengths.max() == encoder.positions
    tokens = Tokens(tokeniser.pad_id, np.split(ids, np.cumsum(lengths)[:-1]))
    training = Training(
        **{**RECIPES["stable"], "recipe": "stable", "updates": 3, "learning_rate": 1e-3},
        batch_size=4,
        max_length=encoder.positions,
        precision="float32",
        token_budget=1024,
    )
    rows = np.arange(len(texts))
    labels = (rows % 3).astype(np.int32)
    module = load(encoder.folder, 3, 0)
    before = logits(module, tokens, rows, training)
    assert fit(module, tokens, rows, labels, training, 1e-3, 0, 0).updates == 3
    after = logits(module, tokens, rows, training)
    assert after.shape == (12, 3)
    assert np.isfinite(after).all()
    assert not np.array_equal(before, after)
    # Padding changes nothing: the longest row is as it is alone.
    alone = logits(module, tokens, rows[-1:], training)
    np.testing.assert_allclose(alone, after[-1:], atol=1e-5)


def test_the_limit_is_where_the_encoder_ends(encoder, corpus, tmp_path):
    module = load(encoder.folder, 3, 0).eval()
    source = resolve(str(encoder.folder), corpus, tmp_path)
    assert longest(encoder.folder) == encoder.positions
    with torch.inference_mode():
        module(input_ids=torch.full((1, encoder.positions), 5))
        with pytest.raises((IndexError, RuntimeError)):
            module(input_ids=torch.full((1, encoder.positions + 1), 5))
    with pytest.raises(ModelError) as caught:
        check_length(source, encoder.positions + 1)
    said = str(caught.value)
    assert said.startswith(f"--max-length {encoder.positions + 1}: ")
    assert f"give {encoder.positions} or fewer" in said
    assert "\n" not in said


def test_an_encoder_without_a_limit(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "xlnet"}))
    assert longest(tmp_path) is None


# --- whole studies ------------------------------------------------------------------------------


def news7(tmp_path, url, *options):
    here = tmp_path / "here"  # where no folder has a model's name
    here.mkdir()
    return subprocess.run(
        [
            sys.executable,
            ROOT / "experiments" / "news7.py",
            "--no-dashboard",
            "--no-report",
            *options,
        ],
        env={**hub_server.environment(url, tmp_path / "home"), "PYTHONPATH": str(ROOT)},
        cwd=here,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("model", ["kobert", "someone/encoder"])
def test_no_hub_in_reach(tmp_path, model):
    """One line that names model, cause and remedy, before anything starts."""
    data = tmp_path / "data"
    data.mkdir()
    lines = ["text\tlabel", *(f"글 {i}\t{i % 2}" for i in range(40))]
    (data / "train.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    ended = news7(
        tmp_path, "http://127.0.0.1:9", "--model", model, "--data", data, "--step-size", "5",
        "--steps", "2",
    )  # fmt: skip
    assert ended.returncode == 2, ended.stderr
    said = ended.stderr.splitlines()
    assert len(said) == 1, said
    for part in (f"--model {model}: ", "http://127.0.0.1:9", "Connection refused", "a folder"):
        assert part in said[0]
    assert not (tmp_path / "here" / "results").exists()


@pytest.mark.ray
@pytest.mark.campaign
@pytest.mark.timeout(600)
def test_kobert_on_ynat_by_name_from_the_hub(kobert, tmp_path):
    klue = tmp_path / "klue"
    topics = generate(train=210, test=40)
    for split, rows in (("train", topics.train), ("validation", topics.tests[0])):
        labels = (int(label) for label in rows.labels)
        write_ynat(klue, split, list(zip(rows.row_ids, rows.texts, labels, strict=True)))
    local = hub_server.Hub()
    local.add("datasets", KLUE[0], klue, KLUE[1])
    local.add("models", KOBERT[0], kobert(weights=("pytorch_model.bin",)), KOBERT[1])
    server = local.start()
    options = [
        "--model", "kobert", "--data", "ynat", "--strategies", "margin", "--seeds", "0",
        "--step-size", "16", "--steps", "1", "--updates", "2", "--max-length", "32",
        "--batch-size", "8", "--precision", "float32", "--address", "local", "--concurrent", "1",
        "--no-report",
    ]  # fmt: skip
    try:
        ended = news7(tmp_path, local.url, *options)
    finally:
        local.stop(server)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-4000:]
    assert "klue/klue" in ended.stdout
    assert "pytorch_model.bin" in local.sent
    steps = pq.read_table(tmp_path / "here" / "results" / "news7" / "steps")
    assert set(steps["step"].to_pylist()) == {0}


@pytest.mark.parametrize(
    "nonsense",
    [{"hidden_dropout_prob": "x"}, {"pruned_heads": 3}, {"auto_map": 3}, {"vocab_size": [1]}],
    ids=str,
)
def test_a_configuration_that_the_library_trusts(tmp_path, nonsense):
    """It raises what comes, an AttributeError or a TypeError; the user gets one line."""
    facts = {"model_type": "bert", **SIZES, **nonsense}
    (tmp_path / "config.json").write_text(json.dumps(facts))
    with pytest.raises(ModelError, match="not an encoder that can be loaded") as caught:
        load(tmp_path, 2, 0)
    assert "\n" not in str(caught.value)
