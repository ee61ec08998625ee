"""Batches: every row once, within the budget, padded as a plain loop pads."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al_ray.corpus.tokens.prepared import Tokens
from al_ray.learners.encoder.batches import by_length, pad, parts, training_batches

LENGTHS = st.lists(st.integers(1, 40), min_size=0, max_size=60).map(lambda x: np.array(x, np.int64))


def tokens_of(path, texts, pad_id=1, kind=np.uint16):
    """A token file as `prepared` writes it."""
    offsets = np.cumsum([0, *map(len, texts)]).astype(np.int64)
    values = np.concatenate([np.array(text, kind) for text in texts])
    column = pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(values))
    table = pa.table({"tokens": column}).replace_schema_metadata({"pad_id": str(pad_id)})
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_batch(table.to_batches()[0])
    return Tokens(path)


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 100))
def test_every_row_once_and_within_the_budget(lengths, budget):
    batches = list(by_length(lengths, budget))
    assert sorted(np.concatenate([[], *batches])) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) >= 1
        if len(batch) > 1:
            assert len(batch) * lengths[batch].max() <= budget


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 100))
def test_longest_first_and_ties_in_order(lengths, budget):
    order = [row for batch in by_length(lengths, budget) for row in batch.tolist()]
    assert order == sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 100))
def test_batches_are_as_large_as_they_may_be(lengths, budget):
    batches = list(by_length(lengths, budget))
    for batch in batches[:-1]:
        assert (len(batch) + 1) * lengths[batch].max() > budget


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 100), st.integers(0, 99))
def test_shapes_depend_on_nothing_but_the_lengths(lengths, budget, seed):
    shuffled = np.random.default_rng(seed).permutation(lengths)
    shapes = [
        [(len(batch), int(x[batch].max())) for batch in by_length(x, budget)]
        for x in (lengths, shuffled)
    ]
    assert shapes[0] == shapes[1]


def test_by_length_by_hand():
    lengths = np.array([3, 9, 3, 5, 20, 5])
    assert [b.tolist() for b in by_length(lengths, 10)] == [[4], [1], [3, 5], [0, 2]]
    assert list(by_length(np.array([], np.int64), 10)) == []
    assert [b.tolist() for b in by_length(np.zeros(3, np.int64), 2)] == [[0, 1], [2]]


@pytest.mark.parametrize(("pad_id", "kind"), [(0, np.uint16), (1, np.uint16), (70_000, np.uint32)])
def test_padding_is_a_plain_loops(tmp_path, pad_id, kind):
    random = np.random.default_rng(0)
    texts = [random.integers(0, 60_000, n).tolist() for n in (4, 1, 7, 3, 7)]
    texts[1] = [pad_id]  # a token may be the pad: the mask knows better
    tokens = tokens_of(tmp_path / "tokens.arrow", texts, pad_id, kind)
    assert len(tokens) == 5
    assert tokens.lengths.tolist() == [4, 1, 7, 3, 7]
    for rows in ([3, 0], [1], [0, 1, 2, 3, 4], [4, 4]):
        ids, mask = pad(tokens, np.array(rows))
        longest = max(len(texts[row]) for row in rows)
        for i, row in enumerate(rows):
            rest = longest - len(texts[row])
            assert ids[i].tolist() == texts[row] + [pad_id] * rest
            assert mask[i].tolist() == [1] * len(texts[row]) + [0] * rest
        assert ids.shape == mask.shape == (len(rows), longest)
        assert ids.dtype == mask.dtype == np.int64


@settings(deadline=None)
@given(st.integers(1, 50), st.integers(1, 20), st.integers(0, 40), st.integers(0, 9))
def test_exact_updates_and_whole_passes(rows, batch_size, updates, seed):
    batches = list(training_batches(rows, batch_size, updates, np.random.default_rng(seed)))
    assert len(batches) == updates
    one_pass = -(-rows // batch_size)
    for start in range(0, updates, one_pass):
        drawn = np.concatenate(batches[start : start + one_pass]).tolist()
        assert len(set(drawn)) == len(drawn)
        assert set(drawn) <= set(range(rows))
        if start + one_pass <= updates:
            assert sorted(drawn) == list(range(rows))
    assert all(1 <= len(batch) <= batch_size for batch in batches)


def test_more_updates_begin_as_fewer_do():
    short, long = (
        [b.tolist() for b in training_batches(20, 8, n, np.random.default_rng(3))] for n in (5, 11)
    )
    assert long[:5] == short
    assert long[:3] != long[3:6]  # passes are shuffled anew


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.integers(0, 60))
def test_parts_cost_no_more_than_any_other_cuts(lengths, part):
    """Every way to put the rows into groups, tried (Bell(8) = 4,140 of them)."""

    def cost(groups):
        return sum(len(group) * max(group) + part for group in groups)

    def partitions(items):
        if not items:
            yield []
            return
        for rest in partitions(items[1:]):
            yield [[items[0]], *rest]
            for i, group in enumerate(rest):
                yield [*rest[:i], [items[0], *group], *rest[i + 1 :]]

    array = np.array(lengths, np.int32)
    made = parts(array, part)
    assert sorted(np.concatenate(made)) == list(range(len(lengths)))
    assert cost([array[p].tolist() for p in made]) == min(map(cost, partitions(lengths)))


def test_a_batch_is_cut_only_where_that_saves_more_than_a_pass():
    assert len(parts(np.array([30, 10, 10], np.int32), 40)) == 1  # 40 saved: not more
    cut = parts(np.array([10, 31, 10], np.int32), 40)
    assert [p.tolist() for p in cut] == [[1], [0, 2]]
