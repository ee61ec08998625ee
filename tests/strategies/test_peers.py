"""What went wrong in other systems, one regression test each.

The numbers are those of the section "Correctness pitfalls" of the notes on peer systems. Where
another test holds a point already, this table names it:

| | what went wrong elsewhere | held by |
|---|---|---|
| 1 | a sub-sampled pool whose ranks are taken for pool rows | here; test_loop_options: so_many |
| 2 | a batch per chunk instead of one in all | here; test_battery: shards_change_no_pick |
| 3 | core-set: two counts of rows, no labelled row, all distances anew | here; test_core_set |
| 4 | a label that lands on another row | test_trajectory: what_is_fitted_is_what_was_bought |
| 5 | L1 for the L2 norm in expected gradient length | here; test_gradient_length |
| 6 | an index of vectors that is never made anew | here |
| 7 | ties by `argpartition`, documented otherwise | here; test_selection: equals_a_full_sort |
| 8 | BADGE that is least confidence, log 0, no dropout | here; test_observe: a_seed_is_a_pass |
| 9 | committees: divisors, infinite and largest KL, silent zeros | here; test_query_by_committee |
| 10 | the test set decides | test_trajectory: labels_of_tests_never_influence_picks |
| 11 | validation labels that nobody pays | test_trajectory: counts_of_a_run |
| 12 | global generators | test_battery: leaves_its_inputs_alone; test_fit_predict: global_gen… |
| 13 | batches filled up at random, runs that vanish | here; test_study: a_failed_trial |
| 14 | scores that depend on the batch size | test_workers: does_not_depend_on_the_other_chunks |
| 15 | BADGE: rows × labels × width; gold labels | here; test_badge |
| 16 | dropout of 0 under BALD | test_observe: without_dropout_is_refused; test_grid: bald |
| 17 | macro-F1 with absent labels, unpaired seeds | test_classification; test_trajectory: alike |
| 18 | `is` on strings, a table rewritten at every value | nothing here is of the kind |
| 19 | nested remote work without a reservation | test_study: two_trials_with_a_committee |
"""

import math

import numpy as np
import pytest
from loop_stub import Stub, World, config_of
from outputs import choose, outputs_of, take

from al_ray import randomness
from al_ray.loop.trajectory import Trajectory
from al_ray.results import Store
from al_ray.strategies import STRATEGIES, Outputs, Sequential, build, log_softmax, select, vectors
from al_ray.strategies.built_in.core_set import NearestCentre

WORLD = World()


def hashes_of(rows):
    return randomness.row_hashes(map(str, range(rows)))


def run(folder, config, stub):
    store = Store(folder)
    list(Trajectory(config, WORLD.rows, stub, store).run())
    return store


@pytest.mark.parametrize("strategy", ["core-set", "badge", "bald", "contrastive"])
def test_peers_d1_what_is_labelled_has_been_scored(tmp_path, strategy):
    """baal with `pool_size`: 4 of 5 labelled examples had never been scored."""
    config = config_of(strategy=strategy, candidates=15)
    stub = Stub(WORLD, config)
    store = run(tmp_path, config, stub)
    chosen = store.read("selections")
    for step, rows in enumerate(stub.scored):
        assert set(chosen[chosen.step == step].row_id) <= set(WORLD.rows.ids_of(rows))


@pytest.mark.parametrize("rows", [250, 300, 301])
@pytest.mark.parametrize("name", [n for n in STRATEGIES if isinstance(build(n), Sequential)])
def test_peers_d2_ten_in_all_and_not_ten_a_chunk(name, rows):
    """small-text's `lightweight_coreset`: 30 picks for 10, none beyond row 99, or a crash."""
    outputs, cuts = outputs_of(rows), range(100, rows, 100)
    chosen = choose(build(name), outputs, hashes_of(rows), 10, cuts=cuts)
    assert len(set(chosen.tolist())) == 10
    assert chosen.max() >= 100
    whole = choose(build(name), outputs, hashes_of(rows), 10)
    assert chosen.tolist() == whole.tolist()


