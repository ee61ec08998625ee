"""bfloat16 where a model's time goes, float32 where its scores are made.

Of bfloat16 logits most margins of a pool are equal: it has 8 bits, and rows differ by less.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch


@contextmanager
def body_in_half(module: torch.nn.Module, half: bool) -> Iterator[None]:
    """With `half`, the encoder's body runs under autocast to bfloat16, and its head never does.

    The head is all that the module does outside its `base_model`, and the pooler within that: the
    parts that `packed.Packed` leaves in float32, too. What the body answers with is float32, hidden
    states included. Of a module that does not tell its body from its head, all stays float32.
    """
    body: Any = getattr(module, "base_model", module)
    if not half or body is module:
        yield
        return
    kind = next(module.parameters()).device.type
    with ExitStack() as swapped:
        swapped.enter_context(_under_autocast(body, kind, True))
        if getattr(body, "pooler", None) is not None:
            swapped.enter_context(_under_autocast(body.pooler, kind, False))
        yield


@contextmanager
def _under_autocast(part: Any, kind: str, enabled: bool) -> Iterator[None]:
    """Let a part's passes be in this mode, and take and give float32."""
    own, forward = vars(part).get("forward"), part.forward

    def cast(*given: Any, **named: Any) -> Any:
        given, named = _full(given), _full(named)
        with torch.autocast(kind, torch.bfloat16, enabled=enabled):
            return _full(forward(*given, **named))

    part.forward = cast
    try:
        yield
    finally:
        if own is None:
            del part.forward
        else:
            part.forward = own


def _full(value: Any) -> Any:
    """Tensors of bfloat16 as float32, in tuples and in what models answer with, too."""
    if isinstance(value, torch.Tensor):
        return value.float() if value.dtype == torch.bfloat16 else value
    if isinstance(value, tuple):
        return tuple(_full(each) for each in value)
    if isinstance(value, dict):
        return type(value)(**{name: _full(each) for name, each in value.items()})
    return value
