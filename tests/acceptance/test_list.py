"""The list of tasks: its filters."""

from collections.abc import Iterable

import pytest

from tests.support.service import StartService
from tests.support.tasks_api import PATH, Json, TasksApi


def ids(tasks: Iterable[Json]) -> set[str]:
    return {task["id"] for task in tasks}


def test_status_chooses_and_repeats(api: TasksApi, tag: str) -> None:
    done, failed = api.create("demo.echo", tags=[tag]), api.create("demo.fail", {"fatal": True}, tags=[tag])
    waiting = api.create("demo.echo", tags=[tag], run_at="2999-01-01T00:00:00Z")
    api.wait_for(done["id"], "COMPLETED")
    api.wait_for(failed["id"], "FAILED")

    assert ids(api.list_all(tag=tag, status="COMPLETED")) == {done["id"]}
    assert ids(api.list_all(tag=tag, status=["COMPLETED", "FAILED"])) == {done["id"], failed["id"]}
    assert ids(api.list_all(tag=tag, status=["NEW", "PENDING"])) == {waiting["id"]}
    assert ids(api.list_all(tag=tag, status="CANCELLED")) == set()
    api.cancel(waiting["id"])


def test_priority_chooses_and_repeats(api: TasksApi, tag: str) -> None:
    low, medium, high = (api.create("demo.echo", tags=[tag], priority=p)["id"] for p in ("LOW", "MEDIUM", "HIGH"))

    assert ids(api.list_all(tag=tag, priority="LOW")) == {low}
    assert ids(api.list_all(tag=tag, priority=["HIGH", "MEDIUM"])) == {medium, high}


def test_handler_and_queue_choose(api: TasksApi, tag: str) -> None:
    echo, simulate = api.create("demo.echo", tags=[tag]), api.create("demo.simulate", {"seconds": 0}, tags=[tag])
    elsewhere = api.create("demo.echo", tags=[tag], queue="nobody-serves-this")

    assert ids(api.list_all(tag=tag, handler="demo.simulate")) == {simulate["id"]}
    assert ids(api.list_all(tag=tag, handler=["demo.simulate", "demo.echo"], queue="default")) == ids([echo, simulate])
    assert ids(api.list_all(tag=tag, queue="nobody-serves-this")) == {elsewhere["id"]}
    api.cancel(elsewhere["id"])


def test_repeated_tags_are_alternatives(api: TasksApi, tag: str) -> None:
    first = api.create("demo.echo", tags=[f"{tag}-a", "shared"])
    second = api.create("demo.echo", tags=["shared", f"{tag}-b"])
    both = api.create("demo.echo", tags=[f"{tag}-a", f"{tag}-b", f"{tag}-a"])

    assert both["tags"] == [f"{tag}-a", f"{tag}-b"]
    assert ids(api.list_all(tag=f"{tag}-a")) == ids([first, both])
    assert ids(api.list_all(tag=[f"{tag}-a", f"{tag}-b"])) == ids([first, second, both])
    assert api.list_all(tag=tag) == []


@pytest.mark.parametrize("odd", ['with "quotes"', "a,b", "100%_\\", "{brace}", "[x]", "ünï 🎉", "'; --"])
def test_a_tag_may_hold_any_character(api: TasksApi, tag: str, odd: str) -> None:
    task = api.create("demo.echo", tags=[f"{tag} {odd}"])

    assert ids(api.list_all(tag=f"{tag} {odd}")) == {task["id"]}


def test_different_filters_add_up(api: TasksApi, tag: str) -> None:
    wanted = api.create("demo.echo", tags=[tag], priority="HIGH")
    api.create("demo.echo", tags=[tag], priority="LOW")
    api.create("demo.simulate", {"seconds": 0}, tags=[tag], priority="HIGH")
    api.create("demo.echo", priority="HIGH")

    assert ids(api.list_all(tag=tag, priority="HIGH", handler="demo.echo")) == {wanted["id"]}


@pytest.mark.parametrize(
    ("part", "found"),
    [
        ("report", ["Report 100% done", "the_REPORT", "theXreport"]),
        ("REPORT", ["Report 100% done", "the_REPORT", "theXreport"]),
        ("100%", ["Report 100% done"]),
        ("%", ["Report 100% done"]),
        ("e_r", ["the_REPORT"]),
        ("_", ["the_REPORT"]),
        ("\\", ["back\\slash"]),
        ("/", []),
        ("ärger", ["Ärger", "ärger"]),
        ("", ["Report 100% done", "the_REPORT", "theXreport", "back\\slash", "Ärger", "ärger"]),
    ],
)
def test_name_finds_a_part_literally_and_in_any_case(api: TasksApi, tag: str, part: str, found: list[str]) -> None:
    for name in ("Report 100% done", "the_REPORT", "theXreport", "back\\slash", "Ärger", "ärger"):
        api.create("demo.echo", name=name, tags=[tag])

    assert sorted(task["name"] for task in api.list_all(tag=tag, name=part)) == sorted(found)