def test_peers_d3_core_set_counts_rows_in_one_way(tmp_path):
    """small-text: right only where the unlabelled rows come first. Here they are anywhere.

    In the loop labelled rows are scattered among the candidates; the twin sees all rows at once.
    """
    config = config_of(strategy="core-set", step_size=8)
    stub = Stub(WORLD, config)
    store = run(tmp_path, config, stub)
    chosen = store.read("selections")
    number = {row_id: row for row, row_id in enumerate(WORLD.rows.ids.to_pylist())}
    labelled = [number[row_id] for row_id in chosen[chosen.step == -1].row_id]
    pool = set(WORLD.rows.train.tolist()) - set(labelled)
    assert min(labelled) < max(pool)
    assert min(pool) < max(labelled)
    for row_id in chosen[chosen.step == 0].sort_values("rank").row_id:
        far = {
            row: min(math.dist(WORLD.vectors[row], WORLD.vectors[c]) for c in labelled)
            for row in pool
        }
        best = max(far, key=far.get)
        assert number[row_id] == best
        labelled.append(best)
        pool.remove(best)


def test_peers_d3_core_set_without_a_labelled_row():
    """small-text raises."""
    x = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    outputs = Outputs(np.full((1, 30, 2), np.log(0.5)), vectors=x)
    assert len(set(choose(build("core-set"), outputs, hashes_of(30), 30).tolist())) == 30


def test_peers_d3_core_set_computes_no_distance_twice(monkeypatch):
    """small-text: all distances to all centres for every pick, in the same order of picks.

    One product of the vectors and the new centre a pick; exact distances only for near rows.
    """
    rng = np.random.default_rng(1)
    x, labelled = (rng.normal(size=(rows, 16)).astype(np.float32) for rows in (500, 50))
    field = NearestCentre(x, labelled)
    exact = []
    original = vectors.squared_distances

    def count(rows, centre):
        exact.append(len(rows))
        return original(rows, centre)

    monkeypatch.setattr("al_ray.strategies.built_in.core_set.squared_distances", count)
    monkeypatch.setattr("al_ray.strategies.built_in.core_set.nearest", None)  # only where it begins
    for _ in range(20):
        field.take(field.centre(int(field.values().argmax())))
    assert sum(exact) < 20 * 500 / 4


def test_peers_d5_gradient_length_is_l2():
    """small-text: sqrt(g²).sum() of (3, 4) is 7."""
    half = Outputs(np.log([[[0.5, 0.5]]]), vectors=np.array([[3, 4]], np.float32), bias=False)
    # At either label (p - e) = ±(1/2, -1/2): |(p - e) h| = 5 / sqrt(2), and the sum 7.
    assert build("expected-gradient-length").score(half) == pytest.approx([5 / math.sqrt(2)])


@pytest.mark.parametrize("strategy", ["core-set", "contrastive"])
def test_peers_d6_vectors_are_of_this_step(tmp_path, strategy):
    """SEALS in small-text: the index of the first query, for ever."""
    config = config_of(strategy=strategy)
    asked = []

    class Spy(Stub):
        def observe(self, rows, weights, needs):
            asked.append((rows.tolist(), weights["weight"].tobytes()))
            return super().observe(rows, weights, needs)

    stub = Spy(WORLD, config)
    store = run(tmp_path, config, stub)
    chosen = store.read("selections")
    number = {row_id: row for row, row_id in enumerate(WORLD.rows.ids.to_pylist())}
    labelled = []
    assert len(asked) == 3
    for step, (rows, _) in enumerate(asked):
        labelled += [number[row_id] for row_id in chosen[chosen.step == step - 1].row_id]
        assert rows == sorted(labelled)  # all of them, in the order in which shards run
    assert len({weights for _, weights in asked}) == 3


def test_peers_d7_ties_are_in_a_documented_order():
    """(score, random key of the id); `argpartition`'s is whatever it leaves."""
    hashes = hashes_of(1000)
    keys = randomness.keys(hashes, 3, 2, "tie")
    scores = np.repeat([2.0, 1.0, 0.0], [5, 900, 95])
    expected = [*np.argsort(keys[:5]), *(5 + np.argsort(keys[5:905]))[:95]]
    assert select(scores, hashes, 100, 3, 2).rows.tolist() == expected


def test_peers_d8_badge_is_not_least_confidence():
    """ALaaS's is: it ranks by the largest probability."""
    outputs = outputs_of(200)
    badge, least = (
        set(choose(build(name), outputs, hashes_of(200), 40).tolist())
        for name in ("badge", "least-confidence")
    )
    assert len(badge & least) < 30
    # And its batch is spread: with one vector many times, the others are taken first.
    same = take(outputs, np.r_[np.zeros(50, int), np.arange(1, 50)])
    chosen = choose(build("badge"), same, hashes_of(99), 50)
    assert (chosen < 50).sum() == 1


