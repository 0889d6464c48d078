"""Whether this process can do its work: asked by many, looked up at most once a second."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from narad.clock import Clock
from narad.errors import NaradError

OK = "ok"
_LONGEST_SECONDS = 1.0
_FRESH_SECONDS = 1.0


@dataclass(kw_only=True)
class Readiness:
    """What there is to look at.

    `schema` asks the store, which answers with what is wrong with its schema, None for nothing. `broker` says what is
    wrong with the broker; it is None where there is none. Neither is asked whether the process stops.
    """

    schema: Callable[[], Awaitable[str | None]]
    broker: Callable[[], str | None] | None
    is_draining: Callable[[], bool]
    clock: Clock
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _found: Mapping[str, str] = field(default_factory=dict)
    _found_at: float = float("-inf")

    async def checks(self) -> Mapping[str, str]:
        """Each check with `ok` or why not: with one that is not, requests should go elsewhere."""
        async with self._lock:
            if self.clock.monotonic() - self._found_at >= _FRESH_SECONDS:
                self._found = await self._look()
                self._found_at = self.clock.monotonic()
        return {**self._found, "process": "draining" if self.is_draining() else OK}

    def others(self) -> Mapping[str, str]:
        """The same of what the process can do without."""
        return {} if self.broker is None else {"broker": self.broker() or OK}

    async def _look(self) -> Mapping[str, str]:
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                return {"store": OK, "schema": await self.schema() or OK}
        except TimeoutError:
            return {"store": f"no answer within {_LONGEST_SECONDS:g} s"}
        except NaradError as error:
            return {"store": str(error)}
