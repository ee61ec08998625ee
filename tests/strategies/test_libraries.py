"""Against other libraries: equal where they are right, and by how much where they are not.

The extra `peers` installs them (`pip install -c constraints.txt -e '.[dev,peers]'`); each test is
skipped where its library is not there. docs/strategies.md gives the numbers of what is wrong.
"""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from outputs import choose

from al_ray.randomness import row_hashes
from al_ray.strategies import Outputs, build, log_softmax

WHY = "the extra 'peers' is not installed: pip install -c constraints.txt -e '.[dev,peers]'"


@pytest.fixture(scope="module")
def small_text():
    logging.disable()  # it says on import which of its optional parts are missing
    module = pytest.importorskip("small_text", reason=WHY)
    logging.disable(logging.NOTSET)
    return module


@pytest.fixture(scope="module")
def skactiveml():
    return pytest.importorskip("skactiveml.pool", reason=WHY)


RNG = np.random.default_rng(0)
P = RNG.dirichlet(np.full(5, 0.7), 300)
MEMBERS = RNG.dirichlet(np.ones(5), (7, 300))
POOL, KNOWN = (RNG.normal(size=(rows, 24)).astype(np.float32) for rows in (300, 40))
P_KNOWN = RNG.dirichlet(np.full(5, 0.7), 40)


def outputs(p, vectors=None, labelled=None):
    p = np.asarray(p)
    return Outputs(np.log(p if p.ndim == 3 else p[None]), vectors=vectors, labelled=labelled)


def both():
    return outputs(P, POOL, outputs(P_KNOWN, KNOWN))


# scikit-activeml


@pytest.mark.parametrize(
    ("ours", "theirs", "factor", "shift"),
    [
        ("least-confidence", "least_confident", 1, 0),
        ("margin", "margin_sampling", 1, -1),  # theirs is 1 - (p1 - p2)
        ("entropy", "entropy", 1, 0),
    ],
)
def test_scores_of_one_model_are_scikit_activemls(skactiveml, ours, theirs, factor, shift):
    from skactiveml.pool import uncertainty_scores

    expected = factor * uncertainty_scores(P.copy(), method=theirs) + shift
    np.testing.assert_allclose(build(ours).score(outputs(P)), expected, atol=1e-14)


def test_committees_are_scikit_activemls(skactiveml):
    """Vote entropy exactly; its mean KL clips p at 1e-7, which these stay above."""
    from skactiveml.pool import average_kl_divergence, vote_entropy

    votes = MEMBERS.argmax(axis=2).T
    ours = [build("qbc", name).score(outputs(MEMBERS)) for name in ("vote-entropy", "mean-kl")]
    np.testing.assert_allclose(ours[0], vote_entropy(votes, classes=range(5)), atol=1e-14)
    np.testing.assert_allclose(ours[1], average_kl_divergence(MEMBERS.copy()), atol=1e-6)


def test_bald_is_scikit_activemls_first_of_a_batch(skactiveml):
    from skactiveml.pool._bald import batch_bald

    ours = build("bald").score(Outputs(np.log(MEMBERS[:1]), dropout=np.log(MEMBERS)))
    np.testing.assert_allclose(ours, batch_bald(MEMBERS.copy(), 1)[0], atol=1e-6)


def test_core_set_is_scikit_activemls(skactiveml):
    from skactiveml.pool._core_set import k_greedy_center

    x = np.concatenate([POOL, KNOWN]).astype(float)
    y = np.concatenate([np.full(300, np.nan), np.zeros(40)])
    expected, _ = k_greedy_center(x, y, batch_size=15, random_state=0)
    chosen = choose(build("core-set"), both(), row_hashes(map(str, range(300))), 15)
    assert chosen.tolist() == expected.tolist()


class Given:
    """A classifier of scikit-activeml's that answers with given probabilities."""

    @staticmethod
    def make(p):
        from skactiveml.base import SkactivemlClassifier

        class Made(SkactivemlClassifier):
            def fit(self, X, y, sample_weight=None):
                return self

            def predict_proba(self, X):
                return p[X[:, 0].astype(int)], X[:, 1:]

        return Made(classes=list(range(5)))