@pytest.mark.parametrize("name", [n for n in STRATEGIES if build(n).ranks])
def test_peers_d8_a_probability_of_zero_is_no_nan(name):
    """ALaaS: 0 log 0. No probability of the pool is 0 or 1 to the labelled rows' 0 here."""
    outputs = outputs_of(20)
    certain = log_softmax(np.array([[[0, -np.inf, -np.inf, 3, -900, 5, 1]]] * 3, np.float32))
    some = Outputs(
        np.repeat(certain, 20, axis=1),
        vectors=outputs.vectors,
        word_gradients=outputs.word_gradients,
        predicted_loss=outputs.predicted_loss,
        dropout=np.repeat(certain, 20, axis=1),
        labelled=Outputs(np.repeat(certain[:1], 5, axis=1), vectors=outputs.vectors[:5]),
    )
    assert np.isfinite(build(name).score(some)).all()


def test_peers_d8_so_many_passes_as_were_asked_for():
    """ALaaS stacks the first one twice."""
    passes = build("bald").passes
    assert passes == 10
    logs = log_softmax(np.random.default_rng(2).normal(size=(10, 5, 3)).astype(np.float32))
    found = build("bald").score(Outputs(logs[:1], dropout=logs))
    twice = build("bald").score(Outputs(logs[:1], dropout=logs[[0, *range(10)]]))
    assert not np.isclose(found, twice).any()


def qbc(disagreement, p):
    with np.errstate(divide="ignore"):
        return build(f"qbc:disagreement={disagreement}").score(Outputs(np.log(np.array(p, float))))


def test_peers_d9_votes_are_divided_by_members_and_not_by_rows():
    """scikit-activeml #256; two rows, four members, votes 2 : 2 and 4 : 0."""
    one, other = [0.9, 0.1], [0.1, 0.9]
    p = [[one, one], [one, one], [other, one], [other, one]]
    assert qbc("vote-entropy", p) == pytest.approx([math.log(2), 0])


def test_peers_d9_divergence_is_finite_and_a_mean():
    """libact #134: NaN at 0. modAL: the largest instead of the mean."""
    found = qbc("mean-kl", [[[1.0, 0.0]], [[0.5, 0.5]], [[0.5, 0.5]]])
    mean = np.array([2 / 3, 1 / 3])
    each = [math.log(1.5)] + [0.5 * math.log(0.5 / mean[0]) + 0.5 * math.log(0.5 / mean[1])] * 2
    assert found == pytest.approx([sum(each) / 3])
    assert max(each) > 2 * found[0]


@pytest.mark.parametrize("name", [n for n in STRATEGIES if build(n).ranks])
def test_peers_d9_what_is_missing_is_an_error_and_not_a_zero(name):
    """modAL #92: an unfitted committee scores 0, silently."""
    strategy = build(name)
    if strategy.needs <= {"probabilities", "units", "sequence", "labels", "committee"}:
        with pytest.raises(ValueError, match="log_probabilities"):
            Outputs(np.zeros((0, 3, 2)))
    else:
        with pytest.raises(Exception, match="needs"):
            strategy.score(Outputs(np.full((1, 3, 2), np.log(0.5))))


@pytest.mark.parametrize("strategy", ["core-set", "badge", "margin"])
def test_peers_d13_the_last_batch_is_what_is_left(tmp_path, strategy):
    """ALE pads with random rows: 60 rows, 6 at first, batches of 20."""
    config = config_of(strategy=strategy, step_size=20)
    store = run(tmp_path, config, Stub(WORLD, config))
    sizes = store.read("selections").groupby("step").row_id.nunique().tolist()
    assert sizes == [6, 20, 20, 14]
    assert store.read("selections").row_id.nunique() == 60


def test_peers_d15_badge_takes_the_predicted_label_and_never_the_gold_one(tmp_path):
    """Other labels for all rows that nobody has bought: the batch is the same."""
    config = config_of(strategy="badge", steps=2)
    bought = Trajectory(config, WORLD.rows, Stub(WORLD, config), Store(tmp_path / "x"))._labelled[0]
    labels = (WORLD.labels + 1).astype(np.int32) % 3
    labels[bought] = WORLD.labels[bought]
    other = WORLD.with_labels(labels)
    chosen = []
    for world in (WORLD, other):
        store = Store(tmp_path / str(len(chosen)))
        list(Trajectory(config, world.rows, Stub(world, config), store).run())
        chosen.append(store.read("selections").sort_values(["step", "rank"]).row_id.tolist())
    assert chosen[0] == chosen[1]
