"""What a handler can do beside its work, seen from outside: in both modes, and in each kind of handler."""

import os
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.service import Service, StartEmbedded, StartService
from tests.support.tasks_api import TasksApi, wait_until

MODULES = "tests.support.feature_handlers,tests.support.fault_handlers"
KINDS = ("", "_thread", "_process", "_process_async")


@pytest.fixture
def service(start_service: StartService) -> Service:
    """A service of this test alone, with all that these handlers need."""
    return start_service(NARAD_HANDLERS=MODULES)


@pytest.fixture
def api(service: Service) -> TasksApi:
    return service.api


def test_a_checkpoint_survives_retries_and_follow_ups_are_created_once_by_handlers_of_each_kind(api: TasksApi) -> None:
    walks = [api.create(f"features.walk{kind}", {"steps": 3}) for kind in KINDS]

    for walk in walks:
        done = api.wait_for(walk["id"], "COMPLETED")
        followers = api.list_all(parent=walk["id"], sort="created_at", fields="payload")
        assert (done["attempt"], done["failures"]) == (4, 3)
        assert sorted(follower["payload"]["step"] for follower in followers) == [0, 1, 2]
        assert sorted(done["result"]) == sorted(follower["id"] for follower in followers)
        assert {follower["parent_id"] for follower in followers} == {walk["id"]}
        for follower in followers:
            assert api.wait_for(follower["id"], "COMPLETED")["result"] == follower["payload"]["step"]


def test_a_follow_up_that_cannot_be_is_refused_where_it_is_asked_for(api: TasksApi) -> None:
    for kind in ("", "_process"):
        task = api.create(f"features.spawn_badly{kind}")

        wrong, missing = api.wait_for(task["id"], "COMPLETED")["result"]

        assert wrong.startswith("The payload does not fit the handler features.step:")
        assert missing.startswith("No worker offers a handler features.missing.")


def test_handlers_share_what_a_lifespan_holds_and_it_is_closed_when_the_worker_ends(service: Service) -> None:
    api = service.api
    used = [api.wait_for(api.create("features.use" + kind)["id"], "COMPLETED")["result"] for kind in KINDS * 2]

    service.close()

    in_worker = [use for use in used if use["opened_by"] == use["used_by"]]
    assert used == in_worker
    pids = {use["opened_by"] for use in used}
    assert len(pids) >= 2, "the processes of handlers hold their own"
    for pid in pids:
        assert (service.shared / f"opened-{pid}").exists()
        uses = max(use["uses"] for use in used if use["opened_by"] == pid)
        assert (service.shared / f"closed-{pid}").read_text() == str(uses)


def test_the_directory_of_an_attempt_is_gone_with_it(service: Service) -> None:
    api = service.api
    for kind in ("", "_thread", "_process"):
        place = api.wait_for(api.create("features.litter" + kind)["id"], "COMPLETED")["result"]
        assert not Path(place).exists()

    api.wait_for(api.create("features.litter_process", {"killed": True}, max_attempts=1)["id"], "FAILED")

    assert not Path((service.shared / "place").read_text()).exists()


def test_the_context_is_at_hand_without_a_parameter(api: TasksApi) -> None:
    tasks = [api.create("features.context" + kind) for kind in ("", "_thread")]

    assert [api.wait_for(task["id"], "COMPLETED")["result"] for task in tasks] == [
        tasks[0]["id"],
        tasks[1]["id"] + "!",
    ]


def test_a_snooze_that_is_returned_is_one(api: TasksApi) -> None:
    done = api.wait_for(api.create("features.snooze")["id"], "COMPLETED")

    assert (done["result"], done["failures"]) == (2, 0)


def test_what_a_request_leaves_out_is_as_the_handler_says_and_what_it_says_wins(api: TasksApi) -> None:
    plain = api.create("features.defaults", run_at="2099-01-01T00:00:00Z")
    given = api.create("features.defaults", priority="MEDIUM", expires_in_seconds=60, run_at="2099-01-01T00:00:00Z")

    assert (plain["priority"], plain["expires_at"]) == ("HIGH", "2099-01-01T01:00:00.000000Z")
    assert (given["priority"], given["expires_at"]) == ("MEDIUM", "2099-01-01T00:01:00.000000Z")
    for task in (plain, given):
        api.cancel(task["id"])


def test_what_a_handler_keeps_to_itself_is_in_no_answer(api: TasksApi) -> None:
    payload = {"password": "s3cret", "card": {"number": "4711", "of": "me"}}
    hidden = {"password": None, "card": {"number": None, "of": "me"}}

    created = api.create("features.defaults", payload)
    done = api.wait_for(created["id"], "COMPLETED")
    (listed,) = api.list_all(id=created["id"], fields="payload")

    for shown in (created, done, listed):
        assert shown["payload"] == hidden
        assert shown["redacted"] == ["payload.password", "payload.card.number"]
    assert done["result"] == "4711", "the handler itself was given all of it"


def test_code_that_changes_is_run_anew_with_reload(start_embedded: StartEmbedded) -> None:
    service = start_embedded()
    folder = service.directory / "code"
    (folder / "reloaded").mkdir(parents=True)
    (folder / "reloaded" / "__init__.py").touch()
    tasks = folder / "reloaded" / "tasks.py"
    text = "from narad import handler\n@handler('reloaded.say')\ndef say() -> str:\n    return '{}'\n"
    tasks.write_text(text.format("before"))
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    database = f"sqlite:///{service.directory}/reloading.db"
    process = service.run(
        "dev",
        "--reload",
        NARAD_DATABASE_URL=database,
        NARAD_HANDLERS="reloaded.tasks",
        NARAD_PORT=str(free_port()),
        PYTHONPATH=path,
    )
    process.wait_until_ready()
    first = TasksApi(process.url)
    assert first.wait_for(first.create("reloaded.say")["id"], "COMPLETED")["result"] == "before"
    first.close()

    tasks.write_text(text.format("after!"))

    wait_until(lambda: process.stdout.count("Narad listens on") == 2, "it listens anew")
    second = TasksApi(process.url)
    assert second.wait_for(second.create("reloaded.say")["id"], "COMPLETED")["result"] == "after!"
    second.close()
    assert process.stop() == 0
