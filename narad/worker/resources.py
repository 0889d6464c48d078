"""The resources of a worker process: lifespans in the order of their needs, opened, and closed in the end."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from narad.errors import ConfigurationError
from narad.worker.handler import AnyHandler
from narad.worker.lifespan import AnyLifespan, name_of_type
from narad.worker.words import message_of, type_of

log = logging.getLogger(__name__)
"""The process of an isolated handler uses it as well, and loads nothing that it can do without."""

_Order = tuple[AnyLifespan, "asyncio.Future[None]"]


class Resources:
    """What lifespans provide, while they run.

    One asyncio task enters and leaves them all: some libraries insist on that.
    """

    def __init__(self, lifespans: Sequence[AnyLifespan] = (), *, limit_seconds: float = 60.0) -> None:
        """Each may take so long to start, and all together to end."""
        self._lifespans = lifespans
        self._limit_seconds = limit_seconds
        self._open: set[int] = set()
        self._values: dict[object, object] = {}
        self._orders: asyncio.Queue[_Order | None] = asyncio.Queue()
        self._living: asyncio.Task[None] | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to be closed."""
        return self._living is None

    async def open(self, lifespans: Sequence[AnyLifespan] | None = None) -> None:
        """Start the lifespans, or those of these that have not started yet.

        Raises:
            ConfigurationError: one of them fails, or takes too long.
        """
        for one in in_order(self._lifespans if lifespans is None else lifespans):
            if id(one) in self._open:
                continue
            if self._living is None:
                self._living = asyncio.create_task(self._live(), name="lifespans")
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._orders.put_nowait((one, done))
            try:
                await done
            except Exception as error:
                reason = f"{type_of(error)}: {message_of(error)}" if message_of(error) else type_of(error)
                raise ConfigurationError(f"The lifespan {one.place} cannot start: {reason}.") from error
            self._open.add(id(one))

    async def close(self) -> None:
        """End them, the last first."""
        if self._living is None:
            return
        self._orders.put_nowait(None)
        _, late = await asyncio.wait({self._living}, timeout=self._limit_seconds)
        if late:
            log.warning("lifespans do not end within %g s", self._limit_seconds)
            self._living.cancel()
            await asyncio.wait({self._living}, timeout=1)
        self._living = None
        self._values.clear()

    def given_to(self, handler: AnyHandler) -> dict[str, object]:
        """The arguments of a handler that are resources."""
        return {name: self._values[kind] for name, kind in handler.signature.resources.items()}

    async def _live(self) -> None:
        held: list[tuple[AnyLifespan, AbstractAsyncContextManager[object]]] = []
        while (order := await self._orders.get()) is not None:
            one, done = order
            needs = {name: self._values[kind] for name, kind in one.needs.items()}
            manager = one(**needs)
            if await self._enter(one, manager, done):
                held.append((one, manager))
        for one, manager in reversed(held):
            # Each by itself: what is wrong with one is no matter of those before it.
            try:
                await manager.__aexit__(None, None, None)
            except Exception:
                log.exception("the lifespan %s failed to end", one.place)

    async def _enter(
        self, one: AnyLifespan, manager: AbstractAsyncContextManager[object], done: "asyncio.Future[None]"
    ) -> bool:
        try:
            async with asyncio.timeout(self._limit_seconds):
                value = await manager.__aenter__()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the code of a user; whoever waits is told
            if not done.done():
                done.set_exception(error if isinstance(error, Exception) else RuntimeError(repr(error)))
            return False
        if one.provides is not None:
            self._values[one.provides] = value
        if not done.done():
            done.set_result(None)
        return True


def in_order(lifespans: Iterable[AnyLifespan]) -> list[AnyLifespan]:
    """The lifespans, each after those that it needs.

    Raises:
        ConfigurationError: two provide the same, or one needs what none provides, or itself.
    """
    providers: dict[object, AnyLifespan] = {}
    waiting = list({id(one): one for one in lifespans}.values())
    for one in waiting:
        other = providers.setdefault(one.provides, one) if one.provides is not None else one
        if other is not one:
            kind = name_of_type(one.provides)
            raise ConfigurationError(f"Two lifespans provide {kind}: {other.place} and {one.place}. Remove one.")
    ordered: list[AnyLifespan] = []
    there: set[object] = set()
    while waiting:
        ready = [one for one in waiting if all(kind in there for kind in one.needs.values())]
        if not ready:
            raise ConfigurationError(_cannot_start(waiting[0], providers))
        ordered += ready
        there |= {one.provides for one in ready}
        waiting = [one for one in waiting if one not in ready]
    return ordered


def check_needs(
    handlers: Mapping[str, AnyHandler],
    lifespans: Sequence[AnyLifespan],
    by_module: Mapping[str, Sequence[AnyLifespan]],
) -> None:
    """See that every resource that a handler asks for is provided where it runs.

    Raises:
        ConfigurationError: one is not; the text names the handler and the type.
    """
    everywhere = {one.provides for one in in_order(lifespans)}
    for handler in handlers.values():
        isolated = handler.options.isolation == "process"
        there = {one.provides for one in by_module.get(handler.home, ())} if isolated else everywhere
        for name, kind in handler.signature.resources.items():
            if kind not in there:
                where = f" in module {handler.home}, which is all that its process loads" if isolated else ""
                raise ConfigurationError(
                    f"The handler {handler.name} asks for a {name_of_type(kind)} by its parameter {name!r}, and no "
                    f"lifespan{where} provides one. Declare it there, or import it."
                )
        if isolated:
            in_order(by_module.get(handler.home, ()))


def _cannot_start(one: AnyLifespan, providers: Mapping[object, AnyLifespan]) -> str:
    missing = [name_of_type(kind) for kind in one.needs.values() if kind not in providers]
    if missing:
        return f"The lifespan {one.place} needs a {missing[0]}, and no lifespan provides one."
    return f"The lifespan {one.place} needs, by way of others, what it provides itself. Break the circle."
