"""Attention with dropout against torch's own, to the bit, and against what dropout is."""

import pytest
import torch
from torch.nn import functional

from al_ray.learners.encoder.attention import attend


@pytest.mark.parametrize(("rows", "length"), [(3, 7), (1, 1), (2, 200)])
def test_values_and_gradients_have_torch_s_bits(rows, length):
    torch.manual_seed(0)
    given = torch.randn(3, rows * length, 4 * 8)
    found = []
    for of in (attend, functional.scaled_dot_product_attention):
        parts = given.clone().requires_grad_()
        # As heads lie in an encoder: not contiguous.
        query, key, value = (x.view(rows, length, 4, 8).transpose(1, 2) for x in parts)
        torch.manual_seed(1)
        said = of(query, key, value, 0.1) if of is attend else of(query, key, value, dropout_p=0.1)
        (said * torch.linspace(-1, 1, length)[:, None]).sum().backward()
        found.append((said.detach(), parts.grad))
    for ours, theirs in zip(*found, strict=True):
        assert torch.equal(ours, theirs)


def test_gradients_are_those_of_differences():
    torch.manual_seed(2)
    parts = [torch.randn(1, 2, 5, 4, dtype=torch.float64, requires_grad=True) for _ in range(3)]

    def of_one_draw(*parts):
        torch.manual_seed(3)
        return attend(*parts, 0.3)

    assert torch.autograd.gradcheck(of_one_draw, parts)


def test_without_dropout_nothing_is_dropped():
    query = torch.randn(2, 3, 5, 4)
    expected = torch.softmax(query @ query.transpose(-2, -1) / 2, -1) @ query
    assert torch.allclose(attend(query, query, query, 0.0), expected, atol=1e-5)
