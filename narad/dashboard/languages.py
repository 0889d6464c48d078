"""The languages of the pages: catalogues compiled in memory at start, and which one a request gets.

A checkout and a wheel behave alike, since both carry the `.po` files and nothing that is made of them.
"""

import gettext
import io
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from fastapi import Request
from typing_extensions import override

ENGLISH: Final = "en"
PSEUDO: Final = "en-XA"
"""Accented and longer, for tests: what is not translated stands out, and what has no room for it too."""
COOKIE: Final = "narad_language"
PARAMETER: Final = "lang"
_LOCALE = files("narad.dashboard") / "locale"
_ACCENTED = str.maketrans("aceinosuyzACEINOSUYZ", "àçéîñöšûýžÀÇÉÎÑÖŠÛÝŽ")
_LONGER = 0.4


@dataclass(frozen=True, slots=True)
class Language:
    """A language, by its tag, its own name, and its words."""

    tag: str
    name: str
    words: gettext.NullTranslations

    @property
    def locale(self) -> Locale:
        """What Babel formats numbers with."""
        return Locale.parse(self.tag.partition("-")[0])

    def say(self, message: str) -> str:
        """A message in this language."""
        return self.words.gettext(message)


class _PseudoWords(gettext.NullTranslations):
    """Makes a language of English."""

    @override
    def gettext(self, message: str) -> str:
        return _pseudo(message)

    @override
    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return _pseudo(msgid1 if n == 1 else msgid2)


@cache
def languages() -> dict[str, Language]:
    """Every language, by its tag."""
    russian = gettext.GNUTranslations(_compiled(catalogue("ru")))
    return {
        ENGLISH: Language(ENGLISH, "English", gettext.NullTranslations()),
        "ru": Language("ru", "Русский", russian),
        PSEUDO: Language(PSEUDO, "Pseudo", _PseudoWords()),
    }


@cache
def offered() -> tuple[Language, ...]:
    """The languages that people choose from."""
    return tuple(language for language in languages().values() if language.tag != PSEUDO)


def catalogue(tag: str) -> Catalog:
    """The translations into a language, as they were written."""
    with (_LOCALE / f"{tag}.po").open("rb") as file:
        return read_po(file, locale=tag)


def language_of(request: Request) -> Language:
    """What the URL asks for, else what the reader chose before, else what the browser prefers, else English."""
    known = languages()
    for asked in (request.query_params.get(PARAMETER), request.cookies.get(COOKIE)):
        if asked in known:
            return known[asked]
    for tag in _preferred(request.headers.get("accept-language", "")):
        found = known.get(tag.partition("-")[0])
        if found is not None:
            return found
    return known[ENGLISH]


def _preferred(header: str) -> list[str]:
    """The tags of Accept-Language, the most wanted first."""
    weighted: list[tuple[float, str]] = []
    for part in header.split(",")[:20]:
        tag, _, quality = part.strip().lower().partition(";q=")
        try:
            weighted.append((float(quality or 1), tag))
        except ValueError:
            continue
    return [tag for quality, tag in sorted(weighted, key=lambda one: -one[0]) if quality > 0]


def _compiled(written: Catalog) -> io.BytesIO:
    compiled = io.BytesIO()
    write_mo(compiled, written)
    compiled.seek(0)
    return compiled


def _pseudo(text: str) -> str:
    """The text accented and longer; what is filled in stays as it is."""
    parts = text.split("%(")
    accented = [parts[0].translate(_ACCENTED)]
    for part in parts[1:]:
        name, _, rest = part.partition(")")
        accented.append(f"{name}){rest[:1]}{rest[1:].translate(_ACCENTED)}")
    return "%(".join(accented) + "·" * int(len(text) * _LONGER)
