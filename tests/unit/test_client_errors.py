"""From answers to the errors of the client."""

import json

import pytest

from narad.client import errors
from narad.client.errors import ApiError, UnexpectedAnswer, WaitTimeout, error_of
from narad.client.problem import FieldError, Response
from narad.client.task_flows import get
from narad.client.wire import Answer
from tests.support.client_flows import TASK, answer, carry_out, problem, task


def error(given: Answer) -> ApiError:
    return error_of(given.response, given.body)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.BadRequest),
        (401, errors.Unauthenticated),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (405, errors.BadRequest),
        (408, errors.BadRequest),
        (409, errors.Conflict),
        (412, errors.Conflict),
        (413, errors.BadRequest),
        (422, errors.ValidationFailed),
        (429, errors.RateLimited),
        (500, errors.ServerError),
        (503, errors.ServerError),
        (599, errors.ServerError),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[ApiError]) -> None:
    found = error(problem(status, "some_code"))

    assert type(found) is kind
    assert (found.status, found.code) == (status, "some_code")
    assert isinstance(found, errors.NaradError)


def test_the_text_says_what_is_wrong_where_and_under_which_request() -> None:
    wrong = [
        {"detail": "must not be blank", "code": "value_error", "pointer": "#/name"},
        {"detail": "is not known", "code": "unknown", "parameter": "statuses"},
        {"detail": "is not valid", "code": "pattern", "header": "If-Match"},
    ]
    found = error(problem(422, "validation_error", request_id="r-7", errors=wrong, nearest="status"))

    assert str(found) == (
        "It is so. [#/name: must not be blank; statuses: is not known; If-Match: is not valid] (request r-7)"
    )
    assert found.request_id == "r-7"
    assert found.problem.errors[0] == FieldError(detail="must not be blank", code="value_error", pointer="#/name")
    assert found.problem.more == {"nearest": "status"}


@pytest.mark.parametrize(
    "body", [b"<html>Bad Gateway</html>", b"", b"[]", b'"text"', b"null", b'{"message": "no"}', b"\xff"]
)
def test_an_answer_of_something_between_is_an_error_too(body: bytes) -> None:
    found = error_of(Response(status=502, headers={"x-request-id": "r-9"}), body)

    assert isinstance(found, errors.ServerError)
    assert found.code == "http_error"
    assert "not Narad" in str(found)
    assert "(request r-9)" in str(found)


@pytest.mark.parametrize("body", ["<html></html>", [], None, {"id": "x"}, {**TASK, "created_at": "never"}])
def test_an_answer_that_is_no_task_is_told_from_one(body: object) -> None:
    given = Answer(response=Response(status=200, headers={}), body=json.dumps(body).encode())

    with pytest.raises(UnexpectedAnswer, match="Is this address a Narad"):
        carry_out(get("x"), [given])


def test_an_answer_that_is_not_json_is_told_from_one() -> None:
    with pytest.raises(UnexpectedAnswer, match="not JSON"):
        carry_out(get("x"), [Answer(response=Response(status=200, headers={}), body=b"<html>")])


def test_fields_of_newer_services_are_left_out() -> None:
    read, _ = carry_out(get("x"), [task(colour="red")])

    assert read.task.tags == ("a", "b")
    assert read.task.created_at.tzinfo is not None
    assert not hasattr(read.task, "colour")


def test_the_end_of_a_wait_is_a_timeout_of_python_too() -> None:
    read, _ = carry_out(get("x"), [task(status="PENDING")])

    assert isinstance(WaitTimeout(read.task, 2.5), TimeoutError)
    assert str(WaitTimeout(read.task, 2.5)).endswith("is PENDING after a wait of 2.5 s, and goes on.")


def test_a_response_tells_of_its_request() -> None:
    found = answer(headers={"retry-after": "3"}).response

    assert (found.request_id, found.retry_after) == ("r-1", 3)
