"""What argparse says of a command line, in the language that is spoken.

It says it whole and in English, so its sentences are known again by their form; one of another form
stays as it is.
"""

from __future__ import annotations

import re
from typing import Final

from al_ray.language import mark, tr

_FORMS: Final = (
    mark("argument {name}: {what}"),
    mark("the following arguments are required: {names}"),
    mark("one of the arguments {names} is required"),
    mark("unrecognized arguments: {words}"),
    mark("ambiguous option: {option} could match {options}"),
    mark("not allowed with argument {name}"),
    mark("ignored explicit argument {value}"),
    mark("expected one argument"),
    mark("expected at most one argument"),
    mark("expected at least one argument"),
    mark("invalid choice: {value} (choose from {choices})"),
    mark("invalid {kind} value: {value}"),
)
_KINDS: Final = (mark("float"), mark("int"))
"""What `type` may be called in these."""


def in_words(message: str) -> str:
    """The same, as it is said to a person."""
    for form in _FORMS:
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.*?)", re.escape(form))
        if found := re.fullmatch(pattern, message, re.DOTALL):
            values = found.groupdict()
            if "kind" in values:
                values["kind"] = tr(values["kind"])
            if "what" in values:
                values["what"] = in_words(values["what"])
            return tr(form, **values)
    return message
