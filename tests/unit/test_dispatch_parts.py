"""What exists in the broker, and the dispatch that needs none."""

import asyncio
import re

import pytest

from narad.dispatch.base import Control, Delivery
from narad.dispatch.direct import DirectDispatch
from narad.dispatch.topology import (
    DEAD_LETTER_EXCHANGE,
    DEAD_LETTER_QUEUE,
    DEAD_LETTERS,
    DELIVERY_LIMIT,
    QueueSpec,
    lane_queue,
    lanes,
)
from narad.domain.status import Priority, Status
from narad.domain.task import HandOver, Lane
from narad.ids import new_id

CONTROL = Control(worker_id=new_id, stop=lambda _task_id, _attempt: None)

LEGAL = {
    "x-queue-type",
    "x-delivery-limit",
    "x-queue-leader-locator",
    "x-dead-letter-exchange",
    "x-dead-letter-routing-key",
    "x-max-length",
    "x-overflow",
}
"""Arguments of a quorum queue that are legal and mean the same from RabbitMQ 3.10 through 4.x."""

EVERY_QUEUE = [*map(lane_queue, lanes("default")), *map(lane_queue, lanes("images-2")), DEAD_LETTERS]


def hand_over(queue: str) -> HandOver:
    return HandOver(id=new_id(), queue=queue, priority=Priority.LOW, status=Status.NEW, attempt=0, handovers=0)


@pytest.mark.parametrize("spec", EVERY_QUEUE, ids=lambda spec: spec.name)
def test_queues_are_quorum_queues_with_arguments_legal_in_every_supported_version(spec: QueueSpec) -> None:
    assert spec.arguments["x-queue-type"] == "quorum"
    assert set(spec.arguments) <= LEGAL


@pytest.mark.parametrize("spec", EVERY_QUEUE, ids=lambda spec: spec.name)
def test_names_in_the_broker_are_ours_and_carry_the_version(spec: QueueSpec) -> None:
    assert re.fullmatch(r"narad\.v1\.[a-z0-9_.-]+", spec.name)


def test_a_queue_of_ours_is_three_in_the_broker_one_for_each_priority() -> None:
    assert [lane.priority for lane in lanes("images")] == list(Priority)
    assert {lane_queue(lane).name for lane in lanes("images")} == {
        "narad.v1.images.low",
        "narad.v1.images.medium",
        "narad.v1.images.high",
    }


def test_no_queue_of_ours_can_collide_with_that_of_dead_letters() -> None:
    assert DEAD_LETTER_QUEUE not in {lane_queue(lane).name for lane in lanes("dead")}


def test_a_message_that_keeps_coming_back_ends_with_the_dead_letters_and_not_at_once() -> None:
    arguments = lane_queue(Lane("default", Priority.HIGH)).arguments

    assert DELIVERY_LIMIT > 0
    assert arguments["x-delivery-limit"] == DELIVERY_LIMIT
    assert arguments["x-dead-letter-exchange"] == DEAD_LETTER_EXCHANGE
    assert "x-dead-letter-exchange" not in DEAD_LETTERS.arguments


def test_the_arguments_of_a_queue_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        DEAD_LETTERS.arguments["x-max-length"] = 1  # type: ignore[index]  # what must not work


async def test_direct_dispatch_takes_responsibility_for_everything() -> None:
    dispatch = DirectDispatch()
    tasks = [hand_over("a"), hand_over("b")]

    assert await dispatch.hand_over(tasks) == [task.id for task in tasks]
    assert (dispatch.available, dispatch.may_lose) == (True, False)


async def is_woken(dispatch: DirectDispatch, serves: list[str], handed_over: str) -> bool:
    subscription = await dispatch.subscribe(serves, {}, CONTROL)
    waiting = asyncio.create_task(subscription.wait(3_600))
    await asyncio.wait({waiting}, timeout=0)

    await dispatch.hand_over([hand_over(handed_over)])

    await asyncio.sleep(0)
    await asyncio.sleep(0)
    woken = waiting.done()
    waiting.cancel()
    return woken


async def test_direct_dispatch_wakes_the_workers_of_the_queue_and_no_others() -> None:
    assert await is_woken(DirectDispatch(), ["a", "b"], "b")
    assert not await is_woken(DirectDispatch(), ["a", "b"], "c")


async def test_a_hint_before_the_wait_is_not_lost_and_counts_once() -> None:
    dispatch = DirectDispatch()
    subscription = await dispatch.subscribe(["a"], {}, CONTROL)

    await dispatch.hand_over([hand_over("a"), hand_over("a")])

    async with asyncio.timeout(5):
        await subscription.wait(3_600)
    second = asyncio.create_task(subscription.wait(3_600))
    done, _ = await asyncio.wait({second}, timeout=0)
    assert not done
    second.cancel()


async def test_a_wait_without_a_hint_ends_after_its_time() -> None:
    subscription = await DirectDispatch().subscribe(["a"], {}, CONTROL)

    async with asyncio.timeout(5):
        await subscription.wait(0.001)


async def test_a_closed_subscription_hears_nothing_more() -> None:
    dispatch = DirectDispatch()
    subscription = await dispatch.subscribe(["a"], {}, CONTROL)

    await subscription.close()
    await dispatch.hand_over([hand_over("a")])

    waiting = asyncio.create_task(subscription.wait(3_600))
    done, _ = await asyncio.wait({waiting}, timeout=0)
    assert not done
    waiting.cancel()


async def test_a_direct_subscription_never_holds_a_delivery() -> None:
    subscription = await DirectDispatch().subscribe(["a"], {}, CONTROL)
    lane = Lane("a", Priority.LOW)

    assert not subscription.attached
    assert subscription.heads() == {}
    with pytest.raises(LookupError):
        subscription.take(lane)
    with pytest.raises(LookupError):
        await subscription.dead_letter(Delivery(b"", lane, 0), "why")


async def test_a_direct_hand_over_wakes_no_worker_that_holds_the_queue() -> None:
    dispatch = DirectDispatch()
    subscription = await dispatch.subscribe(["default", "images"], {}, CONTROL)
    await subscription.hold({"images"})
    await subscription.wait(0)  # letting go or holding is a hint itself

    await dispatch.hand_over([hand_over("images")])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await subscription.wait(10)
    await dispatch.hand_over([hand_over("default")])
    await asyncio.wait_for(subscription.wait(10), 1)
