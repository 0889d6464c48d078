"""What handlers, queues and tags may be called."""

import re

HANDLER_NAME = r"^[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$"
QUEUE_NAME = r"^[a-z0-9][a-z0-9_-]*$"
LONGEST_HANDLER_NAME = 200
LONGEST_QUEUE_NAME = 64

_HANDLER = re.compile(HANDLER_NAME)
_QUEUE = re.compile(QUEUE_NAME)


def check_handler_name(name: str) -> str:
    """The name, if a handler may have it: words of letters, digits, `_` and `-`, joined by dots.

    Raises:
        ValueError: it may not.
    """
    if not _HANDLER.fullmatch(name) or len(name) > LONGEST_HANDLER_NAME:
        raise ValueError(f"{name!r} is not a name for a handler; write it like images.thumbnail")
    return name


def check_queue_name(name: str) -> str:
    """The name, if a queue may have it: small letters, digits, `_` and `-`; it becomes part of names in the broker.

    Raises:
        ValueError: it may not.
    """
    if not _QUEUE.fullmatch(name) or len(name) > LONGEST_QUEUE_NAME:
        raise ValueError(f"{name!r} is not a name for a queue; use small letters, digits, _ and -")
    return name