def test_created_after_is_inclusive_and_created_before_exclusive(api: TasksApi, tag: str) -> None:
    first, second, third = (api.create("demo.echo", tags=[tag]) for _ in range(3))
    moment = second["created_at"]

    assert ids(api.list_all(tag=tag, created_after=moment)) == ids([second, third])
    assert ids(api.list_all(tag=tag, created_before=moment)) == ids([first])
    assert ids(api.list_all(tag=tag, created_after=moment, created_before=third["created_at"])) == ids([second])
    assert api.list_all(tag=tag, created_after=moment, created_before=moment) == []


def test_times_of_other_zones_mean_the_same_moment(api: TasksApi, tag: str) -> None:
    task = api.create("demo.echo", tags=[tag])

    assert ids(api.list_all(tag=tag, created_after="2020-01-01T05:30:00+05:30")) == {task["id"]}
    assert api.list_all(tag=tag, created_before="2020-01-01T00:00:00-08:00") == []


def test_a_list_leaves_out_what_may_be_large(api: TasksApi, tag: str) -> None:
    api.create("demo.fail", {"fatal": True}, tags=[tag])

    item = api.wait_until_done(tag)[0]

    assert item["error"]["type"] == "Fatal"
    assert not {"payload", "result"} & item.keys()
    assert "traceback" not in item["error"]


def test_worker_and_id_choose_and_repeat(api: TasksApi, tag: str) -> None:
    first, second = (api.wait_for(api.create("demo.echo", tags=[tag])["id"], "COMPLETED") for _ in range(2))
    waiting = api.create("demo.echo", tags=[tag], run_at="2999-01-01T00:00:00Z")
    nobody = "00000000-0000-7000-8000-000000000001"

    assert ids(api.list_all(id=[first["id"], waiting["id"], nobody])) == ids([first, waiting])
    assert first["id"] in ids(api.list_all(tag=tag, worker=first["worker_id"]))
    assert ids(api.list_all(tag=tag, worker=[first["worker_id"], second["worker_id"], nobody])) == ids([first, second])
    assert api.list_all(tag=tag, worker=nobody) == []
    api.cancel(waiting["id"])


def test_q_finds_by_name_tag_and_id(api: TasksApi, tag: str) -> None:
    named = api.create("demo.echo", name=f"Report {tag.upper()} weekly")
    tagged = api.create("demo.echo", tags=[tag, "other"])

    assert ids(api.list_all(q=tag)) == ids([named, tagged])
    assert ids(api.list_all(q=tagged["id"])) == {tagged["id"]}
    assert tagged["id"] in ids(api.list_all(q=tagged["id"][:13]))
    assert api.list_all(q=f"{tag}-of-none") == []


def test_errors_choose_by_type_and_by_being_there(api: TasksApi, tag: str) -> None:
    done, failed = api.create("demo.echo", tags=[tag]), api.create("demo.fail", {"fatal": True}, tags=[tag])
    api.wait_for(done["id"], "COMPLETED")
    api.wait_for(failed["id"], "FAILED")

    assert ids(api.list_all(tag=tag, error_type="Fatal")) == {failed["id"]}
    assert api.list_all(tag=tag, error_type="fatal") == []
    assert ids(api.list_all(tag=tag, has_error="true")) == {failed["id"]}
    assert ids(api.list_all(tag=tag, has_error="false")) == {done["id"]}


def test_start_and_end_choose_half_open(api: TasksApi, tag: str) -> None:
    done = api.wait_for(api.create("demo.echo", tags=[tag])["id"], "COMPLETED")
    waiting = api.create("demo.echo", tags=[tag], run_at="2999-01-01T00:00:00Z")

    for what in ("started", "finished"):
        moment = done[f"{what}_at"]
        assert ids(api.page(tag=tag, **{f"{what}_after": moment})["items"]) == {done["id"]}
        assert api.page(tag=tag, **{f"{what}_before": moment})["items"] == []
        assert ids(api.page(tag=tag, **{f"{what}_before": "2999-01-01T00:00:00Z"})["items"]) == {done["id"]}
    api.cancel(waiting["id"])


