"""Directories of attempts: whose they are, and when others may remove them."""

import fcntl
import os
from pathlib import Path

import pytest

from narad.ids import new_id
from narad.worker import workspace


@pytest.fixture(autouse=True)
def temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """What is the place of temporary files here."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def left_behind() -> Path:
    """A directory as a killed process leaves it: full, and nobody holds its lock."""
    made = workspace.make(new_id(), 1)
    (made.place / "deep").mkdir()
    (made.place / "deep" / "file").write_text("x")
    os.close(made.lock)
    return made.place


def test_a_directory_is_removed_once_its_process_is_gone_and_not_before() -> None:
    left, used = left_behind(), workspace.make(new_id(), 1)

    assert workspace.remove_left() == 1

    assert not left.exists()
    assert used.place.exists()
    used.remove()
    assert not used.place.exists()


def test_nothing_but_directories_of_attempts_is_removed(temporary: Path) -> None:
    (temporary / "narad-backup").mkdir()
    (temporary / f"narad-{new_id()}-1").write_text("a file")
    (temporary / "elsewhere").mkdir()
    (temporary / f"narad-{new_id()}-2").symlink_to(temporary / "elsewhere")
    before = sorted(temporary.iterdir())

    assert workspace.remove_left() == 0

    assert sorted(temporary.iterdir()) == before


def test_directories_of_other_users_are_not_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    left = left_behind()
    user = os.geteuid()

    monkeypatch.setattr("os.geteuid", lambda: user + 1)
    assert workspace.remove_left() == 0
    assert left.exists()


def test_a_directory_that_is_taken_for_a_left_one_while_it_is_made_is_made_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lock = fcntl.flock
    removed: list[int] = []

    def removed_before(file: int, operation: int) -> None:
        if not removed:
            removed.append(0)
            removed[0] = workspace.remove_left()
        lock(file, operation)

    monkeypatch.setattr("fcntl.flock", removed_before)
    made = workspace.make(new_id(), 1)

    assert removed == [1]
    assert made.place.exists()
    assert workspace.remove_left() == 0
    made.remove()


def test_a_place_of_temporary_files_that_cannot_be_listed_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(temporary / "none"))

    assert workspace.remove_left() == 0


def test_a_directory_made_anew_in_the_same_place_is_not_taken_for_the_one_that_was_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task_id = new_id()
    place = workspace.make(task_id, 1).place
    remade: list[workspace.Workspace] = []
    lock = fcntl.flock

    def made_anew_meanwhile(file: int, how: int) -> None:
        """Another worker removes what was left, and the attempt makes its own, before this one has the lock."""
        if how & fcntl.LOCK_NB and not remade:
            place.rmdir()
            remade.append(workspace.make(task_id, 1))
            return
        lock(file, how)

    monkeypatch.setattr("fcntl.flock", made_anew_meanwhile)

    assert workspace.remove_left() == 0

    assert place.exists()
