"""Around a strategy in the loop: candidates, committees, near-duplicates, and bad numbers."""

import numpy as np
import pytest
from loop_stub import RATE, Stub, World, config_of, go

from al_ray.errors import AlRayError, NotNumbers
from al_ray.loop.trajectory import Trajectory
from al_ray.randomness import derive
from al_ray.results import Store
from al_ray.strategies import STRATEGIES, Sequential, build
from al_ray.workers import Scores

WORLD = World()
COSTLY = sorted(name for name in STRATEGIES if build(name).costly)


def run(folder, config, stub, world=WORLD, ledger=False):
    store = Store(folder)
    list(Trajectory(config, world.rows, stub, store, ledger).run())
    return store


def scored_by_step(store):
    main = store.read("steps").query("test == 'test'")
    return [None if np.isnan(n) else int(n) for n in main.n_scored]


# --candidates


def test_what_is_costly_is_known():
    """A pass more than the prediction's own, or distances to other rows."""
    assert set(COSTLY) == {
        "expected-gradient-length-word",
        "core-set",
        "bald",
        "badge",
        "contrastive",
    }


@pytest.mark.parametrize("strategy", COSTLY)
def test_a_costly_strategy_scores_so_many_and_chooses_among_them(tmp_path, strategy):
    config = config_of(strategy=strategy, candidates=20, validation=7)
    store, stub, _ = go(tmp_path, WORLD, config, ledger=True)
    assert scored_by_step(store) == [20, 20, 20, None]
    assert [len(rows) for rows in stub.scored] == [20] * 3
    labelled = set()
    ledger, chosen = store.read("scores"), store.read("selections")
    for step, rows in enumerate(stub.scored):
        labelled |= set(chosen[chosen.step == step - 1].row_id)
        ids = WORLD.rows.ids_of(rows)
        assert (np.diff(rows) > 0).all()
        assert labelled.isdisjoint(ids)  # never a labelled row
        assert set(ids) <= set(WORLD.rows.ids_of(WORLD.rows.train))
        assert set(chosen[chosen.step == step].row_id) <= set(ids)
        assert set(ledger[ledger.step == step].row_id) == set(ids)
    # Validation rows are none of them either.
    validation = next(set(p) for p in stub.predicted if len(p) == 7)
    assert all(validation.isdisjoint(rows) for rows in stub.scored)


def test_candidates_are_drawn_anew_by_seed_and_step(tmp_path):
    """From what is left; the same again for the same seed, uniformly, and without the strategy."""
    config = config_of(strategy="core-set", candidates=20)
    _, stub, _ = go(tmp_path / "a", WORLD, config)
    _, again, _ = go(tmp_path / "b", WORLD, config)
    _, other, _ = go(tmp_path / "c", WORLD, config_of(strategy="core-set", candidates=20, seed=1))
    _, badge, _ = go(tmp_path / "d", WORLD, config_of(strategy="badge", candidates=20))
    for one, same in zip(stub.scored, again.scored, strict=True):
        np.testing.assert_array_equal(one, same)
    np.testing.assert_array_equal(stub.scored[0], badge.scored[0])
    assert set(stub.scored[0]) != set(other.scored[0])
    both = set(stub.scored[0]) & set(stub.scored[1])
    # One draw for both steps would keep the 15 that were not chosen; another keeps about 6.
    assert len(both) < 12
    counts = np.zeros(60)
    for seed in range(40):
        short = config_of(strategy="core-set", candidates=20, seed=seed, steps=2, step_size=1)
        _, stub, _ = go(tmp_path / f"s{seed}", WORLD, short)
        counts[stub.scored[0]] += 1
    # 40 draws of a third or so: 13 ± 3.
    assert counts.min() >= 2
    assert counts.max() <= 26


def test_more_candidates_than_rows_are_all_of_them(tmp_path):
    for limit in (54, 55, 10_000):
        _, stub, _ = go(
            tmp_path / str(limit), WORLD, config_of(strategy="badge", candidates=limit, steps=2)
        )
        assert len(stub.scored[0]) == 54


def test_fewer_candidates_than_the_batch_are_the_batch(tmp_path):
    """Nothing is chosen that was not scored; a study refuses such options beforehand."""
    config = config_of(strategy="bald", candidates=3, step_size=5)
    store, _, said = go(tmp_path, WORLD, config)
    assert [step.n_labelled for step in said] == [6, 9, 12, 15]
    assert scored_by_step(store) == [3, 3, 3, None]


# --committee seeds


def seeds_config(**changes):
    return config_of(strategy="qbc", rates=(RATE,) * 3, committee="seeds", **changes)


