"""The decorator, and what the catalogue says of a handler."""

import math
from collections.abc import Callable
from datetime import timedelta

import pytest

from narad import Context, Handler, handler
from narad.domain.names import LONGEST_QUEUE_NAME
from narad.worker.signature import SignatureError


@handler("images.thumbnail", queue="images", timeout=timedelta(minutes=2), max_attempts=5, backoff_seconds=1.5)
async def thumbnail(url: str, width: int = 10) -> str:
    """Make a thumbnail.

    It is small.

    Very small.
    """
    return f"{url}@{width}"


@handler("plain")
def plain(width: int) -> int:
    return width * 2


def takes_anything(number: int = 0) -> int:
    """Take a number or none."""
    return number


def test_calling_a_handler_calls_the_plain_function_without_any_checks() -> None:
    assert plain(3) == 6
    assert plain("ab") == "abab"  # type: ignore[arg-type, comparison-overlap]  # nothing is checked


def test_a_handler_takes_every_keyword_that_its_function_takes() -> None:
    @handler("open")
    def open_ended(**more: int) -> dict[str, int]:
        """Return what is given."""
        return more

    assert open_ended(self=1) == {"self": 1}


async def test_an_async_handler_is_awaited_as_the_function_would_be() -> None:
    assert await thumbnail("x", width=5) == "x@5"


def test_a_handler_knows_how_its_function_is_run() -> None:
    assert thumbnail.is_async
    assert not plain.is_async


def test_a_handler_keeps_the_name_and_the_docstring_of_its_function() -> None:
    assert (vars(thumbnail)["__name__"], thumbnail.__module__) == ("thumbnail", __name__)
    assert thumbnail.__doc__ == thumbnail.function.__doc__
    assert repr(thumbnail) == f"<handler images.thumbnail in {__name__}.thumbnail>"


def test_the_docstring_is_split_into_title_and_description() -> None:
    assert (thumbnail.title, thumbnail.description) == ("Make a thumbnail.", "It is small.\n\nVery small.")
    assert (plain.title, plain.description) == (None, None)


def test_the_options_are_those_of_the_decorator_and_none_leaves_them_to_the_settings() -> None:
    assert thumbnail.options.queue == "images"
    assert thumbnail.options.as_json() == {
        "priority": None,
        "timeout_seconds": 120,
        "expires_in_seconds": None,
        "max_attempts": 5,
        "backoff": None,
        "backoff_seconds": 1.5,
        "backoff_cap_seconds": None,
        "jitter": None,
        "isolation": None,
        "redact": None,
        "version": None,
    }
    assert plain.options.queue == "default"
    assert set(plain.options.as_json().values()) == {None}


@pytest.mark.parametrize("name", ["", "a b", "1", "a..b", "ä"])
def test_a_name_that_no_handler_may_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a name for a handler"):
        handler(name)(takes_anything)


@pytest.mark.parametrize("queue", ["", "Images", "a.b", "x" * (LONGEST_QUEUE_NAME + 1)])
def test_a_queue_that_cannot_be_is_refused(queue: str) -> None:
    with pytest.raises(ValueError, match="is not a name for a queue"):
        handler("a", queue=queue)(takes_anything)


MISTAKES: list[tuple[str, Callable[[], object]]] = [
    ("timeout", lambda: handler("a", timeout=0)),
    ("timeout", lambda: handler("a", timeout=timedelta(seconds=-1))),
    ("max_attempts", lambda: handler("a", max_attempts=0)),
    ("backoff_seconds", lambda: handler("a", backoff_seconds=-0.1)),
    ("backoff_cap_seconds", lambda: handler("a", backoff_cap_seconds=-1)),
    ("timeout", lambda: handler("a", timeout=math.inf)),
    ("timeout", lambda: handler("a", timeout=math.nan)),
    ("backoff_seconds", lambda: handler("a", backoff_seconds=math.inf)),
    ("timeout", lambda: handler("a", timeout=timedelta.max)),
    ("timeout", lambda: handler("a", timeout="5")),  # type: ignore[arg-type]  # a mistake that users make
    ("max_attempts", lambda: handler("a", max_attempts=1.5)),  # type: ignore[arg-type]  # as above
    ("retry_on", lambda: handler("a", retry_on=OSError)),  # type: ignore[arg-type]  # as above
    ("retry_on", lambda: handler("a", retry_on=("OSError",))),  # type: ignore[arg-type]  # as above
]


@pytest.mark.parametrize(("what", "decorate"), MISTAKES)
def test_a_number_that_makes_no_sense_is_refused_naming_it(what: str, decorate: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=f"^handler 'a': {what} must be"):
        decorate()


def test_a_handler_is_not_made_a_handler_again() -> None:
    inner = handler("a.inner")(takes_anything)

    with pytest.raises(SignatureError, match=r"takes_anything is the handler a\.inner already and cannot be a\.outer"):
        handler("a.outer")(inner)


def test_one_function_may_be_a_handler_under_two_names() -> None:
    inner = handler("a.inner")(takes_anything)

    outer = handler("a.outer", queue="other")(inner.function)

    assert (inner.name, inner.options.queue) == ("a.inner", "default")
    assert (outer.name, outer.options.queue) == ("a.outer", "other")
    assert outer(3) == 3


def test_attributes_of_the_function_do_not_change_the_handler() -> None:
    def marked(number: int) -> int:
        """Have attributes of its own."""
        return number

    vars(marked).update(name="marked", options=None, signature=None, function=None)

    made = handler("a.marked")(marked)

    assert (made.name, made.options.queue, made(3)) == ("a.marked", "default", 3)


def test_the_public_names_are_the_ones_that_handlers_are_written_with() -> None:
    assert isinstance(thumbnail, Handler)
    assert Context.__module__ == "narad.worker.context"
