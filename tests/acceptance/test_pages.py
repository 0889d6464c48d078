"""The list of tasks, page by page."""

import httpx2
import pytest

from tests.support.tasks_api import PATH, TasksApi


@pytest.fixture
def walked(api: TasksApi, tag: str) -> list[str]:
    """Thirteen tasks, the newest first."""
    return [api.create("demo.echo", tags=[tag])["id"] for _ in range(13)][::-1]


@pytest.mark.parametrize("limit", [1, 4, 12, 13, 14, 200])
def test_pages_show_every_task_once_and_the_newest_first(
    api: TasksApi, tag: str, walked: list[str], limit: int
) -> None:
    assert [task["id"] for task in api.list_all(tag=tag, limit=limit)] == walked


def test_the_last_page_has_no_cursor(api: TasksApi, tag: str, walked: list[str]) -> None:
    first, whole = api.page(tag=tag, limit=12), api.page(tag=tag, limit=13)

    assert (first["next_cursor"] is None, first["has_more"]) == (False, True)
    assert (whole["next_cursor"], whole["has_more"]) == (None, False)
    assert first["prev_cursor"] is None
    assert api.page(tag=f"{tag}-of-none") == {
        "items": [],
        "next_cursor": None,
        "prev_cursor": None,
        "has_more": False,
    }


@pytest.mark.parametrize("sort", ["-created_at", "created_at", "priority", "-started_at", "finished_at", "name"])
def test_the_way_back_shows_the_same_pages(api: TasksApi, tag: str, walked: list[str], sort: str) -> None:
    api.wait_until_done(tag)
    pages = [api.page(tag=tag, limit=4, sort=sort)]
    while pages[-1]["has_more"]:
        pages.append(api.page(tag=tag, limit=4, sort=sort, cursor=pages[-1]["next_cursor"]))
    back = [pages[-1]]
    while back[-1]["prev_cursor"] is not None:
        back.append(api.page(tag=tag, limit=4, sort=sort, cursor=back[-1]["prev_cursor"]))

    assert [len(page["items"]) for page in pages] == [4, 4, 4, 1]
    assert [page["items"] for page in back] == [page["items"] for page in reversed(pages)]
    assert [page["has_more"] for page in back] == [False, True, True, True]


def test_links_lead_around_a_page(api: TasksApi, tag: str, walked: list[str]) -> None:
    def follow(answer: httpx2.Response, relation: str) -> httpx2.Response:
        return api.http.get(answer.links[relation]["url"])

    def shown(answer: httpx2.Response) -> list[str]:
        return [task["id"] for task in answer.json()["items"]]

    first = api.http.get(PATH, params={"tag": [tag, f"{tag} & more"], "limit": 6, "sort": "-created_at"})
    second = follow(first, "next")
    third = follow(second, "next")

    assert [*first.links] == ["next", "first"]
    assert [*second.links] == ["next", "prev", "first"]
    assert [*third.links] == ["prev", "first"]
    assert shown(first) + shown(second) + shown(third) == walked
    assert shown(follow(third, "prev")) == shown(second)
    assert shown(follow(third, "first")) == shown(first)


def test_the_way_back_shows_tasks_created_meanwhile(api: TasksApi, tag: str, walked: list[str]) -> None:
    second = api.page(tag=tag, limit=5, cursor=api.page(tag=tag, limit=5)["next_cursor"])
    new = [api.create("demo.echo", tags=[tag])["id"] for _ in range(2)]

    first = api.page(tag=tag, limit=5, cursor=second["prev_cursor"])
    before = api.page(tag=tag, limit=5, cursor=first["prev_cursor"])

    assert [task["id"] for task in first["items"]] == walked[:5]
    assert [task["id"] for task in before["items"]] == new[::-1]
    assert before["prev_cursor"] is None


def test_tasks_created_meanwhile_do_not_shift_the_pages(api: TasksApi, tag: str, walked: list[str]) -> None:
    seen: list[str] = []
    page = api.page(tag=tag, limit=5)
    seen += [task["id"] for task in page["items"]]
    while page["next_cursor"] is not None:
        for _ in range(3):
            api.create("demo.echo", tags=[tag])
        page = api.page(tag=tag, limit=5, cursor=page["next_cursor"])
        seen += [task["id"] for task in page["items"]]

    assert seen == walked


