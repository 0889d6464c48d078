"""Which address may be served without keys: the whole table."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support.keys_api import refused, wait_for_lock
from tests.support.processes import NaradProcess
from tests.support.tasks_api import PATH

Run = Callable[..., NaradProcess]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Runs `narad` in directories of its own, on one database."""
    started: list[NaradProcess] = []
    settings = {"NARAD_PORT": "0", "NARAD_DATABASE_URL": f"sqlite:///{tmp_path}/narad.db"}

    def start(*arguments: str, **more: str) -> NaradProcess:
        directory = tmp_path / f"run{len(started)}"
        started.append(NaradProcess(*arguments, settings=settings | more, directory=directory))
        return started[-1]

    yield start
    for process in started:
        process.close()


def create_key(run: Run, *options: str) -> dict[str, str]:
    """A key, made on the command line."""
    process = run("keys", "create", "test", "-o", "json", *(options or ("--role", "admin")))
    assert process.wait() == 0, process.tail()
    key: dict[str, str] = json.loads(process.stdout)
    return key


def status(url: str, token: str | None = None, **headers: str) -> int:
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return httpx2.get(f"{url}{PATH}", headers=headers, trust_env=False).status_code


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 - what is tested
@pytest.mark.parametrize("keys", [False, True])
@pytest.mark.parametrize("auth", ["auto", "none"])
def test_who_may_come_in(run: Run, host: str, keys: bool, auth: str) -> None:  # noqa: FBT001 - a parameter of the test
    assert run("migrate").wait() == 0
    token = create_key(run)["key"] if keys else None

    process = run("dev", NARAD_HOST=host, NARAD_AUTH=auth)

    if auth == "auto" and not keys and host != "127.0.0.1":
        assert process.wait() == 1
        assert f"NARAD_HOST={host}" in process.stderr
        assert "narad keys create" in process.stderr
        assert "NARAD_AUTH=none" in process.stderr
        return
    process.wait_until_ready()
    url = process.url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - what is tested
    needs_key = auth == "auto" and keys
    assert status(url) == (401 if needs_key else 200)
    assert status(url, token) == 200
    # Names are looked at where nobody needs a key: there a page could reach the service by a name of its own.
    assert status(url, token, Host="evil.example") == (200 if needs_key else 421)
    assert bool(process.events("api.open")) == (auth == "none")
    assert ("$NARAD_API_KEY" in process.stdout) == needs_key


def test_the_first_key_locks_a_service_that_runs_open(run: Run) -> None:
    process = run("dev")
    process.wait_until_ready()
    with httpx2.Client(base_url=process.url, trust_env=False) as client:
        assert client.get(PATH).status_code == 200

        key = create_key(run)

        wait_for_lock(client)
        assert status(process.url, key["key"]) == 200
        refused(client.post(PATH, json={"name": "too late"}), 401, "unauthenticated")


def test_a_service_stays_locked_when_its_last_key_is_revoked(run: Run) -> None:
    assert run("migrate").wait() == 0
    key = create_key(run)
    assert run("keys", "revoke", key["id"]).wait() == 0

    process = run("dev")
    process.wait_until_ready()

    assert status(process.url) == 401
    assert status(process.url, key["key"]) == 401


@pytest.mark.parametrize(("name", "answer"), [("tasks.example", 200), ("other.example", 421), ("localhost", 200)])
def test_further_names_are_those_of_the_setting(run: Run, name: str, answer: int) -> None:
    process = run("dev", NARAD_ALLOWED_HOSTS="Tasks.Example,api")
    process.wait_until_ready()

    assert status(process.url, Host=f"{name}:8000") == answer


def test_a_secret_key_of_the_settings_makes_the_keys_of_its_installation(run: Run) -> None:
    secret = {"NARAD_SECRET_KEY": "a secret of at least 32 characters"}
    assert run("migrate").wait() == 0
    made = run("keys", "create", "test", "--role", "viewer", **secret)
    assert made.wait() == 0
    token = made.stdout.strip()

    with_it, without = run("dev", **secret), run("dev")
    for process in (with_it, without):
        process.wait_until_ready()

    assert status(with_it.url, token) == 200
    assert status(without.url, token) == 401


def test_the_address_of_a_trusted_proxy_is_replaced_by_the_one_it_tells(run: Run) -> None:
    assert run("migrate").wait() == 0
    token = create_key(run, "--role", "viewer", "--network", "192.0.2.0/24")["key"]
    trusting, other = run("dev", NARAD_TRUSTED_PROXIES="127.0.0.1"), run("dev")
    for process in (trusting, other):
        process.wait_until_ready()

    told = {"X-Forwarded-For": "192.0.2.7"}
    assert status(trusting.url, token, **told) == 200
    assert status(trusting.url, token) == 403
    assert status(trusting.url, token, **{"X-Forwarded-For": "192.0.2.7, 198.51.100.1"}) == 403
    assert status(other.url, token, **told) == 403
