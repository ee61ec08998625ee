"""The loop without Ray and without a model: NumPy workers over random vectors."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from loop_stub import (
    RATE,
    Stub,
    World,
    assert_same,
    assert_same_run,
    config_of,
    ended,
    go,
    tables,
    training,
)

from al_ray.loop.record import steps_done
from al_ray.loop.trajectory import Trajectory
from al_ray.results import Store
from al_ray.strategies import picks_digest

STRATEGIES = ("random", "least-confidence", "margin", "entropy", "qbc")
RETRAIN = ("cold", "warm", "warm-new")
WORLD = World()
CHECKPOINT = "checkpoint"


class Killed(Exception):
    """What a kill is to the loop."""


class FragileStore(Store):
    """Dies before (or, with `after`, just after) its k-th write; checkpoints count."""

    def __init__(self, folder, k, after=False):
        super().__init__(folder)
        self.left, self.after, self.writes = k, after, []
        self.checkpoints = FragileCheckpoints(self.checkpoints, self._count)

    def _count(self, what, write):
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Killed
        write()
        self.writes.append(what)
        if self.left == 0:
            raise Killed

    def write(self, table, columns, trajectory, step=None):
        parent = super().write
        self._count((table, step), lambda: parent(table, columns, trajectory, step))


class FragileCheckpoints:
    def __init__(self, kept, count):
        self._kept, self._count = kept, count

    def __getattr__(self, name):
        return getattr(self._kept, name)

    def write(self, trajectory, step, members):
        self._count((CHECKPOINT, step), lambda: self._kept.write(trajectory, step, members))


def killed_at(folder, config, k, after=False, ledger=False):
    """Run until the k-th write; answers with whether it came to that."""
    try:
        go(folder, WORLD, config, FragileStore(folder, k, after), ledger)
    except Killed:
        return True
    return False


def picks(store, config):
    """Row ids by step, in rank order, read from the table."""
    frame = store.read("selections", [config.id])
    return {
        int(step): rows.sort_values("rank").row_id.tolist() for step, rows in frame.groupby("step")
    }


def ids_in(split):
    return set(WORLD.rows.ids_of(WORLD.rows.splits[split]))


# What a run leaves


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_counts_of_a_run(tmp_path, strategy):
    config = config_of(strategy=strategy, validation=7)
    store, stub, said = go(tmp_path, WORLD, config)
    steps = store.read("steps")
    assert steps.groupby("step").test.apply(list).tolist() == [["test", "dev"]] * 4
    for table in (steps, store.read("predictions")):  # the main test is the corpus's first
        assert (table.main == (table.test == "test")).all()
    main = steps[steps.test == "test"]
    assert main.step.tolist() == [0, 1, 2, 3]
    assert main.n_labelled.tolist() == [6, 11, 16, 21]
    assert main.n_validation.tolist() == [7] * 4
    assert main.n_labels_paid.tolist() == [13, 18, 23, 28]
    # 60 rows less 7 of validation, labelled or in the pool.
    assert main.pool_share.tolist() == pytest.approx([n / 53 for n in (6, 11, 16, 21)])
    assert main.validation_accuracy.notna().all()
    assert [len(p) for p in stub.predicted if set(p) <= set(WORLD.rows.splits["test"])] == [25] * 4
    assert [(s.step, s.n_labelled) for s in said] == [(0, 6), (1, 11), (2, 16), (3, 21)]
    assert [s.accuracy for s in said] == main.test_accuracy.tolist()
    assert main.updates.tolist() == [3, 6, 6, 9]  # 3 epochs of ceil(n / 8)
    assert (main.strategy == strategy).all()
    assert (main.family == config.chooser.family).all()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_row_twice_and_none_from_elsewhere(tmp_path, strategy):
    config = config_of(strategy=strategy, validation=7)
    store, stub, _ = go(tmp_path, WORLD, config)
    chosen = picks(store, config)
    assert {step: len(ids) for step, ids in chosen.items()} == {-1: 6, 0: 5, 1: 5, 2: 5}
    every = list(itertools.chain(*chosen.values()))
    assert len(set(every)) == len(every) == 21
    assert set(every) <= ids_in("train")
    # Validation rows are the only rows of train that are predicted apart from the pool.
    validation = next(set(p) for p in stub.predicted if len(p) == 7)
    assert validation.isdisjoint(int(WORLD.rows.ids_of(WORLD.rows.train).index(i)) for i in every)
    for pool in stub.scored:
        assert validation.isdisjoint(pool)
        assert (np.diff(pool) > 0).all()


def test_what_is_fitted_is_what_was_bought(tmp_path):
    config = config_of()
    store, stub, _ = go(tmp_path, WORLD, config)
    chosen = picks(store, config)
    by_label = store.read("selections").set_index("row_id").label
    bought = []
    for step, (job,) in enumerate(stub.fits):
        bought += chosen[step - 1]
        assert WORLD.rows.ids_of(job.rows) == bought
        assert [WORLD.rows.label_names[label] for label in job.labels] == by_label[bought].tolist()
        assert (job.step, job.seed, job.learning_rate) == (step, 0, RATE)
        assert len(stub.scored) == 3  # the last step scores nothing


def test_last_step_selects_nothing(tmp_path):
    store, _, _ = go(tmp_path, WORLD, config_of())
    last = store.read("steps").query("step == 3")
    assert last.picks_digest.isna().all()
    assert last.tie_share.isna().all()
    assert 3 not in set(store.read("selections").step)
    assert store.read("members").query("step == 3").confusion.isna().all()


def test_the_initial_draw_is_step_minus_one(tmp_path):
    config = config_of()
    store, _, _ = go(tmp_path, WORLD, config)
    first = store.read("selections").query("step == -1")
    assert first["rank"].tolist() == list(range(6))
    assert first[["score", "prediction", "confidence"]].isna().all(axis=None)
    truth = dict(zip(WORLD.rows.ids.to_pylist(), WORLD.labels, strict=True))
    assert [WORLD.rows.label_names[truth[i]] for i in first.row_id] == first.label.tolist()


def test_digest_and_ties_are_recorded(tmp_path):
    config = config_of()
    store, _, _ = go(tmp_path, WORLD, config)
    chosen = picks(store, config)
    steps = store.read("steps").query("test == 'test'").set_index("step")
    for step in range(3):
        assert steps.picks_digest[step] == picks_digest(chosen[step])
        assert steps.tie_share[step] == 0.0  # Gaussian vectors do not tie
    flat = World()
    flat.vectors[:] = 1.0
    store, _, _ = go(tmp_path / "flat", flat, config)
    ties = store.read("steps").query("test == 'test'").tie_share.tolist()
    assert ties[:3] == [1.0] * 3
    store, _, _ = go(tmp_path / "random", WORLD, config_of(strategy="random"))
    assert store.read("steps").tie_share.isna().all()
    assert store.read("steps").query("step < 3").picks_digest.notna().all()


def test_selections_carry_scores_in_rank_order(tmp_path):
    config = config_of()
    store, _, _ = go(tmp_path, WORLD, config, ledger=True)
    chosen, every = store.read("selections"), store.read("scores")
    for step in range(3):
        rows = chosen[chosen.step == step]
        scores = every[every.step == step]
        assert len(scores) == 60 - 6 - 5 * step
        best = scores.sort_values("score", ascending=False)[:5]
        assert rows.row_id.tolist() == best.row_id.tolist()
        assert rows.score.tolist() == best.score.tolist()
        assert rows.prediction.tolist() == best.prediction.tolist()
        # Margin: -(p1 - p2), and of three labels p1 is at least a third.
        assert rows.confidence.between(1 / 3, 1).all()
        assert (rows.score + rows.confidence >= -1e-12).all()


def test_the_ledger_is_kept_only_when_asked_for(tmp_path):
    store, _, _ = go(tmp_path / "a", WORLD, config_of())
    assert not (tmp_path / "a" / "scores").exists()
    ledger, _, _ = go(tmp_path / "b", WORLD, config_of(), ledger=True)
    left, right = tables(store), tables(ledger)
    assert len(right.pop("scores"))
    left.pop("scores")
    assert_same(left, right)


def test_predictions_give_the_accuracy(tmp_path):
    store, _, _ = go(tmp_path, WORLD, config_of())
    rows = store.read("predictions")
    accuracy = (rows.label == rows.prediction).groupby([rows.step, rows.test]).mean()
    steps = store.read("steps").set_index(["step", "test"]).test_accuracy
    for key in steps.index:
        assert steps[key] == pytest.approx(accuracy[key])
    assert rows.groupby(["step", "test"]).size().unstack().to_numpy().tolist() == [[10, 25]] * 4


# Draws


def test_initial_draws_and_random_arms_nest(tmp_path):
    orders = []
    for n, (initial, size, validation) in enumerate([(5, 5, 0), (10, 10, 0), (4, 7, 12)]):
        config = config_of(
            strategy="random", initial=initial, step_size=size, validation=validation
        )
        store, _, _ = go(tmp_path / str(n), WORLD, config)
        orders.append(list(itertools.chain(*picks(store, config).values())))
    shortest = min(map(len, orders))
    assert shortest == 20
    assert orders[0] == orders[1][:20] == orders[2][:20]


def test_all_strategies_begin_alike_and_seeds_differ(tmp_path):
    draws = {
        (strategy, seed): picks(go(tmp_path / f"{strategy}{seed}", WORLD, config)[0], config)[-1]
        for strategy in STRATEGIES
        for seed in (0, 1)
        for config in [config_of(strategy=strategy, seed=seed, steps=1)]
    }
    for seed in (0, 1):
        assert len({tuple(draws[strategy, seed]) for strategy in STRATEGIES}) == 1
    assert set(draws["margin", 0]) != set(draws["margin", 1])


def test_the_order_of_the_pool_in_the_file_does_not_matter_to_draws(tmp_path):
    """A draw is by the hash of the id."""
    config = config_of(strategy="random")
    store, _, _ = go(tmp_path / "a", WORLD, config)
    rows = WORLD.rows
    turned = np.concatenate([np.arange(60)[::-1], np.arange(60, 95)])
    other = WORLD.with_labels(WORLD.labels[turned])
    other.vectors = WORLD.vectors[turned]
    other.rows = replace(
        rows, ids=rows.ids.take(turned), hashes=rows.hashes[turned], labels=other.labels
    )
    again, _, _ = go(tmp_path / "b", other, config)
    assert picks(store, config) == picks(again, config)


def test_random_never_scores(tmp_path):
    _, stub, _ = go(tmp_path, WORLD, config_of(strategy="random"))
    assert stub.scored == []
    assert len(stub.fits) == 4


def test_control(tmp_path):
    config = config_of(strategy="control", initial=24, step_size=24, steps=1, validation=6)
    store, stub, said = go(tmp_path, WORLD, config)
    ((job,),) = stub.fits
    assert len(job.rows) == 24
    assert job.initial is None
    assert stub.scored == []
    assert [s.n_labelled for s in said] == [24]
    steps = store.read("steps")
    assert steps.pool_share.tolist() == pytest.approx([24 / 54] * 2)
    assert steps.n_labels_paid.tolist() == [30, 30]
    assert picks(store, config).keys() == {-1}
    arm = config_of(strategy="random", initial=4, step_size=5, steps=5)
    other, _, _ = go(tmp_path / "arm", WORLD, arm)
    drawn = list(itertools.chain(*picks(other, arm).values()))
    assert picks(store, config)[-1] == drawn  # both are prefixes of one permutation


@pytest.mark.parametrize("strategy", ["random", "margin"])
def test_an_exhausted_pool_ends(tmp_path, strategy):
    config = config_of(strategy=strategy, initial=30, step_size=20, steps=3, validation=5)
    store, stub, said = go(tmp_path, WORLD, config)
    assert [s.n_labelled for s in said] == [30, 50, 55]
    validation = next(rows for rows in stub.predicted if len(rows) == 5)
    fitted = stub.fits[-1][0].rows
    assert np.array_equal(np.sort(np.concatenate([fitted, validation])), WORLD.rows.train)
    assert store.read("steps").query("step == 2").pool_share.tolist() == [1.0, 1.0]
    assert len(picks(store, config)[1]) == 5


# Regimes


def test_cold_begins_afresh_on_all_labels(tmp_path):
    _, stub, _ = go(tmp_path, WORLD, config_of(retrain="cold"))
    assert [len(job.rows) for (job,) in stub.fits] == [6, 11, 16, 21]
    assert all(job.initial is None for (job,) in stub.fits)
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.parametrize(("retrain", "sizes"), [("warm", [6, 11, 16]), ("warm-new", [6, 5, 5])])
def test_warm_goes_on_from_the_last_weights(tmp_path, retrain, sizes):
    config = config_of(retrain=retrain, strategy="qbc", steps=3)
    store, stub, _ = go(tmp_path, WORLD, config)
    assert [[len(job.rows) for job in jobs] for jobs in stub.fits] == [[n] * 3 for n in sizes]
    assert all(job.initial is None for job in stub.fits[0])
    again = Stub(WORLD, config)
    before = [fitted.weights for fitted in again.fit(stub.fits[0])]
    for jobs in stub.fits[1:]:
        for job, weights in zip(jobs, before, strict=True):
            assert np.array_equal(job.initial["weight"], weights["weight"])
        before = [fitted.weights for fitted in again.fit(jobs)]
    if retrain == "warm-new":
        chosen = picks(store, config)
        for step, jobs in enumerate(stub.fits):
            assert all(WORLD.rows.ids_of(job.rows) == chosen[step - 1] for job in jobs)
    kept = store.checkpoints.read(config.id, 2)
    assert [
        np.array_equal(k["weight"], w["weight"]) for k, w in zip(kept, before, strict=True)
    ] == [True] * 3


def test_members_of_a_committee(tmp_path):
    config = config_of(strategy="qbc")
    store, stub, _ = go(tmp_path, WORLD, config)
    for step, jobs in enumerate(stub.fits):
        assert [(job.member, job.learning_rate) for job in jobs] == [(0, 0.4), (1, RATE), (2, 0.02)]
        assert {(job.seed, job.step) for job in jobs} == {(0, step)}
    members = store.read("members")
    assert members.groupby("step").learning_rate.apply(list).tolist() == [[0.4, RATE, 0.02]] * 4
    # The member at the learning rate is the single model of the other arms.
    other, _, _ = go(tmp_path / "single", WORLD, config_of(strategy="margin"))
    single, ours = (s.read("steps").query("step == 0") for s in (other, store))
    for column in ("test_accuracy", "test_loss", "train_loss", "updates"):
        assert ours[column].tolist() == single[column].tolist()
    losses = members[members.step == 0].train_loss.tolist()
    assert losses[1] == ours.train_loss.iloc[0]
    assert len(set(losses)) == 3
    confidence = [
        s.read("predictions").query("step == 0").confidence.tolist() for s in (other, store)
    ]
    assert confidence[0] == confidence[1]


def test_members_count_what_they_predict(tmp_path):
    config = config_of(strategy="qbc")
    store, stub, _ = go(tmp_path, WORLD, config)
    members = store.read("members").query("step == 1")
    weights = [fitted.weights for fitted in Stub(WORLD, config).fit(stub.fits[1])]
    pool = stub.scored[1]
    for row, weight in zip(members.itertuples(), weights, strict=True):
        predicted = Stub(WORLD, config).predict(pool, weight).log_probabilities.argmax(axis=1)
        table = np.zeros((3, 3), int)
        for true, guess in zip(WORLD.labels[pool], predicted, strict=True):
            table[true, guess] += 1
        assert np.array_equal(np.stack(row.confusion), table)
        assert row.predicted_counts.tolist() == table.sum(axis=0).tolist()


# Kills, continuing, extending


@pytest.mark.parametrize(
    ("strategy", "retrain"),
    [("margin", "cold"), ("random", "warm"), ("qbc", "warm"), ("entropy", "warm-new")],
)
def test_killed_at_every_write(tmp_path, strategy, retrain):
    config = config_of(strategy=strategy, retrain=retrain, steps=3, validation=4)
    whole, undisturbed, _ = go(tmp_path / "whole", WORLD, config, ledger=True)
    for k in itertools.count(1):
        folder = tmp_path / str(k)
        if not killed_at(folder, config, k, ledger=True):
            break
        done = steps_done(Store(folder), config)
        again, stub, _ = go(folder, WORLD, config, ledger=True)
        assert_same_run(again, whole)
        assert len(stub.fits) == 3 - done  # no more than the step under way is done again
        for jobs, others in zip(stub.fits, undisturbed.fits[done:], strict=True):
            for job, other in zip(jobs, others, strict=True):
                assert job.rows.tolist() == other.rows.tolist()
                assert job.step == other.step
    # Per step: members, predictions, steps; selections and perhaps scores of two; the draw.
    assert k - 1 == 1 + 4 * 3 + 2 + 2 * (strategy != "random") + 3 * (retrain != "cold")


@pytest.mark.parametrize("retrain", RETRAIN)
def test_killed_twice_and_more(tmp_path, retrain):
    config = config_of(retrain=retrain, steps=3)
    whole = go(tmp_path / "whole", WORLD, config)[0]
    for k, j in [(2, 5), (5, 1), (6, 4), (9, 5)]:
        folder = tmp_path / f"{k}-{j}"
        assert killed_at(folder, config, k, after=True)
        killed_at(folder, config, j)
        assert_same_run(go(folder, WORLD, config)[0], whole)
    folder = tmp_path / "again and again"
    for _ in range(9):  # a step has five writes at most, so each start gets one done
        if not killed_at(folder, config, 6, after=True):
            break
    assert_same_run(Store(folder), whole)


@pytest.mark.parametrize("retrain", RETRAIN)
def test_done_is_done(tmp_path, retrain):
    config = config_of(retrain=retrain)
    go(tmp_path, WORLD, config)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    _, stub, said = go(tmp_path, WORLD, config)
    assert stub.fits == []
    assert said == []
    assert before == {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()}


@pytest.mark.parametrize("retrain", RETRAIN)
@pytest.mark.parametrize("short", [1, 2, 4])
def test_extended_equals_longer(tmp_path, retrain, short):
    config = config_of(retrain=retrain, strategy="qbc", steps=5)
    whole = go(tmp_path / "long", WORLD, config, ledger=True)[0]
    go(tmp_path / "short", WORLD, ended(config, short), ledger=True)
    store, stub, _ = go(tmp_path / "short", WORLD, config, ledger=True)
    assert_same_run(store, whole)
    assert len(stub.fits) == 5 - short + 1  # the step that was the last is fitted again


@pytest.mark.parametrize("retrain", ["cold", "warm-new"])
def test_extending_survives_kills(tmp_path, retrain):
    config = config_of(retrain=retrain, steps=4)
    whole = go(tmp_path / "long", WORLD, config)[0]
    for k in itertools.count(1):
        folder = tmp_path / str(k)
        go(folder, WORLD, ended(config, 2))
        over = not killed_at(folder, config, k)
        store, stub, _ = go(folder, WORLD, config)
        assert_same_run(store, whole)
        assert len(stub.fits) <= 3
        if over:
            break


@pytest.mark.parametrize("retrain", ["warm", "warm-new"])
def test_lost_checkpoints_cost_time_only(tmp_path, retrain):
    config = config_of(retrain=retrain)
    whole = go(tmp_path / "whole", WORLD, config)[0]
    for k in (8, 11, 14):
        folder = tmp_path / str(k)
        assert killed_at(folder, config, k)
        for path in (folder / "checkpoints").iterdir():
            path.unlink()
        killed_at(folder, config, 7)  # and once more while it catches up
        store, _, _ = go(folder, WORLD, config)
        assert_same_run(store, whole)


def test_two_checkpoints_are_kept(tmp_path):
    config = config_of(retrain="warm", steps=5)
    store, _, _ = go(tmp_path, WORLD, config)
    kept = [step for step in range(5) if store.checkpoints.has(config.id, step)]
    assert kept == [3, 4]
    assert len(list((tmp_path / "checkpoints").iterdir())) == 2


def test_steps_come_last(tmp_path):
    config = config_of(retrain="warm", steps=2)
    store = FragileStore(tmp_path, 10**6)
    go(tmp_path, WORLD, config, store, ledger=True)
    assert store.writes[0] == ("selections", -1)
    for step in range(2):
        of_step = [table for table, at in store.writes if at == step]
        assert of_step[-2:] == [CHECKPOINT, "steps"]


def test_trajectories_do_not_mix(tmp_path):
    """Arms and seeds of one folder leave each other alone."""
    configs = [
        config_of(strategy=strategy, seed=seed, retrain=retrain, steps=2)
        for strategy, seed, retrain in itertools.product(
            ("margin", "qbc"), (0, 1), ("cold", "warm")
        )
    ]
    together = Store(tmp_path / "together")
    runs = [
        Trajectory(config, WORLD.rows, Stub(WORLD, config), together).run() for config in configs
    ]
    for _ in range(2):
        for run in runs:  # by turns
            next(run)
    for n, config in enumerate(configs):
        alone = tables(go(tmp_path / str(n), WORLD, config)[0])
        ours = {name: together.read(name, [config.id]) for name in alone}
        assert_same({name: ours[name][list(alone[name])] for name in alone}, alone)


# Honesty


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("retrain", RETRAIN)
def test_labels_of_tests_never_influence_picks(tmp_path, strategy, retrain):
    labels = WORLD.labels.copy()
    for split in ("test", "dev"):
        rows = WORLD.rows.splits[split]
        labels[rows] = (labels[rows] + 1) % 3
    config = config_of(strategy=strategy, retrain=retrain, validation=5)
    left, _, _ = go(tmp_path / "a", WORLD, config)
    right, _, _ = go(tmp_path / "b", WORLD.with_labels(labels), config)
    a, b = tables(left), tables(right)
    assert a["steps"].test_accuracy.tolist() != b["steps"].test_accuracy.tolist()
    assert_same(
        {name: a[name] for name in ("selections", "members")},
        {name: b[name] for name in ("selections", "members")},
    )


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_labels_nobody_bought_never_influence_picks(tmp_path, strategy):
    config = config_of(strategy=strategy, validation=5)
    left, _, _ = go(tmp_path / "a", WORLD, config)
    bought = set(itertools.chain(*picks(left, config).values()))
    labels = WORLD.labels.copy()
    others = [i for i, name in enumerate(WORLD.rows.ids.to_pylist()) if name not in bought]
    labels[others] = (labels[others] + 1) % 3
    right, _, _ = go(tmp_path / "b", WORLD.with_labels(labels), config)
    assert_same(
        {"selections": tables(left)["selections"]}, {"selections": tables(right)["selections"]}
    )


def test_labels_that_were_bought_do(tmp_path):
    """The world is not so simple that nothing matters."""
    config = config_of()
    left, _, _ = go(tmp_path / "a", WORLD, config)
    right, _, _ = go(tmp_path / "b", WORLD.with_labels((WORLD.labels * 2 + 1) % 3), config)
    other = World(seed=5)
    far, _, _ = go(tmp_path / "c", World().with_labels(other.labels), config)
    assert picks(left, config)[-1] == picks(right, config)[-1] == picks(far, config)[-1]
    assert picks(left, config)[0] != picks(far, config)[0]


def test_metrics_are_not_what_the_oracle_gave(tmp_path):
    """Validation accuracy is of the validation rows."""
    config = config_of(validation=8, training=training(epochs=9))
    store, stub, _ = go(tmp_path, WORLD, config)
    validation = next(p for p in stub.predicted if len(p) == 8)
    weights = Stub(WORLD, config).fit(stub.fits[-1])[0].weights
    right = Stub(WORLD, config).predict(validation, weights).log_probabilities.argmax(axis=1)
    accuracy = (right == WORLD.labels[validation]).mean()
    assert store.read("steps").query("step == 3").validation_accuracy.tolist() == [accuracy] * 2


# What a fit and a device could not do as asked


class Troubled(Stub):
    """Member 1 diverges at its own rate, and memory runs out at step 1."""

    def fit(self, jobs):
        fitted = super().fit(jobs)
        self.step = jobs[0].step
        fitted[1] = replace(fitted[1], learning_rate=jobs[1].learning_rate / 2, part_rows=4)
        return fitted

    def smallest_budget(self):
        return 512 if self.step == 1 else None


def test_what_was_used_instead_is_in_the_tables(tmp_path):
    rates = (2 * RATE, RATE, RATE / 2)
    config = config_of(strategy="qbc", rates=rates, on_divergence="retry-with-lower-rate", steps=3)
    store, stub = Store(tmp_path), Troubled(WORLD, config)
    list(Trajectory(config, WORLD.rows, stub, store).run())
    assert {job.halvings for jobs in stub.fits for job in jobs} == {4}
    members = store.read("members")
    assert members.learning_rate.tolist() == [2 * RATE, RATE / 2, RATE / 2] * 3
    assert members.part_rows.isna().tolist() == [True, False, True] * 3
    assert members.part_rows.dropna().tolist() == [4] * 3
    budgets = store.read("steps").query("test == 'test'").smallest_budget
    assert budgets.isna().tolist() == [True, False, True]
    assert budgets[budgets.notna()].tolist() == [512]


def test_a_fit_that_diverges_is_not_begun_again_by_default(tmp_path):
    _, stub, _ = go(tmp_path, WORLD, config_of())
    assert {job.halvings for jobs in stub.fits for job in jobs} == {0}
