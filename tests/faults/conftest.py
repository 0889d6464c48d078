"""A PostgreSQL and a RabbitMQ that may be killed, and a fresh Narad on them for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.scene import StartScene
from tests.support.servers import Postgres, Rabbit
from tests.support.stage import audited_postgres, fresh_rabbit, scenery


@pytest.fixture(scope="package")
def fault_postgres() -> Iterator[Postgres]:
    """The PostgreSQL of this tier."""
    with audited_postgres() as server:
        yield server


@pytest.fixture(scope="package")
def fault_rabbit() -> Iterator[Rabbit]:
    """The RabbitMQ of this tier."""
    with fresh_rabbit() as server:
        yield server


@pytest.fixture
def start_scene(fault_postgres: Postgres, fault_rabbit: Rabbit, tmp_path: Path) -> Iterator[StartScene]:
    """Starts the one Narad of a test, and sees in the end that none of its processes complained."""
    with scenery(fault_postgres, fault_rabbit, tmp_path / "scene") as start:
        yield start
