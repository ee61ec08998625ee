"""Attention with dropout against its definition, and sequences of one group against each alone."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from al_ray.learners.encoder.attention import attend, sequences
from al_ray.learners.encoder.dropout import PARTS, Drops, factor

HEADS = 4


def drawn(lengths, kind=torch.float32):
    """Query, key and value of sequences end to end."""
    torch.manual_seed(0)
    return [torch.randn(sum(lengths), HEADS * 8, dtype=kind) for _ in range(3)]


class Known:
    """Dropout whose draws are kept."""

    def __init__(self):
        self._own, self.gave = Drops(), []

    def kept(self, shape, dropout):
        self.gave.append(self._own.kept(shape, dropout))
        return self.gave[-1]


def by_definition(parts, lengths, kept, dropout):
    """Of each sequence alone; kept (sequences, heads, longest, longest) or None."""
    made = []
    for number, each in enumerate(zip(*(x.split(lengths) for x in parts), strict=True)):
        query, key, value = (x.view(len(x), HEADS, -1).transpose(0, 1) for x in each)
        shares = torch.softmax(query @ key.transpose(1, 2) / 8**0.5, dim=-1)
        if kept is not None:
            length = lengths[number]
            shares = shares * kept[number, :, :length, :length] / (1 - dropout)
        made.append((shares @ value).transpose(0, 1).reshape(len(each[0]), -1))
    return torch.cat(made)


@pytest.mark.parametrize("lengths", [[7, 7, 7], [1], [9, 8, 3], [2, 30, 5, 30]])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_values_and_gradients_are_those_of_each_sequence_alone(lengths, dropout):
    within, known = sequences(np.array(lengths), "near"), Known()
    groups = within.groups
    assert sum(group.sequences for group in groups) == len(lengths)
    found = []
    for ours in (True, False):
        parts = [x.clone().requires_grad_() for x in drawn(lengths)]
        if ours:
            said = attend(parts, within, HEADS, known if dropout else None, dropout)
        else:
            kept = whole(known.gave, groups) if dropout else None
            said = by_definition(parts, lengths, kept, dropout)
        (said * torch.linspace(-1, 1, said.numel()).view_as(said)).sum().backward()
        found.append([said.detach(), *(x.grad for x in parts)])
    for ours, plain in zip(*found, strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-4, atol=1e-5)


def whole(gave, groups):
    """What was kept in all groups, padded to the longest of them."""
    longest = max(group.longest for group in groups)
    more = [longest - group.longest for group in groups]
    return torch.cat(
        [functional.pad(kept, (0, n, 0, n)) for kept, n in zip(gave, more, strict=True)]
    )


def test_gradients_are_those_of_differences():
    lengths = [5, 3]
    within = sequences(np.array(lengths), "near")
    assert len(within.groups) == 1
    parts = [x.requires_grad_() for x in drawn(lengths, torch.float64)]

    def of_one_draw(*parts):
        torch.manual_seed(3)
        return attend(parts, within, HEADS, Drops(), 0.3)

    assert torch.autograd.gradcheck(of_one_draw, parts)


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=20), st.sampled_from(["equal", "near", "all"])
)
def test_groups_are_the_sequences_in_their_order(lengths, grouping):
    groups = sequences(np.array(lengths), grouping).groups
    place = 0
    for group in groups:
        own = lengths[place : place + group.sequences]
        assert (group.longest, group.tokens) == (max(own), sum(own))
        assert grouping != "equal" or len(set(own)) == 1
        flat = torch.arange(float(sum(own) * HEADS)).view(-1, HEADS)
        there = group.spread(flat, HEADS)
        assert there.shape == (len(own), HEADS, max(own), 1)
        assert torch.equal(group.collect(there), flat)
        for number, length in enumerate(own):  # what is no token is masked
            if group.padding is not None:
                masked = group.padding.mask[number, 0, 0]
                assert masked.tolist() == [0.0] * length + [-np.inf] * (max(own) - length)
        place += group.sequences
    assert place == len(lengths)
    assert grouping != "all" or len(groups) == 1


@pytest.mark.parametrize("dropout", [0.1, 0.5, 1 / PARTS])
def test_what_is_dropped_is_as_often_and_as_evenly_as_asked(dropout):
    """Against the binomial distribution: the share, and that of neighbours that fall together."""
    torch.manual_seed(7)
    n = 2_000_000
    kept = Drops().kept((n,), dropout).numpy()
    assert set(np.unique(kept)) <= {0, 1}
    deviation = np.sqrt(dropout * (1 - dropout) * n)
    assert abs((kept == 0).sum() - dropout * n) < 4 * deviation
    for apart in (1, 2, 3, 4, 64):  # four are drawn at once
        both = ((kept[:-apart] == 0) & (kept[apart:] == 0)).sum()
        assert abs(both - dropout**2 * n) < 5 * np.sqrt(dropout**2 * n) + 5


def test_what_is_dropped_follows_from_torch_s_generator():
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drops = Drops()
        found.append([drops.kept((5, 7), 0.3), drops.kept((5, 7), 0.3)])
    assert all(map(torch.equal, found[0], found[1]))
    assert not torch.equal(found[0][0], found[2][0])
    assert not torch.equal(*found[0])  # one pass after the other


def test_dropout_keeps_the_mean_and_its_gradient_is_what_was_kept():
    torch.manual_seed(4)
    given = torch.ones(400, 500, requires_grad=True)
    said = Drops()(given, 0.5)
    assert set(said.detach().unique().tolist()) == {0.0, 2.0}
    assert abs(float(said.detach().mean()) - 1) < 0.005
    said.sum().backward()
    assert torch.equal(given.grad, said.detach())
    assert Drops()(given, 0.0) is given


@pytest.mark.parametrize("dropout", [0.1, 0.9, 0.999, 0.9999])
def test_what_is_kept_makes_up_for_what_is_dropped(dropout):
    """The share is rounded to 65,536ths, and the factor is of that share: the mean stays."""
    kept = 1 - round(dropout * PARTS) / PARTS
    assert kept * factor(dropout) == pytest.approx(1)
    torch.manual_seed(5)
    n = 4_000_000
    said = Drops()(torch.ones(n), dropout).double()
    assert abs(float(said.mean()) - 1) < 5 * np.sqrt((1 / kept - 1) / n)


def test_all_may_be_dropped():
    assert not Drops()(torch.ones(1000), 1.0).any()
