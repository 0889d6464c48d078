"""The documents of the settings are complete and in step with the code. A failure says what to paste."""

import re
from pathlib import Path

import pytest

from narad.settings import Settings, load_settings, variable
from tests.support.repository import text_of
from tests.support.settings_reference import description_of, env_example, settings_table


def test_the_env_example_is_what_the_settings_say() -> None:
    expected = env_example()

    assert text_of(".env.example") == expected, f"write this to .env.example:\n\n{expected}"


def test_the_table_of_settings_is_what_the_settings_say() -> None:
    text = text_of("docs/configuration.md")
    expected = settings_table()

    found = re.search(r"^\| variable \| default \| meaning \|\n(\|.*\n)+", text, re.MULTILINE)

    assert found is not None
    assert found.group() == expected, f"write this table to docs/configuration.md:\n\n{expected}"


def test_copied_and_uncommented_the_env_example_gives_the_defaults() -> None:
    assignments = re.findall(r"^# (NARAD_\w+=.*)$", text_of(".env.example"), re.MULTILINE)
    Path(".env").write_text("\n".join(assignments))

    settings = load_settings()

    assert len(assignments) == len(Settings.model_fields)
    assert settings.model_fields_set == set(Settings.model_fields)
    Path(".env").unlink()
    assert settings == load_settings()


def test_the_env_example_sets_nothing_as_it_stands() -> None:
    assert not re.findall(r"^[^#\n]", text_of(".env.example"), re.MULTILINE)


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_has_a_description_of_one_line(field: str) -> None:
    description = description_of(field)

    assert description.endswith("."), variable(field)
    assert "\n" not in description
    assert len(f"# {description}") <= 120
