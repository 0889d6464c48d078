"""The pages speak every language whole: nothing is missing, uncertain or left over, and no text is in a template."""

import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from typing_extensions import override

from narad.api import problems
from narad.api.attempts import AttemptOutcome
from narad.dashboard.languages import PSEUDO, catalogue, languages, offered
from narad.dashboard.navigation import PLACES
from narad.dashboard.words import OUTCOME, PRIORITY, PROBLEMS, STATUS, STATUS_SIGN, WORKER_STATE
from narad.domain.fleet import WorkerState
from narad.domain.status import Priority, Status
from tests.support.catalogues import DASHBOARD, LOCALE, extracted, written

TAGS = sorted(path.stem for path in LOCALE.glob("*.po"))
TEMPLATES = sorted((DASHBOARD / "templates").glob("*.html"))
_NAMES = (
    "Narad", "\N{EN DASH} Narad", "RabbitMQ", "UTC", "Enter", "CSV", "Python", "curl", "narad worker", "narad tasks",
    "narad.Client",
)  # fmt: skip
"""Names and commands, which are the same in every language."""
_FILLED = re.compile(r"%\((\w+)\)s|%%")


def messages(tag: str) -> list[Message]:
    return [message for message in written(LOCALE / f"{tag}.po") if message.id]


def texts(value: str | Sequence[str] | None) -> list[str]:
    return [value or ""] if isinstance(value, str | None) else list(value)


def test_every_offered_language_has_its_catalogue() -> None:
    assert [language.tag for language in offered()] == ["en", *TAGS]
    assert PSEUDO in languages()


@pytest.mark.parametrize("tag", TAGS)
def test_nothing_is_missing_and_nothing_is_left_over(tag: str) -> None:
    wanted = {message.id for message in extracted() if message.id}
    found = {message.id for message in messages(tag)}

    assert found == wanted, "run make messages, and translate what it lists"
    assert [message.id for message in messages(tag) if message.fuzzy or not all(texts(message.string))] == []


@pytest.mark.parametrize("tag", TAGS)
def test_every_translation_fills_in_what_the_original_does(tag: str) -> None:
    for message in messages(tag):
        wanted = {name for text in texts(message.id) for name in _FILLED.findall(text)}
        for text in texts(message.string):
            assert set(_FILLED.findall(text)) == wanted, message.id


def test_russian_has_three_forms_of_a_number() -> None:
    words = languages()["ru"].words
    forms = [words.ngettext("%(shown)s task", "%(shown)s tasks", n) for n in (1, 2, 5, 11, 21, 22, 111)]

    assert [form.removeprefix("%(shown)s ") for form in forms] == [
        "задача", "задачи", "задач", "задач", "задача", "задачи", "задач",
    ]  # fmt: skip
    assert all(len(texts(message.string)) == 3 for message in messages("ru") if message.pluralizable)
    assert catalogue("ru").num_plurals == 3


def test_every_status_priority_outcome_and_problem_has_its_word() -> None:
    assert set(STATUS) == set(STATUS_SIGN) == set(Status)
    assert len(set(STATUS_SIGN.values())) == len(Status)
    assert set(PRIORITY) == set(Priority)
    assert set(WORKER_STATE) == set(WorkerState)
    assert set(OUTCOME) == set(AttemptOutcome.__value__.__args__)
    assert set(PROBLEMS) == {kind.slug for kind in problems.KINDS}


def test_every_place_of_the_header_has_its_own_letter() -> None:
    assert len({place.letter for place in PLACES}) == len(PLACES)


class _Literals(HTMLParser):
    """Words of a template that no language could change."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._script = 0

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._script += tag in {"script", "kbd"}
        spoken = {"title", "aria-label", "placeholder", "alt", "data-confirm"}
        self.found += [value for name, value in attrs if name in spoken and value and re.search(r"[A-Za-z]{2}", value)]

    @override
    def handle_endtag(self, tag: str) -> None:
        self._script -= tag in {"script", "kbd"}

    @override
    def handle_data(self, data: str) -> None:
        if not self._script and re.search(r"[A-Za-z]{2}", data):
            self.found.append(data.strip())


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_text_stands_in_a_template_untranslated(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    source = re.sub(r"\{% trans .*?\{% endtrans %\}", "", source, flags=re.DOTALL)
    parser = _Literals()
    parser.feed(re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", source, flags=re.DOTALL))
    parser.close()

    left = [text for text in parser.found if not text.startswith(_NAMES)]
    assert [text for text in left if "hx-" not in text and "=" not in text] == []  # macros that make attributes


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_trusts_nothing_and_runs_nothing(path: Path) -> None:
    source = path.read_text(encoding="utf-8")

    assert not re.search(r"\|\s*safe|Markup|autoescape|hx-on|js:|javascript:|\sstyle=|\son[a-z]+=", source)
    if path != DASHBOARD / "templates" / "macros.html":
        assert not re.search(r"\shx-(?!swap-oob)", source), "attributes of htmx belong into macros.html"
    for file in DASHBOARD.rglob("*.py"):
        assert "Markup(" not in file.read_text(encoding="utf-8")
