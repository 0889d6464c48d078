"""Server-sent events, as the HTML standard defines them, read piece by piece as they come."""

import codecs
import re
from dataclasses import dataclass

_LINE_END = re.compile(r"\r\n|\r|\n")
_MOST_MILLISECONDS = 9


@dataclass(frozen=True, slots=True)
class Frame:
    """One event: its type, what it says, and the id of the last event that had one."""

    event: str
    data: str
    id: str | None


class SseParser:
    """Makes frames of bytes, however these are cut into pieces."""

    def __init__(self) -> None:
        self.retry_seconds: float | None = None
        """How long the server wants a client to stay away before it comes back."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""
        self._begun = False
        self._event = ""
        self._data: list[str] = []
        self._id: str | None = None

    def feed(self, piece: bytes) -> list[Frame]:
        """The frames that end within this piece."""
        text = self._decoder.decode(piece)
        if text and not self._begun:
            self._begun = True
            text = text.removeprefix("\ufeff")
        *lines, self._text = _lines(self._text + text)
        return [frame for line in lines if (frame := self._line(line)) is not None]

    def _line(self, line: str) -> Frame | None:
        if not line:
            return self._end()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._event = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if value.isascii() and value.isdecimal() and len(value) <= _MOST_MILLISECONDS:
                self.retry_seconds = int(value) / 1_000
            case _:
                pass  # a comment, or a field that is not known
        return None

    def _end(self) -> Frame | None:
        """The event that an empty line ends; without data there is none."""
        event, data = self._event or "message", self._data
        self._event, self._data = "", []
        return Frame(event, "\n".join(data), self._id) if data else None


def _lines(text: str) -> list[str]:
    """The lines that have ended, and last what has not; a CR at the end may be half of a CRLF, and stays."""
    held = "\r" if text.endswith("\r") else ""
    lines = _LINE_END.split(text[: len(text) - len(held)])
    lines[-1] += held
    return lines
