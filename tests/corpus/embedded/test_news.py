import os
import re
import subprocess
import sys
import unicodedata
from collections import Counter

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from al_ray.corpus import Corpus
from al_ray.corpus.embedded.news import generate
from al_ray.corpus.embedded.writing import attach, final_consonant
from al_ray.errors import CorpusError

HARD = ("경제", "사회", "문화")


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return generate()


def counts(corpus: Corpus, labels: np.ndarray) -> dict[str, int]:
    return {name: int(np.sum(labels == code)) for code, name in enumerate(corpus.labels)}


def test_sizes_ids_and_labels(corpus: Corpus) -> None:
    (test,) = corpus.tests
    assert (corpus.name, corpus.train.name, test.name) == ("embedded", "train", "test")
    assert (len(corpus.train), len(test)) == (4200, 1400)
    assert corpus.labels == ("경제", "국제", "문화", "사회", "스포츠", "오피니언", "정치")
    assert (corpus.train.row_ids[17], test.row_ids[3]) == ("train:17", "test:3")
    assert corpus.train.labels.dtype == np.int32


def test_another_interpreter_and_hash_seed_give_the_same_corpus() -> None:
    program = (
        "from al_ray.corpus.embedded.news import generate; print(generate(300, 100, seed=5).digest)"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for hash_seed in ("1", "2")
    }
    assert digests == {generate(300, 100, seed=5).digest}


def test_seeds_differ_and_train_does_not_depend_on_the_test_size() -> None:
    small, large, other = generate(200, 20), generate(200, 90), generate(200, 20, seed=1)
    assert small.train.texts == large.train.texts
    assert not set(small.train.texts) & set(other.train.texts)


def test_no_text_occurs_twice_in_or_across_splits(corpus: Corpus) -> None:
    texts = corpus.train.texts + corpus.tests[0].texts
    assert len(set(texts)) == 5600


def test_label_mix_is_skewed_and_the_same_in_both_splits(corpus: Corpus) -> None:
    # The shares, times 1,400 rows; by hand, since the test labels are clean.
    assert counts(corpus, corpus.tests[0].labels) == {
        "경제": 280,
        "국제": 112,
        "문화": 238,
        "사회": 294,
        "스포츠": 168,
        "오피니언": 98,
        "정치": 210,
    }
    train = np.bincount(corpus.train.labels, minlength=7) / 4200
    test = np.bincount(corpus.tests[0].labels, minlength=7) / 1400
    assert np.abs(train - test).sum() / 2 < 0.02


@pytest.mark.parametrize("rows", [7, 8, 9, 10, 100, 101])
def test_any_size_is_met_exactly(rows: int) -> None:
    small = generate(rows, rows)
    assert (len(small.train), len(small.tests[0])) == (rows, rows)


def test_three_percent_of_train_labels_are_wrong_and_mostly_among_the_hard_three(
    corpus: Corpus,
) -> None:
    clean = generate(noise=0.0)
    assert clean.train.texts == corpus.train.texts
    assert np.array_equal(clean.tests[0].labels, corpus.tests[0].labels)
    wrong = np.flatnonzero(clean.train.labels != corpus.train.labels)
    assert len(wrong) == 126  # 0.03 * 4200
    hard = {corpus.labels.index(name) for name in HARD}
    among = sum({clean.train.labels[i], corpus.train.labels[i]} <= hard for i in wrong)
    assert among >= 101  # four in five


def test_lengths_are_mixed(corpus: Corpus) -> None:
    words = np.array([len(text.split()) for text in corpus.train.texts])
    sentences = np.array([max(1, len(re.findall(r"\.(?: |$)", t))) for t in corpus.train.texts])
    assert words.min() <= 5
    assert 60 <= words.max() <= 120
    assert set(sentences) == set(range(1, 9))
    assert 0.15 < np.mean(sentences == 1) < 0.35
    assert 0.1 < np.mean(sentences >= 5) < 0.35


