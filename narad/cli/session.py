"""What a command works with: a printer, the service, and a person to ask, if there is one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import typer

from narad.cli.columns import Column, Shown
from narad.cli.exits import ExitCode
from narad.cli.failure import Failure
from narad.cli.output import Output, Printer

if TYPE_CHECKING:
    from narad.cli.connection import Connection

LARGEST_PAGE = 200


@dataclass(frozen=True, slots=True)
class Where:
    """Which service a command is for, as far as its options say."""

    url: str | None = None
    profile: str | None = None


class Session:
    """One run of a command."""

    def __init__(self, out: Printer, where: Where, *, asks: bool) -> None:
        """`asks` tells whether there is a person who may be asked."""
        self.out = out
        self.asks = asks
        self.where = where

    @cached_property
    def service(self) -> "Connection":
        """The service; connects on first use."""
        from narad.cli.connection import connect  # noqa: PLC0415 - loaded when needed

        return connect(self.where.url, self.where.profile)

    def aim(self, url: str) -> None:
        """Mean this service, before the first request."""
        self.where = Where(url)

    def get(self, path: str, **query: Any) -> Shown:  # noqa: ANN401 - whatever a query takes
        """What the service shows under a path."""
        found: Shown = self.service.get(path, query)
        return found

    def post(self, path: str, body: object = None, *, repeatable: bool = True) -> Shown:
        """What the service answers to an order, which is not `repeatable` where doing it twice does more."""
        found: Shown = self.service.post(path, body, repeatable=repeatable)
        return found

    def pages(self, path: str, query: Mapping[str, Any], most: int | None) -> Iterator[Shown]:
        """Items of a list, page after page, up to `most`, all of them where it is None."""
        cursor: str | None = None
        left = most
        while left is None or left > 0:
            limit = LARGEST_PAGE if left is None else min(left, LARGEST_PAGE)
            page = self.get(path, **query, limit=limit, cursor=cursor)
            yield from page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return
            left = None if left is None else left - len(page["items"])

    def list(
        self, path: str, columns: Sequence[Column], query: Mapping[str, Any], *, most: int | None, key: str = "id"
    ) -> None:
        """Print a list of the service, page after page where more is asked for than one has."""
        if self.out.look.output is Output.JSON and most is not None and most <= LARGEST_PAGE:
            page = self.get(path, **query, limit=most)
            self.out.rows(page["items"], columns, key=key, cursor=page["next_cursor"])
            return
        self.out.rows(self.pages(path, query, most), columns, key=key)

    def confirm(self, what: str, *, number: int, yes: bool) -> None:
        """Go on only if it is meant: with --yes, or where a person types the number.

        Raises:
            Failure: it is not, or nobody can be asked.
        """
        if yes:
            return
        if not self.asks:
            raise Failure(f"{what}. Nobody can be asked here; add --yes to mean it.", ExitCode.USAGE)
        answer = typer.prompt(f"{what}. Type {number} to go on", default="", show_default=False, err=True)
        if answer.strip() != str(number):
            raise Failure("Nothing was changed.")

    def close(self) -> None:
        """Give the connection back, if there is one."""
        if "service" in self.__dict__:
            self.service.close()
