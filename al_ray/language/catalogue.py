"""Messages: looked up by their English, as gettext does, in a catalogue that is a .po file.

A process speaks one language, which its command sets before anything else. What is kept (tables,
`study.json`) is English whatever is spoken.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

LANGUAGES: Final = ("en", "ko")

_OPTION: Final = "--lang"

_LOCALE: Final = ("LC_ALL", "LC_MESSAGES", "LANG")
"""Variables that name a locale, the first that is set counts (POSIX)."""

# The last sound of what stands before a particle: of digits as they are read, and of a syllable.
_PARTICLE: Final = re.compile(
    r"(?P<last>[0-9가-힣%])(?P<both>은\(는\)|이\(가\)|을\(를\)|과\(와\)|\(으\)로)"
)
_CLOSED_DIGITS: Final = "013678"
_LIQUID_DIGITS: Final = "178"


class _Spoken:
    """What this process speaks."""

    language = "en"
    given = False
    messages: Mapping[str, str] = {}


def chosen(words: Sequence[str], environment: Mapping[str, str]) -> str:
    """The language of a command: of its words, else of the locale; English for all others.

    Args:
        words: of the command line; `--lang LANGUAGE` is looked for and nothing else.
        environment: variables of the process.
    """
    for word, after in itertools.zip_longest(words, words[1:], fillvalue=""):
        name, _, value = word.partition("=")
        if name == _OPTION and (value or after) in LANGUAGES:
            return value or after
    return _known(next(filter(None, map(environment.get, _LOCALE)), ""))


def use(language: str) -> None:
    """Speak this one of LANGUAGES from now on, until another is.

    Raises:
        KeyError: it is none of them.
    """
    if language not in LANGUAGES:
        raise KeyError(language)
    _Spoken.messages = {} if language == "en" else _read(language)
    _Spoken.language, _Spoken.given = language, True


def speak(words: Sequence[str], environment: Mapping[str, str]) -> None:
    """Where no command has begun this process: what is `chosen`, but for what was given before."""
    if _OPTION in words or not _Spoken.given:
        use(chosen(words, environment))


def spoken() -> str:
    """Which of LANGUAGES this process speaks."""
    return _Spoken.language


def tr(message: str, /, **values: Any) -> str:
    """A message in the language that is spoken, with its values in place.

    Args:
        message: English, with `{name}` for each value; braces are text where there are no values.
        values: by name.
    """
    return _said(_Spoken.messages.get(message, message), values)


def trn(one: str, many: str, n: int, /, **values: Any) -> str:
    """As `tr`, of a number, which both messages may have as `{n}`."""
    if _Spoken.language == "en":
        return _said(one if n == 1 else many, {"n": n, **values})
    return tr(one, **{"n": n, **values})


def mark(message: str, /) -> str:
    """The message itself, which `tr` is given elsewhere: so that the catalogue knows it."""
    return message


def _said(message: str, values: Mapping[str, Any]) -> str:
    said = message.format_map(values) if values else message
    return said if _Spoken.language == "en" else _PARTICLE.sub(_particle, said)


def _particle(found: re.Match[str]) -> str:
    """The one of both particles that fits what is read before it."""
    last, both = found["last"], found["both"]
    if last.isdigit():
        closed, liquid = last in _CLOSED_DIGITS, last in _LIQUID_DIGITS
    else:
        final = 0 if last == "%" else (ord(last) - ord("가")) % 28
        closed, liquid = final > 0, final == 8
    if both == "(으)로":
        return last + ("으로" if closed and not liquid else "로")
    return last + (both[0] if closed else both[2])


def _known(name: str) -> str:
    """`ko_KR.UTF-8` is `ko`; what there is no catalogue of is English."""
    language = re.split(r"[_.@-]", name.lower(), maxsplit=1)[0]
    return language if language in LANGUAGES else "en"


def _read(language: str) -> dict[str, str]:
    from babel.messages.pofile import read_po  # a tenth of a second, which English does not need

    with files("al_ray.language").joinpath(f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    found: dict[str, str] = {}
    for message in catalogue:
        (english, *_), (said, *_) = (
            each if isinstance(each, tuple | list) else [each or ""]
            for each in (message.id, message.string)
        )
        if english and said and not message.fuzzy:
            found[english] = said
    return found
