"""Whatever is sent, the answer is one that was meant: never a 5xx, and always a problem where it is an error."""

import json
from typing import Any
from urllib.parse import quote

import httpx2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from narad.api.schemas import TaskCreate
from narad.api.task_query import TaskQuery
from tests.support.tasks_api import PATH, TasksApi

# The service is the same for all examples; that is what the fixture is for.
moderately = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

FIELDS = [*TaskCreate.model_fields, "status", "id"]
LIKELY = st.sampled_from(
    ["x", "", "HIGH", "demo.echo", "demo.fail", "default", "2026-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "1e9"]
)
TEXTS = LIKELY | st.text(st.characters(codec=None, exclude_categories=[]), max_size=20)
NUMBERS = st.integers() | st.floats() | st.sampled_from([0, 1, -1, 2**31, 2**63, 2**64, 10**400])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
# `demo.echo` takes anything, so a task that is accepted is over soon.
BODIES = st.builds(
    lambda usual, odd: {"name": "fuzz", "handler": "demo.echo", **usual, **odd},
    st.fixed_dictionaries(
        {}, optional={"payload": st.dictionaries(TEXTS, VALUES, max_size=4), "tags": st.lists(TEXTS)}
    ),
    st.dictionaries(st.sampled_from(FIELDS) | TEXTS, VALUES, max_size=2),
)
PARAMETERS = st.sampled_from(list(TaskQuery.model_fields)) | st.text(max_size=10)
QUERIES = st.lists(st.tuples(PARAMETERS, LIKELY | st.text(max_size=20) | NUMBERS.map(str)), max_size=4)


def meant(answer: httpx2.Response) -> bool:
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
    return answer.status_code < 500


@moderately
@given(body=BODIES)
def test_any_object_is_accepted_or_refused(api: TasksApi, body: dict[str, Any]) -> None:
    answer = api.http.post(PATH, content=json.dumps(body), headers={"Content-Type": "application/json"})

    assert meant(answer)
    if answer.status_code == 201:
        assert api.get(answer.json()["id"])["name"] == answer.json()["name"]


@moderately
@given(body=st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_accepted_or_refused(api: TasksApi, body: bytes) -> None:
    assert meant(api.http.post(PATH, content=body, headers={"Content-Type": "application/json"}))


@moderately
@given(query=QUERIES)
def test_any_query_is_answered_or_refused(
    api: TasksApi, query: list[tuple[str, str | int | float | bool | None]]
) -> None:
    assert meant(api.http.get(PATH, params=query))


@moderately
@given(path=st.text(st.characters(codec="utf-8"), max_size=30))
def test_any_path_is_answered_or_refused(api: TasksApi, path: str) -> None:
    assert meant(api.http.get(f"/{quote(path)}"))
    assert meant(api.http.delete(f"{PATH}/{quote(path)}"))
