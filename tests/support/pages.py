"""What an HTML page loads, as a browser would see it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

from typing_extensions import override


@dataclass
class Page(HTMLParser):
    """The addresses that a page loads or leads to, and what of it a strict policy would not run."""

    html: str
    loads: list[str] = field(default_factory=list)
    leads: list[str] = field(default_factory=list)
    inline: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.html)
        self.close()

    @override
    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        address = given.get("src") or given.get("href")
        if address is not None:
            (self.leads if tag == "a" else self.loads).append(address)
        elif tag in {"script", "style"}:
            self.inline.append(tag)
        self.inline += [name for name in given if name == "style" or name.startswith("on")]
