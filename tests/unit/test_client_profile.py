"""Which service the client asks, and with which key."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narad.client.errors import ConfigurationError
from narad.client.profile import (
    DEFAULT_URL,
    Profile,
    Profiles,
    config_path,
    connection,
    read_profiles,
    write_profiles,
)

STAGING = Profile("https://staging.example", "nrd_staging")
LIVE = Profile("https://live.example", "nrd_live")
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment with two profiles, of which staging counts."""
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    write_profiles(Profiles({"staging": STAGING, "live": LIVE}, "staging"), config_path(environ))
    return environ


def test_this_machine_is_asked_where_nothing_is_said(tmp_path: Path) -> None:
    assert connection(environ={"XDG_CONFIG_HOME": str(tmp_path)}) == Profile(DEFAULT_URL)


def test_what_is_said_nearer_wins(environ: dict[str, str]) -> None:
    variables = environ | {"NARAD_URL": "https://env.example/", "NARAD_API_KEY": "nrd_env"}

    assert connection(environ=environ) == STAGING
    assert connection(environ=environ | {"NARAD_PROFILE": "live"}) == LIVE
    assert connection(environ=variables) == Profile("https://env.example", "nrd_env")
    assert connection(profile="live", environ=variables) == LIVE
    assert connection("https://x.example/", "nrd_x", environ=variables) == Profile("https://x.example", "nrd_x")


def test_the_key_of_a_profile_goes_nowhere_else(environ: dict[str, str]) -> None:
    assert connection("https://evil.example", environ=environ) == Profile("https://evil.example")
    assert connection("https://evil.example", profile="live", environ=environ) == Profile("https://evil.example")
    assert connection("https://live.example/", profile="live", environ=environ) == LIVE
    assert "nrd_live" not in repr(LIVE)


def test_a_profile_that_is_not_there_is_named_with_those_that_are(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=r"no profile 'liv' .*; known: live, staging"):
        connection(profile="liv", environ=environ)


def test_a_file_that_others_may_read_is_refused(environ: dict[str, str]) -> None:
    path = config_path(environ)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)

    with pytest.raises(ConfigurationError, match="chmod 600"):
        connection(environ=environ)


@pytest.mark.parametrize(
    "text", ["not toml", "[profiles.x]", "[profiles.x]\nurl = 7", "profiles = 3", "current = 1", "[profiles]\nx = 'y'"]
)
def test_a_file_that_is_not_understood_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    path.chmod(0o600)

    with pytest.raises(ConfigurationError, match=r"config\.toml"):
        read_profiles(path)


@given(st.dictionaries(_TEXT, st.builds(Profile, _TEXT, st.none() | _TEXT), max_size=3), st.none() | _TEXT)
def test_profiles_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, by_name: dict[str, Profile], current: str | None
) -> None:
    path = tmp_path_factory.mktemp("profiles") / "narad" / "config.toml"
    written = Profiles(by_name, current)

    write_profiles(written, path)

    assert read_profiles(path) == written
    assert [one.name for one in path.parent.iterdir()] == ["config.toml"]