@pytest.mark.parametrize(
    ("word", "closed", "opened", "expected"),
    [
        ("금리", "은", "는", "금리는"),
        ("환율", "이", "가", "환율이"),
        ("공연", "을", "를", "공연을"),
        ("회화", "을", "를", "회화를"),
        ("법안", "과", "와", "법안과"),
        ("특사", "과", "와", "특사와"),
        ("서울", "으로", "로", "서울로"),  # ㄹ takes 로
        ("부산", "으로", "로", "부산으로"),
        ("제주", "으로", "로", "제주로"),
        ("서울", "이라고", "라고", "서울이라고"),
        ("값", "이", "가", "값이"),  # a double final consonant
        ("3", "은", "는", "3은"),  # 삼
        ("2", "은", "는", "2는"),  # 이
        ("7", "으로", "로", "7로"),  # 칠
        ("10", "으로", "로", "10으로"),  # 영 as 십 has a final consonant too
        ("5%", "이", "가", "5%가"),  # 퍼센트
    ],
)
def test_particles(word: str, closed: str, opened: str, expected: str) -> None:
    assert attach(word, closed, opened) == expected


def test_final_consonants_in_unicode_order() -> None:
    assert [final_consonant(c) for c in "가각간갈감강값힣"] == [0, 1, 4, 8, 16, 21, 18, 27]
    assert final_consonant("") == 0


def test_every_slot_is_filled_and_spaces_are_single(corpus: Corpus) -> None:
    for text in corpus.train.texts + corpus.tests[0].texts:
        assert not re.search(r"[{}\n]|  |^ | $", text), text


def test_objects_take_the_right_particle_throughout(corpus: Corpus) -> None:
    # A twin by decomposition: NFD gives three code points where there is a final consonant.
    found = re.findall(r"([가-힣])(을|를) (?:열|찾아|두고|새로|맡은)", " ".join(corpus.train.texts))
    assert len(found) > 500
    for last, particle in found:
        assert (len(unicodedata.normalize("NFD", last)) == 3) == (particle == "을")


def test_most_words_recur(corpus: Corpus) -> None:
    seen = Counter(
        word for text in corpus.train.texts for word in set(re.findall("[가-힣]+", text))
    )
    once = sum(count for count in seen.values() if count == 1)
    assert once / sum(seen.values()) < 0.02


def test_opinion_is_easy_and_the_three_are_hard(corpus: Corpus) -> None:
    test = corpus.tests[0]
    vectorizer = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(1, 2), sublinear_tf=True, min_df=5
    ).fit(corpus.train.texts)
    pool, held = vectorizer.transform(corpus.train.texts), vectorizer.transform(test.texts)
    accuracy, f1 = [], []
    # Spinning threads make these small fits a hundred times slower on a busy machine.
    with threadpool_limits(1):
        for start in range(0, 1800, 300):
            rows = slice(start, start + 300)
            model = LogisticRegression(C=30, max_iter=300)
            guesses = model.fit(pool[rows], corpus.train.labels[rows]).predict(held)
            accuracy.append(np.mean(guesses == test.labels))
            # F1, since a rare section is named too seldom, however easy it is.
            f1.append(f1_score(test.labels, guesses, average=None))
    mean = dict(zip(corpus.labels, np.mean(f1, axis=0), strict=True))
    assert 0.75 < np.mean(accuracy) < 0.9
    assert all(mean["오피니언"] > mean[name] + 0.1 for name in HARD), mean
    assert all(mean[name] > mean[hard] for name in ("정치", "국제", "스포츠") for hard in HARD), (
        mean
    )


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({"train": 6}, "train of 6 rows"),
        ({"test": 0}, "test of 0 rows"),
        ({"noise": 1.5}, "noise 1.5"),
    ],
)
def test_refusals_name_the_argument(arguments: dict[str, float], names: str) -> None:
    with pytest.raises(CorpusError, match=names):
        generate(**arguments)  # type: ignore[arg-type]
