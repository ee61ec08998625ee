"""What Label Studio reads: a configuration, and tasks; `exports` has what it writes.

Made for Label Studio 1.23.2, community edition; `api` speaks to its server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from xml.sax.saxutils import quoteattr

from al_ray.corpus.entities import parse
from al_ray.errors import UserError
from al_ray.labelling.desk import Item, Suggestion
from al_ray.tasks.classification import Classification

CONTROL: Final = "label"
"""The control that a person answers with."""

OBJECT: Final = "text"
"""What is asked about; also the field of a task that has it."""

ROW: Final = "row_id"
"""The field of a task that names the row."""

_HOTKEYS: Final = "1234567890"


def config(labels: Sequence[str], task: str = Classification.name) -> str:
    """A labelling configuration, XML: a text, and one choice of these labels, or marks of them.

    The first ten have the number keys 1 to 9 and 0; Label Studio gives keys to the others itself.

    Raises:
        UserError: a label has a character that XML cannot hold.
    """
    keys = [*_HOTKEYS, *[""] * len(labels)]
    is_choice = task == Classification.name
    control, each = ("Choices", "Choice") if is_choice else ("Labels", "Label")
    more = ' choice="single" required="true"' if is_choice else ""
    named = "\n".join(
        f"    {_named_label(each, label, key)}" for label, key in zip(labels, keys, strict=False)
    )
    text = f'  <Text name="{OBJECT}" value="${OBJECT}"/>\n'
    if not is_choice:  # or the page takes whole words alone
        text = text.replace("/>", ' granularity="symbol"/>')
    return (
        "<View>\n"
        f"{text}"
        f'  <{control} name="{CONTROL}" toName="{OBJECT}"{more}>\n'
        f"{named}\n"
        f"  </{control}>\n"
        "</View>"
    )


def _named_label(element: str, label: str, key: str) -> str:
    if not all(map(_in_xml, label)):
        raise UserError(
            "label {label!r}: has a character that Label Studio cannot hold; rename the label",
            label=label[:60],
        )
    facts = {"value": label}
    if "$" in label:
        # Its page takes `$name` in a value for a field of the task and shows that: another sign is
        # shown, and the alias is what is answered.
        facts = {"value": label.replace("$", "＄"), "alias": label}
    if key:
        facts["hotkey"] = key
    said = " ".join(f"{name}={_attribute(value)}" for name, value in facts.items())
    return f"<{element} {said}/>"


def _attribute(value: str) -> str:
    # Or an XML reader makes a space of it.
    return quoteattr(value, {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def _in_xml(character: str) -> bool:
    code = ord(character)
    if code < 32:
        return character in "\t\n\r"
    return not (0xD800 <= code <= 0xDFFF or code in (0xFFFE, 0xFFFF))


def tasks(
    items: Sequence[Item],
    suggestions: Mapping[str, Suggestion],
    model_version: str,
    task: str = Classification.name,
) -> list[dict[str, Any]]:
    """A task for each row, in their order.

    Each has a prediction whose score is its rank, scaled into (0, 1), which is all that Label
    Studio allows: 'Uncertainty sampling' serves the lowest score first. A row without a suggestion
    has an empty one, since tasks without a prediction of the project's model version come last and
    at random.

    Args:
        items: the rows, the first to be asked about first.
        suggestions: by row id; for as many of the rows as there are.
        model_version: names what chose these rows; the project's must become the same.
        task: what a suggestion is.
    """
    if not model_version:
        raise ValueError("a model version is needed: predictions without one are not gone by")
    return [
        {
            "data": {OBJECT: item.text, ROW: item.row_id},
            "predictions": [
                {
                    "model_version": model_version,
                    "score": rank / (len(items) + 1),
                    "result": _result(item.text, suggestions.get(item.row_id), task),
                }
            ],
        }
        for rank, item in enumerate(items, 1)
    ]


def _result(text: str, suggestion: Suggestion | None, task: str) -> list[dict[str, Any]]:
    if suggestion is None:
        return []
    where = {"from_name": CONTROL, "to_name": OBJECT}
    if task == Classification.name:
        return [{**where, "type": "choices", "value": {"choices": [suggestion.answer]}}]
    return [
        {
            **where,
            "type": "labels",
            "value": {
                "start": _units(text[: mark.start]),
                "end": _units(text[: mark.end]),
                "text": text[mark.start : mark.end],
                "labels": [mark.kind],
            },
        }
        for mark in parse(suggestion.answer)
    ]


def _units(text: str) -> int:
    """Its length as a browser counts it: a character beyond the first 65,536 is two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