def test_contrastive_is_scikit_activemls(skactiveml):
    """Theirs takes vectors as they are, so they are given at length 1; it clips p."""
    from skactiveml.pool import ContrastiveAL

    x = np.concatenate([POOL, KNOWN]).astype(float)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    p, numbered = np.concatenate([P, P_KNOWN]), np.column_stack([np.arange(340), x])
    y = np.concatenate([np.full(300, np.nan), np.zeros(40)])
    query = ContrastiveAL(
        nearest_neighbors_dict={"n_neighbors": 10}, clf_embedding_flag_name=None, random_state=0
    )
    _, utilities = query.query(numbered, y, Given.make(p), fit_clf=False, return_utilities=True)
    np.testing.assert_allclose(build("contrastive").score(both()), utilities[0, :300], rtol=1e-4)


def test_scikit_activemls_badge_takes_the_origin_for_a_centre(skactiveml):
    """The longest gradient comes first in both. Then its D² is the smaller of D² and |g|².

    So a row that is far from the first in another direction is drawn as if it were near. With the
    |g|² put in, its chances are those of our field.
    """
    from skactiveml.pool import Badge

    numbered = np.column_stack([np.arange(300), POOL.astype(float)])
    query = Badge(clf_embedding_flag_name=None, random_state=0)
    y = np.full(300, np.nan)
    chosen, utilities = query.query(
        numbered, y, Given.make(P), fit_clf=False, batch_size=2, return_utilities=True
    )
    field = build("badge").begin(outputs(P, POOL), lambda pick: np.full(300, 0.5))
    norms = np.square(field.values())
    first = int(norms.argmax())
    assert first == chosen[0]
    field.take(field.centre(first))
    squares = np.exp(field.values() + np.log(np.log(2)))  # without the noise of 1/2
    others = np.arange(300) != first
    theirs = utilities[1][others]
    with_origin = np.minimum(squares, norms)
    np.testing.assert_allclose(theirs, (with_origin / with_origin.sum())[others], rtol=1e-6)
    right = (squares / squares.sum())[others]
    assert (np.abs(theirs / right - 1) > 0.1).mean() > 0.5


# small-text, where it is right


@pytest.mark.parametrize(
    ("ours", "theirs", "sign", "shift"),
    [
        ("least-confidence", "LeastConfidence", -1, 1),
        ("margin", "BreakingTies", -1, 0),
        ("entropy", "PredictionEntropy", 1, 0),
    ],
)
def test_scores_of_one_model_are_small_texts(small_text, ours, theirs, sign, shift):
    strategy = getattr(small_text, theirs)()
    clf = SimpleNamespace(predict_proba=lambda _: P)
    expected = sign * strategy.get_confidence(clf, None, None, None, None) + shift
    np.testing.assert_allclose(build(ours).score(outputs(P)), expected, atol=1e-14)


def greedy_coreset(x, unlabelled, labelled, n):
    from small_text.query_strategies.coresets import greedy_coreset as theirs

    return theirs(x, unlabelled, labelled, n, distance_metric="euclidean").tolist()


def ours_of(x, unlabelled, labelled, n):
    """Our picks, as positions among the unlabelled rows."""
    p = np.full((1, len(x), 2), np.log(0.5))
    known = Outputs(p[:, labelled], vectors=x[labelled])
    pool = Outputs(p[:, unlabelled], vectors=x[unlabelled], labelled=known)
    return choose(build("core-set"), pool, row_hashes(map(str, unlabelled)), n).tolist()


def test_core_set_is_small_texts_where_the_unlabelled_rows_come_first(small_text):
    x = np.concatenate([POOL, KNOWN])
    unlabelled, labelled = np.arange(300), np.arange(300, 340)
    expected = greedy_coreset(x, unlabelled, labelled, 60)
    assert ours_of(x, unlabelled, labelled, 60) == expected


# small-text, where it is not


def twin(x, unlabelled, labelled, n):
    """Positions among the unlabelled rows, every distance in float64."""
    x, chosen = x.astype(float), []
    for _ in range(n):
        centres = x[np.concatenate([labelled, unlabelled[chosen]]).astype(int)]
        far = np.linalg.norm(x[unlabelled][:, None] - centres, axis=2).min(axis=1)
        far[chosen] = -1
        chosen.append(int(far.argmax()))
    return chosen


def test_small_texts_core_set_mixes_two_counts_of_rows(small_text):
    """A pick is a position among the unlabelled rows, and is then taken for a row of all.

    So it is only right where these come first: here its centres are others, and so are its picks.
    """
    x = np.concatenate([KNOWN, POOL])
    labelled, unlabelled = np.arange(40), np.arange(40, 340)
    right = twin(x, unlabelled, labelled, 20)
    assert ours_of(x, unlabelled, labelled, 20) == right
    theirs = greedy_coreset(x, unlabelled, labelled, 20)
    assert theirs[0] == right[0]
    assert len(set(theirs) & set(right)) <= 15


