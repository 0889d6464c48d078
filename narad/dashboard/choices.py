"""What a reader has chosen for the eyes: language, theme and time zone. Kept in cookies, so that pages come right."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from fastapi import Request

from narad.dashboard.languages import Language, language_of

Theme: TypeAlias = Literal["system", "light", "dark"]
Zone: TypeAlias = Literal["local", "utc", "relative"]

THEMES: Final[tuple[Theme, ...]] = ("system", "light", "dark")
ZONES: Final[tuple[Zone, ...]] = ("local", "utc", "relative")
THEME_COOKIE: Final = "narad_theme"
ZONE_COOKIE: Final = "narad_zone"


@dataclass(frozen=True, slots=True)
class Choices:
    """How pages look to one reader."""

    language: Language
    theme: Theme
    zone: Zone


def choices_of(request: Request) -> Choices:
    """What the reader chose, or else what is usual."""
    theme, zone = request.cookies.get(THEME_COOKIE), request.cookies.get(ZONE_COOKIE)
    return Choices(
        language_of(request),
        theme if theme in THEMES else "system",
        zone if zone in ZONES else "local",
    )
