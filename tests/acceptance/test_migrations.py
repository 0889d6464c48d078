"""The migration guides: both sides of each really run, and leave the same file behind."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.leash import Leash
from tests.support.readiness import log_tail
from tests.support.repository import ROOT
from tests.support.service import Embedded
from tests.support.tasks_api import wait_until

PEERS = ROOT / ".venv-peers" / "bin" / "python"
INVOICE = "Invoice 7: 19.99 EUR\n"
FILE = "invoice-7.txt"

WORKERS = {
    "from_celery": (
        str(PEERS), "-m", "celery", "-A", "examples.migrating.from_celery.before", "worker", "--pool", "solo",
        "--without-gossip", "--without-mingle",
    ),
    "from_dramatiq": (
        str(PEERS), "-m", "dramatiq", "examples.migrating.from_dramatiq.before", "--processes", "1", "--threads", "1",
    ),
    "from_aio_pika": (sys.executable, "-m", "examples.migrating.from_aio_pika.before"),
}  # fmt: skip
"""How the worker of each system is started."""


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    """Where invoices go."""
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    return outbox


@pytest.fixture
def environment(vhost: str, outbox: Path) -> dict[str, str]:
    """What the programs of the other systems read, and nothing of Narad."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith("NARAD_")}
    return keep | {"BROKER_URL": vhost, "OUTBOX": str(outbox), "PYTHONPATH": str(ROOT)}


def service_of(system: str, directory: Path, outbox: Path) -> Embedded:
    return Embedded(
        directory / "service",
        NARAD_HANDLERS=f"examples.migrating.{system}.after",
        NARAD_QUEUES="default,invoices",
        OUTBOX=str(outbox),
    )


@pytest.fixture
def service(request: pytest.FixtureRequest, tmp_path: Path, outbox: Path) -> Iterator[Embedded]:
    """A service that runs the handler of the guide which the test is about."""
    service = service_of(request.param, tmp_path, outbox)
    try:
        service.start()
        yield service
    finally:
        service.close()


def run(python: str, module: str, environment: dict[str, str]) -> str:
    if python == str(PEERS) and not PEERS.exists():
        pytest.fail("The environment of Celery and Dramatiq is not there; run: make venv-peers")
    command = [python, "-m", f"examples.migrating.{module}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)  # noqa: PLW1510
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("system", sorted(WORKERS))
def test_the_side_that_is_left_works_as_it_stands(
    system: str, environment: dict[str, str], outbox: Path, tmp_path: Path
) -> None:
    command = ["env", "-i", *(f"{name}={value}" for name, value in environment.items()), *WORKERS[system]]
    worker = Leash(command, log=tmp_path / "log")
    try:
        said = run(WORKERS[system][0], f"{system}.before_submit", environment)
        wait_until((outbox / FILE).exists, lambda: f"the invoice is there; {log_tail(tmp_path / 'log')}", seconds=60)
        wait_until(lambda: (outbox / FILE).read_text() == INVOICE, "the invoice is written")
    finally:
        worker.close()

    if system == "from_celery":
        assert json.loads(said) == {"file": FILE, "size": len(INVOICE)}


@pytest.mark.parametrize(("service", "system"), [(system, system) for system in sorted(WORKERS)], indirect=["service"])
def test_the_same_work_runs_on_narad(service: Embedded, system: str, outbox: Path) -> None:
    environment = dict(os.environ) | {"NARAD_URL": service.api.url, "PYTHONPATH": str(ROOT), "OUTBOX": str(outbox)}

    said = run(sys.executable, f"{system}.after_submit", environment)

    (task,) = service.api.list_all()
    done = service.api.wait_for(task["id"], "COMPLETED")
    assert (outbox / FILE).read_text() == INVOICE
    assert said in {task["id"], json.dumps(done["result"])}


@pytest.mark.parametrize("service", sorted(WORKERS), indirect=True)
def test_failures_are_retried_as_before_and_bad_arguments_refused(service: Embedded, outbox: Path) -> None:
    outbox.rmdir()
    task = service.api.create("invoices.render", {"order": 7, "cents": 1999})
    service.api.wait_for_failure(task["id"])
    outbox.mkdir()
    refused = service.api.post({"name": "t", "handler": "invoices.render", "payload": {"order": "seven"}})

    done = service.api.wait_for(task["id"], "COMPLETED")

    assert done["failures"] >= 1
    assert done["max_attempts"] == 5
    assert refused.status_code == 422


@pytest.mark.parametrize("service", ["from_aio_pika"], indirect=True)
def test_old_producers_go_on_over_the_bridge(
    service: Embedded, environment: dict[str, str], outbox: Path, tmp_path: Path
) -> None:
    environment |= {"NARAD_URL": service.api.url}
    run(sys.executable, "from_aio_pika.before_submit", environment)
    command = ["env", "-i", *(f"{name}={value}" for name, value in environment.items())]
    bridge = Leash([*command, sys.executable, "-m", "examples.migrating.from_aio_pika.bridge"], log=tmp_path / "log")
    try:
        wait_until((outbox / FILE).exists, lambda: f"the invoice is there; {log_tail(tmp_path / 'log')}")
    finally:
        bridge.close()

    (task,) = service.api.list_all()
    assert service.api.wait_for(task["id"], "COMPLETED")["result"] == FILE
