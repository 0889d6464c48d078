"""The statements that this process sends to databases."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine, Executable, event
from sqlalchemy.engine import Connection

from narad.store.connections import Connections
from narad.store.database import Rows

_SETTINGS = ("SET LOCAL", "SELECT set_config")
"""How statements begin that only set something for the one after them."""


@contextmanager
def noticed() -> Iterator[list[str]]:
    """Every statement that is sent within the block, whichever way it takes."""
    found: list[str] = []
    fetch = Connections.fetch

    async def fetched(self: Connections, statement: Executable, parameters: Mapping[str, Any]) -> Rows:
        found.append(str(statement))
        return await fetch(self, statement, parameters)

    def sent(
        _connection: Connection, _cursor: object, statement: str, _parameters: object, _context: object, _many: object
    ) -> None:
        if not statement.startswith(_SETTINGS):
            found.append(statement)

    with patch.object(Connections, "fetch", fetched):
        event.listen(Engine, "before_cursor_execute", sent)
        try:
            yield found
        finally:
            event.remove(Engine, "before_cursor_execute", sent)
