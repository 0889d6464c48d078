"""What exceptions say, even those that cannot say anything: their texts come from the code of users."""

import traceback

LONGEST_MESSAGE = 10_000
LONGEST_TRACEBACK = 65_536
_LONGEST_TYPE = 200


def type_of(error: BaseException) -> str:
    """The name of the class of an exception."""
    return storable(type(error).__name__)[:_LONGEST_TYPE]


def message_of(error: BaseException) -> str:
    """The text of an exception: from the start, as much as is kept."""
    try:
        return storable(str(error)[:LONGEST_MESSAGE])[:LONGEST_MESSAGE]
    except BaseException:  # noqa: BLE001 - whatever its own code raises, it stays an exception with a text
        return f"<a {type_of(error)} that cannot be shown>"


def traceback_of(error: BaseException) -> str:
    """The traceback of an exception: to the end, as much as is kept."""
    try:
        text = "".join(traceback.format_exception(error))
    except BaseException:  # noqa: BLE001 - as above
        text = "".join(traceback.format_tb(error.__traceback__)) + message_of(error)
    return storable(text[-LONGEST_TRACEBACK:])[-LONGEST_TRACEBACK:]


def storable(text: str) -> str:
    """The text as any database can keep it."""
    return text.replace("\x00", "\\x00").encode(errors="backslashreplace").decode()
