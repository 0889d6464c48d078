"""Broken links of a web site, as a task.

    narad worker --handlers examples.crawler
    curl -s localhost:8000/api/v1/tasks -H 'Content-Type: application/json' \
        -d '{"name": "Our site", "handler": "site.check", "payload": {"url": "https://example.com/", "most_pages": 50}}'

It calls by `ctx.http`, which reaches public addresses only; for a site of your own network say so to the worker:
`NARAD_HTTP_ALLOWED_NETWORKS=10.1.0.0/16`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Annotated
from urllib.parse import urldefrag, urljoin, urlsplit

import httpx2
from pydantic import Field, HttpUrl
from typing_extensions import override

from narad import Context, Fatal, handler

_AT_ONCE = 4
_MOST_BROKEN = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A link that leads nowhere, and the page that has it."""

    page: str
    link: str
    reason: str


@dataclass(slots=True, kw_only=True)
class Site:
    """What was found: pages with their titles, in the order of their addresses, and broken links."""

    pages: dict[str, str] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)
    complete: bool = True


@handler("site.check", timeout=600, max_attempts=2)
async def check(url: HttpUrl, ctx: Context, most_pages: Annotated[int, Field(ge=1, le=2_000)] = 200) -> Site:
    """Follow the links of a site, and tell those that are broken.

    Only pages below the host of `url` are read; links to others are not looked at.
    """
    start = str(url)
    crawl = _Crawl(ctx, start, most_pages)
    if not await crawl.visit(start, start):
        raise Fatal(f"{start} cannot be read: {crawl.site.broken[0].reason}")
    while crawl.waiting:
        batch = [crawl.waiting.popitem() for _ in range(min(_AT_ONCE, len(crawl.waiting)))]
        async with asyncio.TaskGroup() as group:
            for link, page in batch:
                group.create_task(crawl.visit(link, page))
        seen = len(crawl.site.pages)
        await ctx.progress(seen / (seen + len(crawl.waiting)), f"{seen} pages")
    crawl.site.pages = dict(sorted(crawl.site.pages.items()))
    crawl.site.broken.sort(key=lambda one: (one.page, one.link))
    return crawl.site


class _Crawl:
    """The state of one walk over a site."""

    def __init__(self, ctx: Context, start: str, most_pages: int) -> None:
        self.site = Site()
        self.waiting: dict[str, str] = {}
        """Links to be looked at, and for each the page that had it first."""
        self._ctx = ctx
        self._host = urlsplit(start).netloc
        self._most_pages = most_pages
        self._known = {start}

    async def visit(self, link: str, page: str) -> bool:
        """Read what a link leads to, and take its own links; whether it could be read."""
        try:
            answer = await self._ctx.http.get(link)
        except (httpx2.HTTPError, Fatal) as error:  # the guard of `ctx.http` refuses by a Fatal
            return self._broken(page, link, str(error) or type(error).__name__)
        if answer.is_redirect:
            self._note(page, [answer.headers.get("location", "")], link)
            return True
        if answer.is_error:
            return self._broken(page, link, f"HTTP {answer.status_code}")
        if answer.headers.get("content-type", "").startswith("text/html"):
            read = _Page()
            read.feed(answer.text)
            self.site.pages[link] = " ".join("".join(read.title).split())
            self._note(link, read.links, link)
        return True

    def _note(self, page: str, links: Sequence[str], base: str) -> None:
        for link in links:
            target = urldefrag(urljoin(base, link)).url
            parts = urlsplit(target)
            if parts.scheme not in {"http", "https"} or parts.netloc != self._host or target in self._known:
                continue
            if len(self._known) >= self._most_pages:
                self.site.complete = False
                return
            self._known.add(target)
            self.waiting[target] = page

    def _broken(self, page: str, link: str, reason: str) -> bool:
        if len(self.site.broken) < _MOST_BROKEN:
            self.site.broken.append(Broken(page=page, link=link, reason=reason))
        return False


class _Page(HTMLParser):
    """The title and the links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.title: list[str] = []
        self.links: list[str] = []
        self._in_title = False

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_title = tag == "title"
        if tag == "a" and (link := dict(attrs).get("href")):
            self.links.append(link)

    @override
    def handle_endtag(self, tag: str) -> None:
        self._in_title = False

    @override
    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
