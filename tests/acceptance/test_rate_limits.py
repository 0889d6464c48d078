"""Rate limits over HTTP: the headers tell what is left, and beyond it the answer says when to come again."""

import re

import httpx2

from tests.support.keys_api import Locked, refused
from tests.support.service import StartService
from tests.support.tasks_api import PATH, TasksApi


def left(answer: httpx2.Response) -> int:
    """What the answer says is left."""
    found = re.fullmatch(r'"default";r=(\d+);t=\d+', answer.headers["ratelimit"])
    assert found is not None
    return int(found[1])


def test_without_a_policy_there_is_no_word_of_one(api: TasksApi) -> None:
    assert not {"ratelimit", "ratelimit-policy"} & set(api.http.get(PATH).headers)


def test_beyond_its_quota_an_address_is_told_to_wait(start_service: StartService) -> None:
    http = start_service(NARAD_RATE_LIMIT="3/day").api.http

    answers = [http.get(PATH), http.get(f"{PATH}/not-an-id"), http.get("/api/v1/no-such-thing")]

    assert [answer.status_code for answer in answers] == [200, 422, 404]
    assert [left(answer) for answer in answers] == [2, 1, 0]
    assert answers[0].headers["ratelimit-policy"] == '"default";q=3;w=86400'
    over = http.post(PATH, json={"name": "one too many"})
    problem = refused(over, 429, "quota_exceeded")
    assert left(over) == 0
    assert int(over.headers["retry-after"]) > 86_400 / 3 - 60
    assert over.headers["retry-after"] in problem["detail"]
    assert http.get("/livez").status_code == 200


def test_a_key_has_a_quota_of_its_own_and_may_have_a_policy_of_its_own(start_service: StartService) -> None:
    locked = Locked(start_service(NARAD_RATE_LIMIT="1000/day"))
    with locked.with_key(role="viewer", rate_limit="2/hour") as narrow, locked.with_key(role="viewer") as wide:
        assert narrow.get(PATH).headers["ratelimit-policy"] == '"default";q=2;w=3600'
        assert narrow.get(PATH).status_code == 200
        refused(narrow.get(PATH), 429, "quota_exceeded")

        answer = wide.get(PATH)
        assert answer.status_code == 200
        assert left(answer) == 999


def test_who_shows_no_good_key_spends_the_quota_of_the_address(start_service: StartService) -> None:
    locked = Locked(start_service(NARAD_RATE_LIMIT="20/day"))
    with locked.client("nonsense") as client:
        answers = [client.get(PATH).status_code for _ in range(25)]

    assert answers[:15] == [401] * 15
    assert answers[-1] == 429
    assert locked.admin.get(PATH).status_code == 200
