"""The example `examples/digests.py` on real files, with every result compared to one computed directly."""

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import REPOSITORY
from tests.support.service import Embedded, StartDistributed
from tests.support.tasks_api import TasksApi, submit_all

PRIORITIES = ("LOW", "MEDIUM", "HIGH")


def tracked_files() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, check=True, capture_output=True, timeout=30)
    return [name for name in listed.stdout.decode().split("\0") if name and (REPOSITORY / name).is_file()]


def digest(data: bytes) -> dict[str, str | int]:
    return {
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "lines": data.count(b"\n"),
        "words": len(data.split()),
    }


async def test_every_file_of_this_repository_is_digested(start_distributed: StartDistributed, tag: str) -> None:
    service = start_distributed(DIGESTS_ROOT=str(REPOSITORY))
    files = tracked_files()
    assert files

    await submit_all(
        service.api.url,
        [
            {"name": name[-200:], "handler": "files.digest", "payload": {"path": name}, "tags": [tag], "priority": p}
            for n, name in enumerate(files)
            for p in [PRIORITIES[n % 3]]
        ],
    )
    done = [service.api.get(task["id"]) for task in service.api.wait_until_done(tag)]

    results = {task["payload"]["path"]: task["result"] for task in done}
    assert results == {name: digest((REPOSITORY / name).read_bytes()) for name in files}
    assert {task["worker_id"] for task in done} == {worker.worker_id for worker in service.workers}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with files and links, and more around it."""
    around = tmp_path_factory.mktemp("files")
    root = around / "root"
    (root / "below").mkdir(parents=True)
    (around / "secret").write_text("not for others")
    (around / "root-secret").write_text("the name begins like the root's")
    (root / "file").write_bytes(b"one two\nthree")
    (root / "empty").touch()
    (root / "large").write_bytes(b"word " * 300_000 + b"\xff\x00 w\xc3\xb6rd\n" * 10_000)
    (root / "inside").symlink_to("below/../file")
    (root / "out").symlink_to(around)
    (root / "secret").symlink_to("../secret")
    (root / "loop").symlink_to("loop")
    return root


@pytest.fixture(scope="module")
def api(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TasksApi]:
    """A service for the files of the directory."""
    service = Embedded(tmp_path_factory.mktemp("digests") / "service", DIGESTS_ROOT=str(root))
    try:
        service.start()
        yield service.api
    finally:
        service.close()


def test_a_digest_does_not_depend_on_how_the_file_is_read(api: TasksApi, root: Path) -> None:
    for name in ("file", "empty", "large", "inside", "below/../file"):
        task = api.create("files.digest", {"path": name})

        done = api.wait_for(task["id"], "COMPLETED")

        assert done["result"] == digest((root / name).read_bytes())


def test_nothing_outside_the_directory_is_read(api: TasksApi, root: Path) -> None:
    for path in ("../secret", "..", "below/../../secret", "../root-secret", "out/secret", "secret", f"{root}/file"):
        task = api.create("files.digest", {"path": path})

        failed = api.wait_for(task["id"], "FAILED")

        assert failed["error"]["type"] == "Fatal"
        assert failed["error"]["message"] == f"{path} leads out of the directory of this service."
        assert failed["attempt"] == 1


def test_what_is_no_file_is_said_so(api: TasksApi) -> None:
    for path in ("nothing", "below", "", ".", "loop", "file/below", "x" * 5_000):
        task = api.create("files.digest", {"path": path})

        failed = api.wait_for(task["id"], "FAILED")

        assert failed["error"]["type"] == "Fatal"
        assert failed["error"]["message"] == f"There is no file {path}."
