"""Which requests of the client are made again, and when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narad.client import task_flows
from narad.client.errors import ApiError, Conflict, ConnectionFailed, NaradError, RateLimited, ServerError
from narad.client.retrying import RetryPolicy, insistent
from narad.client.wire import Answer, Call, ask
from tests.support.client_flows import Journal, answer, carry_out, lost, problem, task

POLICY = RetryPolicy(max_retries=5, dice=lambda: 1.0)
READ = Call(method="GET", path="/api/v1/tasks")
WRITE = Call(method="POST", path="/api/v1/keys/x/rotate", repeatable=False)
REFUSED = ConnectionFailed("refused", sent=False)


def tried(call: Call, *given: Answer | NaradError) -> Journal:
    _, journal = carry_out(insistent(ask(call), POLICY), [*given, answer()])
    return journal


@pytest.mark.parametrize(
    "failure",
    [
        REFUSED,
        lost(),
        problem(408, "request_timeout"),
        problem(409, "idempotency_in_progress"),
        problem(429, "quota_exceeded"),
        problem(502, "http_error"),
        problem(503, "store_unavailable"),
        problem(504, "http_error"),
    ],
)
def test_what_passes_is_tried_again(failure: Answer | NaradError) -> None:
    assert tried(READ, failure).calls == [READ, READ]


@pytest.mark.parametrize(
    "failure",
    [
        problem(400, "malformed_json"),
        problem(401, "unauthenticated"),
        problem(404, "not_found"),
        problem(409, "invalid_state"),
        problem(422, "validation_error"),
        problem(500, "internal"),
        problem(503, "query_too_slow", {"narad-should-retry": "false"}),
        problem(429, "quota_exceeded", {"narad-should-retry": "False"}),
        problem(429, "quota_exceeded", {"retry-after": "61"}),
    ],
)
def test_what_stays_is_told_at_once(failure: Answer) -> None:
    with pytest.raises(ApiError):
        carry_out(insistent(ask(READ), POLICY), [failure])


@pytest.mark.parametrize("failure", [REFUSED, problem(408, "request_timeout"), problem(429, "quota_exceeded")])
def test_what_must_not_be_done_twice_is_tried_again_where_it_was_not_done(failure: Answer | NaradError) -> None:
    assert tried(WRITE, failure).calls == [WRITE, WRITE]


@pytest.mark.parametrize("failure", [lost(), problem(502, "http_error"), problem(503, "store_unavailable")])
def test_what_must_not_be_done_twice_is_not_tried_again_where_it_may_have_been(failure: Answer | NaradError) -> None:
    with pytest.raises(NaradError):
        carry_out(insistent(ask(WRITE), POLICY), [failure])


def test_the_pauses_double_up_to_eight_seconds_and_tries_end() -> None:
    policy = RetryPolicy(max_retries=7, dice=lambda: 1.0)

    _, journal = carry_out(insistent(ask(READ), policy), [*[REFUSED] * 7, answer()])

    assert journal.pauses == [0.5, 1, 2, 4, 8, 8, 8]
    with pytest.raises(ConnectionFailed):
        carry_out(insistent(ask(READ), policy), [REFUSED] * 8)


@given(st.floats(0, 1), st.integers(0, 1_000))
def test_a_pause_is_anywhere_below_its_bound(dice: float, retries: int) -> None:
    pause = RetryPolicy(dice=lambda: dice).back_off(retries)

    assert 0 <= pause <= 8
    assert pause == dice * min(8.0, 0.5 * 2.0 ** min(retries, 20))


def test_the_service_is_obeyed_about_when_to_come_back() -> None:
    assert tried(READ, problem(503, "draining", {"retry-after": "7"})).pauses == [7]
    assert tried(READ, problem(503, "draining", {"retry-after": "soon"})).pauses == [0.5]


def test_a_client_without_retries_tries_once() -> None:
    with pytest.raises(ServerError):
        carry_out(insistent(ask(READ), RetryPolicy(max_retries=0)), [problem(503, "draining")])


def test_an_answer_and_an_error_tell_how_many_tries_it_took() -> None:
    found, _ = carry_out(insistent(ask(READ), POLICY), [REFUSED, lost(), answer()])
    with pytest.raises(RateLimited) as caught:
        carry_out(insistent(ask(READ), POLICY), [REFUSED, problem(429, "quota_exceeded", {"retry-after": "99"})])

    assert found.response.retries == 2
    assert caught.value.response.retries == 1
    assert caught.value.retry_after == 99


def test_a_creation_has_one_key_over_all_its_tries() -> None:
    flow = insistent(task_flows.create("demo.echo", {"n": 1}, {}), POLICY)
    other = task_flows.create("demo.echo", {"n": 1}, {})

    _, journal = carry_out(flow, [lost(), REFUSED, task()])
    _, others = carry_out(other, [task()])

    keys = {call.headers["Idempotency-Key"] for call in journal.calls}
    assert len(journal.calls) == 3
    assert len(keys) == 1
    assert others.calls[0].headers["Idempotency-Key"] not in keys
    assert {call.body for call in journal.calls} == {others.calls[0].body}


def standing(version: int) -> Answer:
    return answer(200, {"id": "x", "status": "FAILED", "progress": None, "version": version, "finished_at": None})


@pytest.mark.parametrize("failure", [lost(), problem(503, "store_unavailable")])
def test_a_task_is_retried_once_though_the_answer_is_lost(failure: Answer | NaradError) -> None:
    done = task(status="FAILED", version=9)

    read, journal = carry_out(insistent(task_flows.retry("x"), POLICY), [standing(5), failure, done])

    assert read.task.version == 9
    assert [call.method for call in journal.calls] == ["GET", "POST", "GET"]


def test_a_retry_that_did_not_arrive_is_asked_for_again() -> None:
    still, done = task(status="FAILED", version=5), task(status="PENDING", version=6)
    conflict = problem(409, "invalid_state", current_status="IN_PROGRESS")

    read, journal = carry_out(insistent(task_flows.retry("x"), POLICY), [standing(5), lost(), still, done])
    late, _ = carry_out(insistent(task_flows.retry("x"), POLICY), [standing(5), lost(), still, conflict, done])

    assert read.task.version == late.task.version == 6
    assert [call.method for call in journal.calls] == ["GET", "POST", "GET", "POST"]


def test_a_retry_that_is_refused_or_never_arrives_is_told_of() -> None:
    still = task(status="FAILED", version=5)

    with pytest.raises(Conflict):
        carry_out(insistent(task_flows.retry("x"), POLICY), [standing(5), problem(409, "invalid_state")])
    with pytest.raises(ServerError):
        carry_out(insistent(task_flows.retry("x"), POLICY), [standing(5), problem(500, "internal")])
    with pytest.raises(ConnectionFailed):
        carry_out(insistent(task_flows.retry("x"), POLICY), [standing(5), lost(), still, lost(), still, lost()])


def test_a_change_of_one_version_is_not_made_again() -> None:
    with pytest.raises(ConnectionFailed):
        carry_out(insistent(task_flows.update("x", {"name": "new"}, 7), POLICY), [lost()])
    read, journal = carry_out(insistent(task_flows.update("x", {"name": "new"}, None), POLICY), [lost(), task()])
    assert read.task.version == 1
    assert len(journal.calls) == 2
