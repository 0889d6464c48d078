"""Dead letters in RabbitMQ: a look leaves them where they are, however often; a replay sends them back."""

import asyncio

import aio_pika
import pytest

from narad.dispatch.dead_letters import RENEWED_AFTER, RabbitDeadLetters
from narad.dispatch.link import foreign_ends
from narad.dispatch.subscription import LANE_HEADER, REASON_HEADER
from narad.dispatch.topology import DEAD_LETTER_EXCHANGE, DEAD_LETTER_KEY, DEAD_LETTER_QUEUE, lane_queue
from narad.domain.message import encode
from narad.domain.status import Priority
from narad.domain.task import Lane
from narad.errors import BrokerUnavailableError
from narad.ids import new_id

LANE = Lane("images", Priority.HIGH)
QUEUE = lane_queue(LANE)
REFUSING = "amqp://guest:guest@127.0.0.1:1/"
MORE_THAN_ANY_BROKER_ALLOWS = 25
"""Looks: RabbitMQ 4 drops what came back 20 times."""


async def park(url: str, body: bytes, **headers: str) -> None:
    """Park a message, in a broker that has the lane it came from."""
    async with await aio_pika.connect(url) as connection, connection.channel() as channel:
        await channel.declare_queue(QUEUE.name, durable=True, arguments=dict(QUEUE.arguments))
        exchange = await channel.get_exchange(DEAD_LETTER_EXCHANGE, ensure=False)
        await exchange.publish(aio_pika.Message(body, headers={**headers}), DEAD_LETTER_KEY)


async def waiting(url: str) -> list[bytes]:
    """What lies in the lane."""
    found = []
    async with await aio_pika.connect(url) as connection, connection.channel() as channel:
        queue = await channel.get_queue(QUEUE.name, ensure=False)
        while (one := await queue.get(fail=False)) is not None:
            found.append(one.body)
            await one.ack()
    return found


@pytest.fixture
def letters(vhost: str) -> RabbitDeadLetters:
    """Those of a fresh broker."""
    return RabbitDeadLetters([vhost], timeout_seconds=10)


async def test_a_look_says_where_a_letter_came_from_and_leaves_it(letters: RabbitDeadLetters, vhost: str) -> None:
    assert await letters.count() == 0
    task_id = new_id()
    await park(vhost, b"\xffodd", **{REASON_HEADER: "the body is not JSON", LANE_HEADER: QUEUE.name})
    await park(vhost, encode(task_id))

    found = {letter.reason: letter for letter in await letters.look()}

    odd, lost = found["the body is not JSON"], found["parked by RabbitMQ: unknown"]
    assert (odd.lane, odd.task_ids, odd.body) == (LANE, (), "\\xffodd")
    assert (lost.lane, lost.task_ids) == (None, (task_id,))
    assert await letters.count() == 2


async def test_however_often_it_is_looked_at_a_letter_stays(letters: RabbitDeadLetters, vhost: str) -> None:
    await letters.count()
    await park(vhost, b"x", **{REASON_HEADER: "odd", LANE_HEADER: QUEUE.name})

    keys = {letter.key for _ in range(MORE_THAN_ANY_BROKER_ALLOWS) for letter in await letters.look()}

    assert len(keys) == 1
    assert [letter.reason for letter in await letters.look()] == ["odd"]
    async with await aio_pika.connect(vhost) as connection, connection.channel() as channel:
        parked = await (await channel.get_queue(DEAD_LETTER_QUEUE, ensure=False)).get()
        assert parked is not None
        returns = parked.headers.get("x-delivery-count", 0)
        assert isinstance(returns, int)
        assert returns <= RENEWED_AFTER, "a broker that counts would drop it"
        await parked.ack()


async def test_a_replay_sends_what_was_chosen_to_its_lane_and_leaves_the_rest(
    letters: RabbitDeadLetters, vhost: str
) -> None:
    await letters.count()
    chosen, other = encode(new_id()), encode(new_id())
    for body in (chosen, other):
        await park(vhost, body, **{REASON_HEADER: "odd", LANE_HEADER: QUEUE.name})
    await park(vhost, b"from nowhere")
    by_body = {letter.body: letter.key for letter in await letters.look()}

    sent = await letters.replay([by_body[chosen.decode()], by_body["from nowhere"], "unknown"])

    assert sent == 1
    assert await waiting(vhost) == [chosen]
    assert {letter.body for letter in await letters.look()} == {other.decode(), "from nowhere"}


async def test_a_letter_that_the_broker_parked_itself_names_its_lane(letters: RabbitDeadLetters, vhost: str) -> None:
    await letters.count()
    async with await aio_pika.connect(vhost) as connection, connection.channel() as channel:
        await channel.declare_queue(QUEUE.name, durable=True, arguments=dict(QUEUE.arguments))
        await channel.default_exchange.publish(aio_pika.Message(encode(new_id())), QUEUE.name)
        queue = await channel.get_queue(QUEUE.name, ensure=False)
        message = await queue.get()
        assert message is not None
        await message.reject(requeue=False)
    async with asyncio.timeout(10):
        while not (found := await letters.look()):  # parked by the broker in its own time
            pass

    assert (found[0].lane, found[0].reason) == (LANE, "parked by RabbitMQ: rejected")
    assert found[0].parked_at is not None


async def test_the_next_host_is_asked_where_one_does_not_answer(vhost: str) -> None:
    assert await RabbitDeadLetters([REFUSING, vhost], timeout_seconds=10).count() == 0
    with pytest.raises(BrokerUnavailableError):
        await RabbitDeadLetters([REFUSING], timeout_seconds=10).look()


async def test_a_broker_that_hangs_up_at_once_is_unavailable() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        letters = RabbitDeadLetters([f"amqp://guest:guest@127.0.0.1:{port}/"], timeout_seconds=5)

        # Where exactly in the handshake the end is noticed is a matter of chance.
        for _ in range(30):
            with pytest.raises(BrokerUnavailableError):
                await letters.count()


async def test_an_end_of_iteration_within_the_library_is_a_lost_connection() -> None:
    with pytest.raises(ConnectionError, match="handshake"), foreign_ends():
        raise StopAsyncIteration
