"""What is made once for an installation is made once, however many processes start at the same time."""

import asyncio

from narad.secrets import KEY_BYTES, Secrets
from tests.support.stores import opened


async def test_processes_that_start_together_share_one_secret(database_url: str) -> None:
    async with opened(database_url) as one, opened(database_url) as two:
        first, second = await asyncio.gather(one.installation.secret(), two.installation.secret())
        again = await two.installation.secret()

    assert first == second == again
    assert len(first) == KEY_BYTES


def test_a_key_is_for_one_purpose_and_of_one_secret() -> None:
    secrets = Secrets(b"x" * KEY_BYTES)

    assert secrets.derive("cursor") == Secrets(b"x" * KEY_BYTES).derive("cursor")
    assert len({secrets.derive("cursor"), secrets.derive("keys"), Secrets(b"y" * KEY_BYTES).derive("cursor")}) == 3


def test_a_secret_is_not_shown() -> None:
    assert "zzz" not in repr(Secrets(b"z" * KEY_BYTES))
