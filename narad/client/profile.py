"""Which service is meant: what the caller says, else the environment, else a profile, else this machine.

Profiles are in `narad/config.toml` under the user's configuration folder, which the command line reads and writes too:

    current = "staging"

    [profiles.staging]
    url = "https://narad.example.org"
    api_key = "nrd_…"
"""

import json
import os
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkstemp

from narad.client.errors import ConfigurationError

DEFAULT_URL = "http://127.0.0.1:8000"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Profile:
    """A service, and the key for it."""

    url: str
    api_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Profiles:
    """The profiles of the user, and which of them counts unless another is named."""

    by_name: Mapping[str, Profile] = field(default_factory=dict)
    current: str | None = None

    def named(self, name: str) -> Profile:
        """The profile of that name.

        Raises:
            ConfigurationError: there is none.
        """
        if name not in self.by_name:
            known = ", ".join(sorted(self.by_name)) or "none"
            raise ConfigurationError(f"There is no profile {name!r} in {config_path()}; known: {known}.")
        return self.by_name[name]


def config_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the profiles of the user are."""
    if sys.platform == "win32":
        folder = Path(environ.get("APPDATA") or Path.home() / "AppData/Roaming")
    else:
        folder = Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return folder / "narad" / "config.toml"


def read_profiles(path: Path | None = None) -> Profiles:
    """The profiles in a file; none where there is no file.

    Raises:
        ConfigurationError: others may read the file, or it is not understood.
    """
    path = path or config_path()
    try:
        with path.open("rb") as file:
            import tomllib  # noqa: PLC0415 - most have no such file

            mode = os.fstat(file.fileno()).st_mode
            said = tomllib.load(file)
    except FileNotFoundError:
        return Profiles()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    if os.name == "posix" and mode & _OTHERS:
        raise ConfigurationError(f"{path} holds keys and can be read by others; do: chmod 600 {path}")
    try:
        by_name = {
            name: Profile(url=_text(one["url"]), api_key=_text(one["api_key"]) if "api_key" in one else None)
            for name, one in said.get("profiles", {}).items()
        }
        return Profiles(by_name, _text(said["current"]) if "current" in said else None)
    except (KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{path} is not understood: a profile needs a url, and texts are in quotes") from error


def write_profiles(profiles: Profiles, path: Path | None = None) -> None:
    """Write the profiles to a file that the user alone may read, whole or not at all."""
    path = path or config_path()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = mkstemp(dir=path.parent, prefix=".config-")  # with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(_toml(profiles))
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def connection(
    base_url: str | None = None,
    api_key: str | None = None,
    profile: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Profile:
    """The service that is meant, and the key for it.

    A key is sent only where it belongs: that of a profile goes to the address of the profile alone.

    Raises:
        ConfigurationError: the profile that is named does not exist, or the file cannot be read.
    """
    environ = os.environ if environ is None else environ
    url, key = base_url, api_key
    if profile is None:
        url, key = url or environ.get("NARAD_URL"), key or environ.get("NARAD_API_KEY")
        profile = environ.get("NARAD_PROFILE")
    if url and (key or profile is None):
        return Profile(url.rstrip("/"), key or None)
    chosen = _chosen(profile, config_path(environ))
    url = (url or chosen.url).rstrip("/")
    return Profile(url, key or (chosen.api_key if url == chosen.url.rstrip("/") else None))


def _chosen(name: str | None, path: Path) -> Profile:
    profiles = read_profiles(path)
    name = name or profiles.current
    return Profile(DEFAULT_URL) if name is None else profiles.named(name)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _toml(profiles: Profiles) -> str:
    """Texts of JSON are texts of TOML."""

    def quoted(text: str) -> str:
        return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

    lines = [] if profiles.current is None else [f"current = {quoted(profiles.current)}", ""]
    for name, one in profiles.by_name.items():
        lines += [f"[profiles.{quoted(name)}]", f"url = {quoted(one.url)}"]
        lines += [f"api_key = {quoted(one.api_key)}"] if one.api_key else []
        lines += [""]
    return "\n".join(lines)