def test_ages_count_back_from_the_first_page(api: TasksApi, tag: str, walked: list[str]) -> None:
    seen: list[str] = []
    page = api.page(tag=tag, limit=5, sort="created_at", created_before="-0s")
    seen += [task["id"] for task in page["items"]]
    while page["next_cursor"] is not None:
        api.create("demo.echo", tags=[tag])
        page = api.page(tag=tag, limit=5, sort="created_at", created_before="-0s", cursor=page["next_cursor"])
        seen += [task["id"] for task in page["items"]]

    assert seen == walked[::-1]


def test_a_page_holds_fifty_tasks_unless_told_otherwise(api: TasksApi, tag: str) -> None:
    for _ in range(51):
        api.create("demo.echo", tags=[tag])

    assert len(api.page(tag=tag)["items"]) == 50


def test_the_size_of_a_page_may_change_on_the_way(api: TasksApi, tag: str, walked: list[str]) -> None:
    first = api.page(tag=tag, limit=3)
    rest = api.page(tag=tag, limit=50, cursor=first["next_cursor"])

    assert [task["id"] for task in first["items"] + rest["items"]] == walked


@pytest.mark.parametrize("limit", ["0", "-1", "201", "abc", "1.5", "", "99999999999999999999999"])
def test_a_limit_out_of_bounds_is_refused(api: TasksApi, limit: str) -> None:
    answer = api.http.get(PATH, params={"limit": limit})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "limit"


def test_a_cursor_belongs_to_its_filters(api: TasksApi, tag: str, walked: list[str]) -> None:
    cursor = api.page(tag=tag, limit=3)["next_cursor"]

    answer = api.http.get(PATH, params={"tag": tag, "priority": "HIGH", "cursor": cursor})

    assert answer.status_code == 400
    problem = answer.json()
    assert problem["code"] == "invalid_cursor"
    assert problem["errors"][0]["parameter"] == "cursor"


@pytest.mark.parametrize("cursor", ["", "x", "%%%", "AAAA", "🎉", "A" * 34, "A" * 500, "AQ==", "\x00"])
def test_a_cursor_made_up_is_refused(api: TasksApi, cursor: str) -> None:
    answer = api.http.get(PATH, params={"cursor": cursor})

    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/invalid-cursor"


@pytest.mark.parametrize(("name", "nearest"), [("priorty", "priority"), ("statuses", "status"), ("offset", None)])
def test_an_unknown_parameter_is_refused_with_the_nearest(api: TasksApi, name: str, nearest: str | None) -> None:
    answer = api.http.get(PATH, params={name: "HIGH"})

    assert answer.status_code == 400
    problem = answer.json()
    assert problem["code"] == "unknown_parameter"
    assert problem["nearest"] == nearest
    assert problem["errors"][0]["parameter"] == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "DONE"),
        ("status", "completed"),
        ("priority", "URGENT"),
        ("created_after", "yesterday"),
        ("created_before", "2026-01-01T00:00:00"),
        ("created_before", "+10000-01-01T00:00:00Z"),
        ("name", "x" * 201),
        ("name", "\x00"),
        ("tag", "\x00"),
        ("q", ""),
        ("id", "1"),
        ("worker", "host-1"),
        ("has_error", "maybe"),
        ("finished_after", "24h"),
        ("started_before", "-36526d"),
        ("sort", "id"),
        ("fields", "id"),
        ("include", "everything"),
    ],
)
def test_a_wrong_value_of_a_filter_names_the_parameter(api: TasksApi, name: str, value: str) -> None:
    answer = api.http.get(PATH, params={name: value})

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["parameter"] == name


def test_a_cursor_belongs_to_its_order(api: TasksApi, tag: str, walked: list[str]) -> None:
    cursor = api.page(tag=tag, limit=3, sort="name")["next_cursor"]

    answer = api.http.get(PATH, params={"tag": tag, "sort": "-name", "cursor": cursor})

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_cursor"


def test_more_than_a_hundred_ids_are_refused(api: TasksApi) -> None:
    answer = api.http.get(PATH, params={"id": [f"00000000-0000-7000-8000-{n:012}" for n in range(101)]})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "id"