def test_the_first_member_of_a_committee_of_seeds_is_the_single_model(tmp_path):
    config = seeds_config()
    store, stub, _ = go(tmp_path / "qbc", WORLD, config)
    assert config.learner.evaluated == 0
    expected = [0, derive(0, 1, "member"), derive(0, 2, "member")]
    for jobs in stub.fits:
        assert [job.seed for job in jobs] == expected
        assert {job.learning_rate for job in jobs} == {RATE}
    members = store.read("members")
    assert members[members.step == 0].member_seed.tolist() == expected
    assert members[members.step == 0].train_loss.nunique() == 3
    single, _, _ = go(tmp_path / "single", WORLD, config_of(strategy="margin"))
    ours, theirs = (s.read("steps").query("step == 0") for s in (store, single))
    for column in ("test_accuracy", "test_loss", "train_loss"):
        assert ours[column].tolist() == theirs[column].tolist()


def test_committees_of_rates_and_of_seeds_are_two_arms():
    assert seeds_config().id != config_of(strategy="qbc", rates=(RATE,) * 3).id
    assert config_of(strategy="qbc").member_seeds == (0, 0, 0)
    assert seeds_config(seed=1).member_seeds[1] != seeds_config().member_seeds[1]


# Members that collapse


class Partial(Stub):
    """Each member predicts label 0 for a given share of the pool."""

    shares = (1.0, 0.95, 0.94)

    def score(self, rows, question):
        found = super().score(rows, question)
        predictions = [
            (np.arange(len(rows)) >= round(share * len(rows))).astype(np.int32)
            for share in self.shares
        ]
        return Scores(found.scores, np.stack(predictions), found.confidence)


def test_a_member_that_predicts_one_label_is_flagged(tmp_path):
    """At 95 % of the pool and above."""
    world = World(train=106)  # a pool of 100 at step 0
    config = config_of(strategy="qbc", steps=2)
    store = run(tmp_path, config, Partial(world, config), world)
    members = store.read("members")
    assert members[members.step == 0].collapsed.tolist() == [True, True, False]
    assert members[members.step == 0].predicted_counts.map(list).tolist() == [
        [100, 0, 0],
        [95, 5, 0],
        [94, 6, 0],
    ]
    assert members[members.step == 1].collapsed.isna().all()  # nothing was scored


# --diversity


