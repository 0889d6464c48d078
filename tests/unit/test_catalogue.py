"""Handlers found in modules, and their entries in the catalogue."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from textwrap import dedent

import pytest

from narad import handler
from narad.errors import ConfigurationError
from narad.store.catalogue import CatalogueEntry
from narad.worker.catalogue import describe
from narad.worker.handler import AnyHandler
from narad.worker.loading import load_handler, load_handlers

HEAD = "from narad import handler\n"
ONE = HEAD + "@handler('one')\ndef one(): ...\n"

Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a module that can be imported; returns its name, which no other test has."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(text: str) -> str:
        name = f"written_{token_hex(6)}"
        (tmp_path / f"{name}.py").write_text(dedent(text))
        return name

    return write


def entry_of(target: AnyHandler) -> CatalogueEntry:
    [entry] = describe([target])
    return entry


def test_the_handlers_of_all_modules_are_found_by_their_names(write: Write) -> None:
    first = write(ONE + "@handler('two')\nasync def second(): ...\nnot_one = 3\n")
    other = write(HEAD + "@handler('three')\ndef third(): ...\n")

    found = load_handlers([first, other])

    assert sorted(found) == ["one", "three", "two"]
    assert all(name == handler.name for name, handler in found.items())


def test_a_handler_with_two_names_in_the_code_or_imported_elsewhere_is_one_handler(write: Write) -> None:
    home = write(ONE + "alias = one\n")
    elsewhere = write(f"from {home} import one as imported\n")

    found = load_handlers([home, elsewhere, home])

    assert list(found) == ["one"]


def test_a_handler_can_be_found_again_in_the_module_that_it_was_found_in(write: Write) -> None:
    functions = write("def work(): ...\n")
    name = write(f"from narad import handler\nfrom {functions} import work\nhere = handler('one')(work)\n")

    found = load_handlers([name])["one"]

    assert (found.function.__module__, found.home) == (functions, name)
    assert load_handler(found.home, "one") is found
    with pytest.raises(ConfigurationError, match=f"Module {name} does not hold the handler two"):
        load_handler(name, "two")


def test_no_modules_hold_no_handlers() -> None:
    assert load_handlers([]) == {}


def test_a_module_without_handlers_is_refused_naming_it(write: Write) -> None:
    name = write("def one(): ...\n")

    with pytest.raises(ConfigurationError, match=f"^Module {name} holds no handler"):
        load_handlers([name])


@pytest.mark.parametrize("name", ["no.such.module", "narad.no_such", "", ".relative", "a b"])
def test_a_module_that_is_not_there_is_refused_naming_it(name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_handlers([name])

    assert str(caught.value).startswith(f"Module {name} cannot be imported: ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import no_such_module", "No module named 'no_such_module'"),
        ("def broken(:", "SyntaxError"),
        (HEAD + "@handler('a b')\ndef f(): ...", "'a b' is not a name for a handler"),
        (HEAD + "@handler('a')\ndef f(x, /): ...", "f: parameter 'x' cannot be given by keyword"),
        (HEAD + "@handler('a')\ndef f(x: 'Missing'): ...", "parameter 'x': NameError: name 'Missing' is not defined"),
    ],
)
def test_a_module_that_cannot_be_imported_is_refused_saying_why(write: Write, text: str, words: str) -> None:
    name = write(text)

    with pytest.raises(ConfigurationError, match=f"^Module {name} cannot be imported: ") as caught:
        load_handlers([name])

    assert words in str(caught.value)


def test_two_handlers_of_one_name_are_refused_naming_both_places(write: Write) -> None:
    first, second = write(ONE), write(HEAD + "@handler('one')\ndef another(): ...\n")

    with pytest.raises(ConfigurationError) as caught:
        load_handlers([first, second])

    assert f"called one: {first}.one and {second}.another" in str(caught.value)


def resize(width: int, height: int = 1) -> dict[str, int]:
    """Resize a picture.

    To any size.
    """
    return {"width": width, "height": height}


def other_payload(width: int, height: str = "1") -> dict[str, int]:
    """Resize a picture."""
    return {}


def other_default(width: int, height: int = 2) -> dict[str, int]:
    """Resize a picture."""
    return {}


def other_result(width: int, height: int = 1) -> dict[str, float]:
    """Resize a picture."""
    return {}


def test_an_entry_says_all_that_is_known_of_a_handler() -> None:
    entry = entry_of(handler("images.resize", queue="images", timeout=9)(resize))

    assert replace(entry, fingerprint="") == CatalogueEntry(
        name="images.resize",
        fingerprint="",
        queue="images",
        title="Resize a picture.",
        description="To any size.",
        payload_schema={
            "title": "resize",
            "type": "object",
            "properties": {
                "width": {"title": "Width", "type": "integer"},
                "height": {"title": "Height", "type": "integer", "default": 1},
            },
            "required": ["width"],
            "additionalProperties": False,
        },
        result_schema={"type": "object", "additionalProperties": {"type": "integer"}},
        options=dict.fromkeys(handler("a")(resize).options.as_json()) | {"timeout_seconds": 9},
    )


@pytest.mark.parametrize(
    "other",
    [
        handler("a")(other_payload),
        handler("a")(other_default),
        handler("a")(other_result),
        handler("a", queue="other")(resize),
        handler("a", timeout=1)(resize),
        handler("a", max_attempts=1)(resize),
        handler("a", backoff_seconds=1)(resize),
        handler("a", backoff_cap_seconds=1)(resize),
        handler("a", isolation="process")(resize),
        handler("a", priority="HIGH")(resize),
        handler("a", expires_in=1)(resize),
        handler("a", backoff="fixed")(resize),
        handler("a", jitter=False)(resize),
        handler("a", redact=["width"])(resize),
        handler("a", version="2")(resize),
    ],
)
def test_the_fingerprint_changes_with_schemas_queue_and_options(other: AnyHandler) -> None:
    # The name of the function is the title of the schema, so it is made the same.
    other.function.__name__ = "resize"
    plain, changed = entry_of(handler("a")(resize)), entry_of(handler("a", queue="default")(other.function))

    assert plain.fingerprint != entry_of(other).fingerprint
    assert (changed.fingerprint == plain.fingerprint) == (other.function is resize)


def test_the_fingerprint_stays_with_anything_else() -> None:
    def resize(width: int, height: int = 1) -> dict[str, int]:
        """Do the same by other means."""
        return {"height": height, "width": width}

    there = globals()["resize"]

    assert entry_of(handler("a")(resize)).fingerprint == entry_of(handler("a")(there)).fingerprint


def test_the_fingerprint_is_the_same_in_every_process() -> None:
    code = """if True:
        from narad.handlers.demo import simulate
        from narad.worker.catalogue import describe
        print(describe([simulate])[0].fingerprint)
    """

    prints = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(prints) == 1
