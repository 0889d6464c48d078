"""Carries courses of requests out, blocking."""

import time
from collections.abc import Iterator
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
class Shell:
    """One service, and how it is asked."""

    connections: httpx2.Client
    service: Profile
    timeout: float
    policy: RetryPolicy

    def with_options(self, timeout: float | None, max_retries: int | None) -> "Shell":
        """The same over the same connections, but asking otherwise."""
        policy = self.policy if max_retries is None else replace(self.policy, max_retries=max_retries)
        return replace(self, timeout=self.timeout if timeout is None else timeout, policy=policy)

    def run(self, flow: Flow[T]) -> T:
        """Carry a course out.

        Raises:
            NaradError: the service was not reached, or said no, after all tries that were worth it.
        """
        course = insistent(flow, self.policy)
        try:
            step = next(course)
            while True:
                try:
                    answer = self._carry_out(step)
                except ConnectionFailed as error:
                    step = course.throw(error)
                else:
                    step = course.send(answer)
        except StopIteration as end:
            value: T = end.value
            return value

    def follow(self, following: Following) -> Iterator[Event]:
        """The events of a stream, over as many connections as it takes."""
        while not following.ended:
            failure: NaradError | None = None
            try:
                yield from self._connection(following)
            except (ConnectionFailed, ApiError) as error:
                failure = error
            if not following.ended:
                time.sleep(following.pause_after(failure))

    def _carry_out(self, step: Step) -> Answer | None:
        match step:
            case Call():
                try:
                    return http.answer_of(self.connections.request(**http.arguments(step, self.service, self.timeout)))
                except http.BROKEN as error:
                    raise http.failed(error, step, self.service) from error
            case _:
                time.sleep(step.seconds)
                return None

    def _connection(self, following: Following) -> Iterator[Event]:
        call = following.call()
        try:
            with self.connections.stream(**http.stream_arguments(call, self.service, self.timeout)) as response:
                if response.status_code != httpx2.codes.OK:
                    response.read()
                    answer = http.answer_of(response)
                    raise error_of(answer.response, answer.body)
                yield from following.opened()
                for piece in response.iter_bytes():
                    yield from following.feed(piece)
                    if following.ended:
                        return
        except http.BROKEN as error:
            raise http.failed(error, call, self.service) from error