def test_ages_count_back_from_now(api: TasksApi, tag: str) -> None:
    task = api.create("demo.echo", tags=[tag])

    assert ids(api.list_all(tag=tag, created_after="-1h")) == {task["id"]}
    assert api.list_all(tag=tag, created_before="-1h") == []
    assert ids(api.list_all(tag=tag, created_after="-2w", created_before="-0s")) == {task["id"]}


def test_every_sort_sorts_and_what_lacks_the_key_comes_last(api: TasksApi, tag: str) -> None:
    for name, priority in (("beta", "LOW"), ("Alpha", "HIGH"), ("alpha", "HIGH")):
        api.wait_for(api.create("demo.echo", name=name, priority=priority, tags=[tag])["id"], "COMPLETED")
    waiting = api.create("demo.echo", name="Beta", tags=[tag], run_at="2999-01-01T00:00:00Z")

    for key in ("created_at", "started_at", "finished_at"):
        for sort, order in ((key, list), (f"-{key}", reversed)):
            moments = [task[key] for task in api.list_all(tag=tag, sort=sort)]
            there = [moment for moment in moments if moment is not None]
            assert there == [*order(sorted(there))]
            assert moments[len(there) :] == ([] if key == "created_at" else [None])
    assert [task["name"] for task in api.list_all(tag=tag, sort="name")] == ["Alpha", "Beta", "alpha", "beta"]
    assert [task["name"] for task in api.list_all(tag=tag, sort="-name")] == ["beta", "alpha", "Beta", "Alpha"]
    assert [task["name"] for task in api.list_all(tag=tag, sort="-priority")] == ["alpha", "Alpha", "Beta", "beta"]
    assert [task["name"] for task in api.list_all(tag=tag, sort="priority")] == ["beta", "Beta", "Alpha", "alpha"]
    api.cancel(waiting["id"])


def test_fields_bring_back_what_a_list_leaves_out(api: TasksApi, tag: str) -> None:
    api.create("demo.echo", {"n": 1}, tags=[tag])
    api.create("demo.fail", {"fatal": True}, tags=[tag])
    api.wait_until_done(tag)

    failed, done = api.list_all(tag=tag, fields=["payload", "result", "error.traceback"])
    assert (done["payload"], done["result"]) == ({"n": 1}, {"n": 1})
    assert failed["result"] is None
    assert "Fatal" in failed["error"]["traceback"]

    failed, done = api.list_all(tag=tag, fields="payload")
    assert done["payload"] == {"n": 1}
    assert "result" not in done
    assert "traceback" not in failed["error"]


def test_a_total_is_counted_when_asked_for(api: TasksApi, tag: str) -> None:
    for _ in range(3):
        api.create("demo.echo", tags=[tag])

    assert api.page(tag=tag, limit=1, include="total")["total"] == {"value": 3, "relation": "eq"}
    assert api.page(tag=f"{tag}-of-none", include="total")["total"] == {"value": 0, "relation": "eq"}
    assert "total" not in api.page(tag=tag)


def test_a_total_beyond_ten_thousand_is_told_as_such(start_service: StartService, tag: str) -> None:
    api = start_service().api
    bodies = [{"name": "many", "tags": [tag], "run_at": "2999-01-01T00:00:00Z"}] * 1_000
    for _ in range(10):
        assert api.http.post(f"{PATH}/batch", json={"items": bodies}).status_code == 201

    assert api.page(tag=tag, limit=1, include="total")["total"] == {"value": 10_000, "relation": "eq"}
    api.create(tags=[tag], run_at="2999-01-01T00:00:00Z")
    assert api.page(tag=tag, limit=1, include="total")["total"] == {"value": 10_000, "relation": "gte"}


def test_a_list_that_takes_too_long_is_refused_with_what_would_help(start_service: StartService) -> None:
    api = start_service(NARAD_LIST_TIMEOUT_SECONDS="0.000001").api

    answer = api.http.get(PATH, params={"sort": "name", "include": "total"})

    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    problem = answer.json()
    assert problem["type"] == "/problems/query-too-slow"
    assert answer.headers["narad-should-retry"] == "false"
    for advice in ("created_after=-24h", "status", "sort by created_at", "leave out include=total"):
        assert advice in problem["detail"]
    assert "sort" not in api.http.get(PATH, params={"created_after": "-1h"}).json()["detail"]
    assert api.create("demo.echo")["status"] == "NEW"
