"""The life cycle that every loop shares."""

import asyncio
from collections.abc import Callable

import pytest
from typing_extensions import override

from narad.service import Service, stop_all


class Loop(Service):
    """Works until stopped, or until it is told to end in some way; needs a moment to clean up."""

    def __init__(self) -> None:
        super().__init__()
        self.at_work = asyncio.Event()
        self.end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.cleaned_up = 0

    @override
    async def start(self) -> None:
        self._spawn(self._work())
        await self.at_work.wait()

    async def _work(self) -> None:
        try:
            self.at_work.set()
            await self.end
        finally:
            await asyncio.sleep(0)
            self.cleaned_up += 1


class Stubborn(Service):
    """Cannot be stopped."""

    @override
    async def start(self) -> None:
        return

    @override
    async def stop(self) -> None:
        raise RuntimeError("no")


def alive() -> int:
    """Tasks of the loop besides the test itself."""
    return len(asyncio.all_tasks()) - 1


async def test_a_stopped_service_leaves_nothing_behind_and_did_not_die() -> None:
    service = Loop()
    await service.start()
    assert alive() == 1

    await service.stop()

    assert alive() == 0
    assert service.cleaned_up == 1
    assert not service.died.is_set()


async def test_stopping_again_and_at_the_same_time_does_no_harm() -> None:
    service = Loop()
    await service.start()

    await asyncio.gather(service.stop(), service.stop())
    await service.stop()

    assert (alive(), service.cleaned_up, service.died.is_set()) == (0, 1, False)


async def test_a_service_may_be_stopped_before_it_starts() -> None:
    service = Loop()

    await service.stop()

    assert (alive(), service.died.is_set()) == (0, False)
    service.end.cancel()


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda end: end.set_result(None), id="returns"),
        pytest.param(lambda end: end.set_exception(RuntimeError("a flaw")), id="raises"),
        pytest.param(lambda end: end.cancel(), id="is cancelled by what it waits for"),
    ],
)
async def test_a_loop_that_ends_by_itself_is_noticed(end: Callable[[asyncio.Future[None]], object]) -> None:
    service = Loop()
    await service.start()

    end(service.end)

    async with asyncio.timeout(1):
        await service.died.wait()
    await service.stop()
    assert alive() == 0


async def test_one_of_two_loops_that_dies_is_noticed_and_the_other_still_stops() -> None:
    service = Loop()
    await service.start()
    other = service._spawn(asyncio.Event().wait())  # type: ignore[arg-type]  # noqa: SLF001 - as a subclass does

    service.end.set_result(None)
    await service.died.wait()
    await service.stop()

    assert other.cancelled()


async def test_services_stop_in_the_reverse_order_of_their_start() -> None:
    stopped: list[str] = []

    class Named(Loop):
        def __init__(self, name: str) -> None:
            super().__init__()
            self._name = name

        @override
        async def stop(self) -> None:
            await super().stop()
            stopped.append(self._name)

    services = [Named("first"), Named("second"), Named("third")]
    for service in services:
        await service.start()

    await stop_all(services)

    assert stopped == ["third", "second", "first"]


async def test_a_service_that_fails_to_stop_does_not_keep_the_others_alive() -> None:
    first, last = Loop(), Loop()
    await first.start()
    await last.start()

    await stop_all([first, Stubborn(), last])

    assert (alive(), first.cleaned_up, last.cleaned_up) == (0, 1, 1)
