"""Why tasks of the pictured day fail: errors with the tracebacks that their handlers would leave."""

from dataclasses import dataclass, replace
from typing import Final

from narad.domain.task import TaskError


@dataclass(frozen=True, slots=True)
class Frame:
    """A line of a traceback."""

    file: str
    line: int
    function: str
    code: str


def _error(type_: str, message: str, *frames: Frame, module: str = "", retryable: bool = True) -> TaskError:
    shown = "".join(f'  File "{one.file}", line {one.line}, in {one.function}\n    {one.code}\n' for one in frames)
    traceback = f"Traceback (most recent call last):\n{shown}{module}{type_}: {message}\n"
    return TaskError(type=type_, message=message, traceback=traceback, retryable=retryable)


SMTP_DOWN: Final = _error(
    "ConnectionRefusedError",
    "[Errno 111] Connection refused: smtp.shop.example:587",
    Frame("/srv/shop/tasks/mail.py", 41, "send", "await smtp.deliver(message)"),
    Frame("/srv/shop/smtp.py", 88, "deliver", "reader, writer = await asyncio.open_connection(HOST, PORT)"),
)
MAILBOX_UNKNOWN: Final = _error(
    "RecipientRefused",
    "550 5.1.1 no such mailbox",
    Frame("/srv/shop/tasks/mail.py", 41, "send", "await smtp.deliver(message)"),
    Frame("/srv/shop/smtp.py", 103, "recipient", "raise RecipientRefused(answer)"),
    module="shop.smtp.",
    retryable=False,
)
CARD_DECLINED: Final = _error(
    "CardDeclined",
    "The bank declined the card: insufficient funds",
    Frame("/srv/shop/tasks/payments.py", 67, "capture", "receipt = await bank.capture(order, cents)"),
    Frame("/srv/shop/bank.py", 212, "capture", "raise CardDeclined(answer.reason)"),
    module="shop.bank.",
    retryable=False,
)
NO_PICTURE: Final = _error(
    "UnidentifiedImageError",
    "cannot identify image file 'upload.webp'",
    Frame("/srv/shop/tasks/images.py", 29, "thumbnail", "with Image.open(source) as picture:"),
    Frame("/usr/lib/python3/dist-packages/PIL/Image.py", 3339, "open", "raise UnidentifiedImageError(message)"),
    module="PIL.",
)
OUT_OF_TIME: Final = replace(_error("Timeout", "The attempt ran longer than its limit of 7200.0 s."), traceback=None)