def test_small_texts_core_set_has_no_answer_without_a_labelled_row(small_text):
    empty = np.array([], int)
    with pytest.raises(ValueError, match="0 sample"):
        greedy_coreset(POOL, np.arange(300), empty, 3)
    assert len(set(ours_of(POOL, np.arange(300), empty, 3))) == 3


def small_texts_gradient_length(x, layer):
    from small_text.integrations.pytorch.query_strategies import ExpectedGradientLength

    strategy = ExpectedGradientLength(layer.out_features, device="cpu", pbar=None)
    lengths = strategy.initialize_gradient_lengths_array(len(x))
    clf = SimpleNamespace(model=layer)
    criterion = torch.nn.CrossEntropyLoss(reduction="none")
    strategy.compute_gradient_lengths(clf, criterion, lengths, 0, torch.from_numpy(x))
    return lengths


def test_small_texts_gradient_length_is_the_sum_of_absolute_values(small_text):
    """sqrt(g²).sum(): of the gradient (3, 4) it makes 7, where the norm is 5."""
    from small_text.integrations.pytorch.query_strategies import ExpectedGradientLength

    weight = torch.nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, 4.0])
    found = torch.zeros(1, 1)
    clf = SimpleNamespace(model=SimpleNamespace(parameters=lambda: [weight]))
    ExpectedGradientLength(1, device="cpu").compute_gradient_length(
        clf, torch.ones(1, 1), found, 0, 0
    )
    assert found.item() == 7

    x = POOL[:20]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layer = torch.nn.Linear(24, 5)
    with torch.no_grad():
        logits = layer(torch.from_numpy(x)).numpy()
    ours = build("expected-gradient-length").score(
        Outputs(log_softmax(logits)[None], vectors=x, bias=True)
    )
    theirs = small_texts_gradient_length(x, layer)
    # The sum of |(p - e) h| is the product of the sums: checked, so that it is nothing else.
    p = torch.softmax(torch.from_numpy(logits), dim=1).numpy()
    residual = sum(p[:, [y]] * np.abs(p - np.eye(5)[y]).sum(1, keepdims=True) for y in range(5))
    np.testing.assert_allclose(theirs, residual[:, 0] * (np.abs(x).sum(1) + 1), rtol=1e-4)
    assert (theirs / ours).min() > 4
    assert np.argsort(-theirs).tolist() != np.argsort(-ours).tolist()


def test_small_texts_badge_leaves_the_predicted_label_out(small_text):
    """Its gradients are -p h, since the 1 is never added: they say how long h is, and little else.

    Of p = (0.9, 0.1) and (0.5, 0.5) at one h the uncertain row's is the shorter one.
    """
    from small_text.integrations.pytorch.query_strategies import BADGE

    p = np.array([[0.9, 0.06, 0.04], [0.4, 0.3, 0.3]])
    h = np.ones((2, 1))
    theirs = np.linalg.norm(BADGE(3).get_badge_embeddings(h, p.copy()), axis=1)
    np.testing.assert_allclose(theirs, np.linalg.norm(p, axis=1))
    assert theirs[0] > theirs[1]
    ours = build("badge").score(outputs(p, h.astype(np.float32)))
    np.testing.assert_allclose(ours, np.linalg.norm(p - np.eye(3)[[0, 0]], axis=1))
    assert ours[0] < ours[1]


def test_small_texts_contrastive_asks_neighbours_that_nobody_labelled(small_text):
    """Its neighbours are of the whole corpus, the row itself the first of them."""
    from small_text import ContrastiveActiveLearning

    x = np.concatenate([POOL, KNOWN])
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    p = np.concatenate([P, P_KNOWN])
    strategy = ContrastiveActiveLearning(k=1, pbar=None)
    seen = []

    class Spy:
        def kneighbors(self, rows, n_neighbors, return_distance):
            from sklearn.neighbors import NearestNeighbors

            found = NearestNeighbors(n_neighbors=1).fit(x).kneighbors(rows, return_distance=False)
            seen.append(found[:, 0])
            return found

    strategy._contrastive_active_learning(x, x, p, np.arange(300), Spy(), 5)
    assert np.concatenate(seen).tolist() == list(range(300))
    one = build("contrastive")
    one.neighbours = 1
    assert (one.score(both()) > 0).all()
