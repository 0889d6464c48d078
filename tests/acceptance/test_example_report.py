"""The examples `examples/report.py` and `examples/app.py`: reports of a real file, and an application that waits."""

import csv
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import httpx2
import pytest

from tests.support.leash import Leash
from tests.support.ports import free_port
from tests.support.readiness import wait_until_ready
from tests.support.repository import ROOT
from tests.support.service import Embedded
from tests.support.tasks_api import TasksApi

DATA = ROOT / "examples" / "data"
HEAD = "date,order,region,product,quantity,unit_price\n"
FAULTY = {"90001", "90002", "90003", "90004"}
"""The orders of lines that make no sense, by the eyes of a person."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of the example, and files that are not as they should be."""
    root = tmp_path_factory.mktemp("sales") / "root"
    root.mkdir()
    (root / "sales.csv").write_bytes((DATA / "sales.csv").read_bytes())
    (root / "empty.csv").write_text(HEAD)
    (root / "other.csv").write_text("date,amount\n2025-01-01,3\n")
    (root / "short.csv").write_text(HEAD + "2025-01-01,1,North,Kettle\n2025-01-01,2,North,Kettle,1,0.015\n")
    (root.parent / "secret.csv").write_text(HEAD)
    return root


@pytest.fixture(scope="module")
def service(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """A service for the files of the directory."""
    directory = tmp_path_factory.mktemp("reports") / "service"
    service = Embedded(directory, NARAD_HANDLERS="examples.report,tests.support.handlers", SALES_ROOT=str(root))
    try:
        service.start()
        yield service
    finally:
        service.close()


@pytest.fixture
def api(service: Embedded) -> TasksApi:
    """The HTTP API of the service."""
    return service.api


def sums_by(column: int, width: int | None = None) -> dict[str, Decimal]:
    """Revenue by a column of the file, or the first characters of it, reckoned in another way: in cents."""
    cents = Counter[str]()
    for row in csv.reader((DATA / "sales.csv").read_text().splitlines()[1:]):
        if row[1] not in FAULTY:
            cents[row[column][:width]] += int(row[4]) * int(row[5].replace(".", ""))
    return {key: Decimal(value) / 100 for key, value in cents.items()}


@pytest.mark.parametrize(("by", "column", "width"), [("region", 2, None), ("product", 3, None), ("month", 0, 7)])
def test_every_sum_is_right_to_the_cent(api: TasksApi, by: str, column: int, width: int | None) -> None:
    task = api.create("reports.sales", {"path": "sales.csv", "by": by})

    report = api.wait_for(task["id"], "COMPLETED")["result"]

    expected = sums_by(column, width)
    assert {key: Decimal(group["revenue"]) for key, group in report["groups"].items()} == expected
    assert Decimal(report["revenue"]) == sum(expected.values())
    assert report["rows"] == sum(group["orders"] for group in report["groups"].values()) == 670


def test_lines_that_make_no_sense_are_named(api: TasksApi) -> None:
    done = api.wait_for(api.create("reports.sales", {"path": "sales.csv"})["id"], "COMPLETED")

    assert [fault.split(":")[0] for fault in done["result"]["faults"]] == [
        "line 98", "line 241", "line 402", "line 556",
    ]  # fmt: skip
    assert done["result"]["left_out"] == 4
    assert (done["result"]["first"], done["result"]["last"]) == ("2025-01-04", "2025-12-31")
    assert done["progress"]["value"] == 1


def test_files_that_are_none_of_sales_say_so(api: TasksApi) -> None:
    for path, message in (
        ("other.csv", "other.csv lacks the columns order, region, product, quantity, unit_price."),
        ("none.csv", "There is no file none.csv."),
        ("../secret.csv", "There is no file ../secret.csv."),
    ):
        failed = api.wait_for(api.create("reports.sales", {"path": path})["id"], "FAILED")
        assert (failed["attempt"], failed["error"]["message"]) == (1, message)


def test_short_and_empty_files_have_short_and_empty_reports(api: TasksApi) -> None:
    empty = api.wait_for(api.create("reports.sales", {"path": "empty.csv"})["id"], "COMPLETED")["result"]
    short = api.wait_for(api.create("reports.sales", {"path": "short.csv"})["id"], "COMPLETED")["result"]

    assert (empty["rows"], empty["groups"], empty["first"]) == (0, {}, None)
    assert (short["rows"], short["left_out"]) == (0, 2)


@pytest.fixture
def application(service: Embedded, tmp_path: Path) -> Iterator[httpx2.Client]:
    """`uvicorn examples.app:app`, as its first lines say, asking the service."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "examples.app:app", "--port", str(port)]
    keep = {name: value for name, value in os.environ.items() if not name.startswith("NARAD_")}
    environment = keep | {"NARAD_URL": service.api.url, "PYTHONPATH": str(ROOT)}
    leash = Leash(
        ["env", "-i", *(f"{name}={value}" for name, value in environment.items()), *command], log=tmp_path / "log"
    )
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
            wait_until_ready(
                "the application", leash, tmp_path / "log", lambda: client.get("/openapi.json"),
                not_yet=(httpx2.TransportError,), seconds=30,
            )  # fmt: skip
            yield client
    finally:
        leash.close()


def test_an_application_submits_and_waits(application: httpx2.Client, api: TasksApi) -> None:
    body, key = {"path": "sales.csv", "by": "month"}, {"Idempotency-Key": "the-report-of-2025"}

    first, again = (application.post("/reports", json=body, headers=key) for _ in range(2))

    assert (first.status_code, first.json()["status"]) == (200, "COMPLETED")
    assert {key: Decimal(one["revenue"]) for key, one in first.json()["report"]["groups"].items()} == sums_by(0, 7)
    assert again.json() == first.json()
    assert application.get(f"/reports/{first.json()['id']}").json() == first.json()
    assert api.get(first.json()["id"])["name"] == "Sales by month"


def test_an_application_passes_on_what_went_wrong(application: httpx2.Client) -> None:
    failed = application.post("/reports", json={"path": "other.csv"})
    unknown = application.get("/reports/01a20e3b-13d4-710e-a465-88f65213e80e")

    assert (failed.status_code, failed.json()["detail"].split()[0]) == (422, "other.csv")
    assert unknown.status_code == 404


def test_an_application_says_where_to_ask_later(application: httpx2.Client, service: Embedded) -> None:
    task = service.api.create("reports.sales", {"path": "sales.csv"}, run_at="2100-01-01T00:00:00Z")

    answer = application.get(f"/reports/{task['id']}?wait=0.2")

    assert (answer.status_code, answer.headers["Location"]) == (202, f"/reports/{task['id']}")
    assert answer.json()["status"] in {"NEW", "PENDING"}
    service.api.cancel(task["id"])


def test_the_commands_of_the_examples_name_files_that_exist() -> None:
    """What they tell people to start can be imported; their data is where they say."""
    for name in ("app", "crawler", "digests", "report", "thumbnails"):
        subprocess.run([sys.executable, "-W", "error", "-c", f"import examples.{name}"], check=True, cwd=ROOT)
    assert (DATA / "sales.csv").is_file()
