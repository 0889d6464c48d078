"""Carries courses of requests out, on a loop."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

import httpx2

from narad.client import http
from narad.client.errors import ApiError, ConnectionFailed, NaradError, error_of
from narad.client.following import Following
from narad.client.profile import Profile
from narad.client.retrying import RetryPolicy, insistent
from narad.client.views import Event
from narad.client.wire import Answer, Call, Flow, Step, T


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncShell:
    """One service, and how it is asked."""

    connections: httpx2.AsyncClient
    service: Profile
    timeout: float
    policy: RetryPolicy

    def with_options(self, timeout: float | None, max_retries: int | None) -> "AsyncShell":
        """The same over the same connections, but asking otherwise."""
        policy = self.policy if max_retries is None else replace(self.policy, max_retries=max_retries)
        return replace(self, timeout=self.timeout if timeout is None else timeout, policy=policy)

    async def run(self, flow: Flow[T]) -> T:
        """Carry a course out.

        Raises:
            NaradError: the service was not reached, or said no, after all tries that were worth it.
        """
        course = insistent(flow, self.policy)
        try:
            step = next(course)
            while True:
                try:
                    answer = await self._carry_out(step)
                except ConnectionFailed as error:
                    step = course.throw(error)
                else:
                    step = course.send(answer)
        except StopIteration as end:
            value: T = end.value
            return value

    async def follow(self, following: Following) -> AsyncGenerator[Event, None]:
        """The events of a stream, over as many connections as it takes."""
        while not following.ended:
            failure: NaradError | None = None
            try:
                async with aclosing(self._connection(following)) as events:
                    async for event in events:
                        yield event
            except (ConnectionFailed, ApiError) as error:
                failure = error
            if not following.ended:
                await asyncio.sleep(following.pause_after(failure))

    async def _carry_out(self, step: Step) -> Answer | None:
        match step:
            case Call():
                try:
                    return http.answer_of(
                        await self.connections.request(**http.arguments(step, self.service, self.timeout))
                    )
                except http.BROKEN as error:
                    raise http.failed(error, step, self.service) from error
            case _:
                await asyncio.sleep(step.seconds)
                return None

    async def _connection(self, following: Following) -> AsyncGenerator[Event, None]:
        call = following.call()
        try:
            async with self.connections.stream(**http.stream_arguments(call, self.service, self.timeout)) as response:
                if response.status_code != httpx2.codes.OK:
                    await response.aread()
                    answer = http.answer_of(response)
                    raise error_of(answer.response, answer.body)
                for event in following.opened():
                    yield event
                async for piece in response.aiter_bytes():
                    for event in following.feed(piece):
                        yield event
                    if following.ended:
                        return
        except http.BROKEN as error:
            raise http.failed(error, call, self.service) from error
