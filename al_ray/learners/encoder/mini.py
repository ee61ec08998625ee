"""`mini`: a small BERT of KoBERT's shape, trained from scratch, so that all runs with no download.

Its tokenizer is learnt from the texts of the pool (their labels are not looked at).
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from al_ray.corpus.rows import Corpus
from al_ray.errors import ModelError
from al_ray.io.files import is_as_written, note_digest

VERSION = 2
SPECIAL = ("[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]")  # the pad id is 1, as KoBERT's
CONFIG = {
    "architectures": ["BertModel"],
    "model_type": "bert",
    "hidden_size": 64,
    "intermediate_size": 256,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    # Without dropout here and with a wider start than BERT's 0.02, whose width is twelve times
    # this one's: 150 updates from scratch then end well for every seed (docs/recipes.md).
    "attention_probs_dropout_prob": 0.0,
    "initializer_range": 0.05,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "pad_token_id": 1,
    "type_vocab_size": 2,
}
VOCABULARY = 4000


def build(corpus: Corpus, folder: Path) -> Path:
    """Write configuration and tokenizer (no weights: they are drawn per seed).

    Returns:
        The folder, named by the corpus; it is left as it is if it is as it was written.

    Raises:
        ModelError: no room for it.
    """
    target = folder / f"mini-{VERSION}-{corpus.digest[:16]}"
    if is_as_written(target):
        return target
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    # Byte-pair encoding, because its trainer gives the same vocabulary every time: those of
    # WordPiece and Unigram number their pieces in the order of a hash map.
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=list(SPECIAL), min_frequency=2, show_progress=False
    )
    tokenizer.train_from_iterator(corpus.train.texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = ("unk_token", "pad_token", "cls_token", "sep_token", "mask_token")
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512}
    settings |= dict(zip(names, SPECIAL, strict=True))
    config = CONFIG | {"vocab_size": tokenizer.get_vocab_size()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".mini-") as temp:
            made = Path(temp, target.name)
            made.mkdir()  # as the umask has it
            # Not by the tokenizer's own `save`, whose error is not an OSError.
            (made / "tokenizer.json").write_text(tokenizer.to_str(pretty=True), encoding="utf-8")
            (made / "tokenizer_config.json").write_text(json.dumps(settings, indent=1))
            (made / "config.json").write_text(json.dumps(config, indent=1))
            note_digest(target, made)
            _put(made, target)
    except OSError as error:
        raise ModelError(
            "{folder}: `mini` cannot be written ({reason}); make room there, or give "
            "another folder by --out",
            folder=folder,
            reason=error.strerror or error,
        ) from error
    return target


def _put(made: Path, target: Path) -> None:
    try:
        made.rename(target)
    except OSError:  # there is one, of another start or damaged; what is right is the same
        for path in made.iterdir():
            path.replace(target / path.name)
