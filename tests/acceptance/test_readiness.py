"""`/readyz`: what is looked at. That a service without its broker is degraded is tried where one is stopped."""

from tests.support.service import Embedded, StartDistributed
from tests.support.tasks_api import wait_until

GOOD = {"store": "ok", "schema": "ok", "process": "ok"}


def test_each_part_of_a_service_without_a_broker_is_told(embedded: Embedded) -> None:
    answer = embedded.api.http.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "checks": GOOD}


def test_each_part_of_a_service_with_a_broker_is_told(start_distributed: StartDistributed) -> None:
    api = start_distributed(workers=0).api

    # It serves before it has its broker.
    wait_until(lambda: api.http.get("/readyz").json()["status"] == "ok", "the broker is there")

    answer = api.http.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "checks": {**GOOD, "broker": "ok"}}