def test_near_duplicates_are_passed_over_in_a_batch(tmp_path):
    """Every text is there three times: a batch of five by margin is two texts, or five with it."""
    world = World(train=60)
    train = world.rows.train
    world.vectors[train] = np.repeat(world.vectors[train[:20]], 3, axis=0)

    def batches(**changes):
        config = config_of(strategy="margin", **changes)
        store = run(tmp_path / str(changes), config, Stub(world, config), world)
        chosen = store.read("selections").query("step >= 0")
        place = {row_id: i for i, row_id in enumerate(world.rows.ids_of(train))}
        return [
            [place[row_id] // 3 for row_id in rows.sort_values("rank").row_id]
            for _, rows in chosen.groupby("step")
        ]

    assert all(len(set(batch)) < 4 for batch in batches())
    for batch in batches(diversity=0.999):
        assert len(batch) == 5
        assert len(set(batch)) == 5
    # The first of the batch is the same: only what follows is passed over.
    assert batches(diversity=0.999)[0][0] == batches()[0][0]


def test_a_batch_is_full_even_where_all_are_alike(tmp_path):
    world = World()
    world.vectors[:] = np.abs(world.vectors[0])
    config = config_of(strategy="entropy", diversity=0.9)
    store = run(tmp_path, config, Stub(world, config), world)
    assert store.read("selections").groupby("step").size().tolist() == [6, 5, 5, 5]
    plain_config = config_of(strategy="entropy")
    plain = run(tmp_path / "plain", plain_config, Stub(world, plain_config), world)
    one, other = (
        s.read("selections").query("step == 0").sort_values("rank").row_id.tolist()
        for s in (store, plain)
    )
    assert one == other  # filled up in rank order


# Row by row


@pytest.mark.parametrize("strategy", [n for n in STRATEGIES if isinstance(build(n), Sequential)])
def test_what_is_recorded_of_a_sequential_batch(tmp_path, strategy):
    """The value that each row had when it was taken, and its score before the first pick."""
    store, _, _ = go(tmp_path, WORLD, config_of(strategy=strategy), ledger=True)
    chosen, every = store.read("selections"), store.read("scores")
    for step in range(3):
        rows = chosen[chosen.step == step].sort_values("rank")
        scores = every[every.step == step].set_index("row_id").score
        assert rows.row_id.iloc[0] == scores.idxmax()
        assert rows.score.iloc[0] == scores.max()
        if strategy == "core-set":
            assert (np.diff(rows.score) <= 0).all()
            assert (rows.score.to_numpy() <= scores[rows.row_id].to_numpy()).all()


def test_the_loss_correlation_is_recorded(tmp_path):
    store, _, _ = go(tmp_path, WORLD, config_of(strategy="learning-loss"))
    assert store.read("steps").loss_correlation.between(-1, 1).all()
    store, _, _ = go(tmp_path / "margin", WORLD, config_of())
    assert store.read("steps").loss_correlation.isna().all()


# Numbers that are none


class Broken(Stub):
    """Answers as a shard does of these rows: it names them by their number in the corpus."""

    rows = ()

    def _outputs(self, rows, question):
        if len(bad := [row for row in rows.tolist() if row in self.rows]):
            raise NotNumbers(f"{len(bad)} of {len(rows)} rows have vectors", bad)
        return super()._outputs(rows, question)


@pytest.mark.parametrize("strategy", ["margin", "core-set"])
@pytest.mark.parametrize(
    ("bad", "named"),
    [
        ([3], "행3"),
        ([1, 2, 3, 4, 5], "행1, 행2, 행3, 행4, 행5"),
        (range(50), " and "),
    ],
)
def test_outputs_that_are_not_numbers_are_named_by_row_id(tmp_path, strategy, bad, named):
    config = config_of(strategy=strategy, initial=1)
    taken = Trajectory(config, WORLD.rows, Stub(WORLD, config), Store(tmp_path))._labelled[0]
    assert not set(taken) & set(range(1, 6))
    stub = Broken(WORLD, config)
    stub.rows = set(bad)
    with pytest.raises(AlRayError, match="step 0: ") as caught:
        run(tmp_path, config, stub)
    assert named in str(caught.value)
    assert str(caught.value).count("행") <= 5
    assert "vectors that are not numbers" in str(caught.value)
    assert not isinstance(caught.value, NotNumbers)
    assert "\n" not in str(caught.value)


def test_scores_that_are_not_numbers_are_named_by_row_id(tmp_path):
    """Of a strategy of one's own, say; positions among the candidates would mislead."""

    class Nan(Stub):
        def score(self, rows, question):
            found = super().score(rows, question)
            scores = np.where(np.isin(rows, [11, 41]), np.nan, found.scores)
            return Scores(scores, found.predictions, found.confidence)

    config = config_of()
    taken = set(Trajectory(config, WORLD.rows, Stub(WORLD, config), Store(tmp_path))._labelled[0])
    assert taken.isdisjoint({11, 41})
    with pytest.raises(AlRayError, match=r"2 of 54 rows have scores.*: rows 행11, 행41$"):
        run(tmp_path, config, Nan(WORLD, config))


# --stop-set


def test_the_stop_set_is_predicted_at_every_step_and_changes_nothing(tmp_path):
    config = config_of(validation=7)
    plain, _, _ = go(tmp_path / "plain", WORLD, config)
    found = {}
    for size in (5, 12, None):
        store, stub = Store(tmp_path / str(size)), Stub(WORLD, config)
        list(Trajectory(config, WORLD.rows, stub, store, stop_set=size).run())
        asked = store.read("stop_set")
        assert asked.groupby("step").row_id.apply(tuple).nunique() == 1
        found[size] = set(asked.row_id)
        digests = [each.read("steps").picks_digest.tolist() for each in (plain, store)]
        assert digests[0] == digests[1]
    assert [len(rows) for rows in found.values()] == [5, 12, 6]  # a tenth of 53, rounded up
    assert found[5] < found[None] < found[12]
    validation = next(set(p) for p in stub.predicted if len(p) == 7)
    assert found[12].isdisjoint(WORLD.rows.ids_of(np.array(sorted(validation))))
    assert plain.read("stop_set").empty


def test_a_study_without_a_test_has_its_steps_and_validation(tmp_path):
    """As a search has: one row a step, nothing of a test in it."""
    alone = World()
    alone.rows.splits.pop("test")
    alone.rows.splits.pop("dev")
    config = config_of(validation=7)
    store, _, said = go(tmp_path, alone, config)
    whole, _, _ = go(tmp_path / "whole", WORLD, config)
    steps, wanted = store.read("steps"), whole.read("steps").query("test == 'test'")
    assert steps.test.isna().all()
    assert steps.test_accuracy.isna().all()
    assert steps.picks_digest.tolist() == wanted.picks_digest.tolist()
    assert steps.validation_accuracy.tolist() == wanted.validation_accuracy.tolist()
    assert [each.accuracy for each in said] == steps.validation_accuracy.tolist()
    told = store.read(
        "predictions"
    )  # of validation rows, so that the accuracy can be counted again
    assert told.test.unique().tolist() == ["validation"]
    right = (told.label == told.prediction).groupby(told.step)
    assert right.mean().tolist() == steps.validation_accuracy.tolist()
    assert right.size().tolist() == [7] * len(steps)
