"""A day of a web shop, for pictures of the pages: the same tasks, workers and counts whenever it is made."""

import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert

from narad.domain.histogram import bucket_of
from narad.domain.log_line import LogLevel, LogLine
from narad.domain.statistics import MEASURE_OF, Key, Measure, Span
from narad.domain.status import Priority, Status
from narad.domain.task import TaskError
from narad.ids import first_id_at
from narad.store.rows import from_error
from narad.store.store import Store
from narad.store.tables import attempts, tasks
from narad.worker.catalogue import describe
from tests.support.shop_failures import CARD_DECLINED, MAILBOX_UNKNOWN, NO_PICTURE, OUT_OF_TIME, SMTP_DOWN
from tests.support.shop_handlers import SHOP
from tests.support.tasks import new_worker

AT: Final = datetime(2026, 11, 24, 14, 37, 20, tzinfo=UTC)
"""When the pictures are taken; what is in them happened within the 24 hours before."""
DAY: Final = timedelta(days=1)
WORKERS: Final = (UUID("019ab3c5-0f4e-7b21-9d0c-5c7f3f1f6a10"), UUID("019ab3c5-1a90-7c44-8a37-21f0b9c3d8e4"))
REPORT: Final = UUID("019ab60b-7d18-7e52-9b6f-3a1c5e8d2f47")
"""The task that has a picture of its own."""
_SLICE: Final = 2_000
_RANDOM_BITS: Final = 62

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one handler is asked for: how often in a day, how long it takes, and what its tasks are called."""

    handler: str
    priority: Priority
    queue: str
    number: int
    seconds: float
    names: Sequence[str]
    tags: Sequence[str]
    max_attempts: int
    failing: Sequence[tuple[TaskError, int]] = ()


WORKS: Final = (
    Work(
        handler="images.thumbnail", priority=Priority.MEDIUM, queue="images", number=860, seconds=0.6,
        tags=("catalogue",), names=("Thumbnail of product {}",), max_attempts=5, failing=((NO_PICTURE, 17),),
    ),
    Work(
        handler="mail.send", priority=Priority.MEDIUM, queue="default", number=720, seconds=0.25, tags=("mail",),
        names=("Confirmation of order {}", "Shipping note for order {}", "Reminder for cart {}"), max_attempts=4,
        failing=((MAILBOX_UNKNOWN, 8),),
    ),
    Work(
        handler="invoices.render", priority=Priority.MEDIUM, queue="default", number=340, seconds=1.8,
        tags=("invoice",), names=("Invoice of order {}",), max_attempts=3,
    ),
    Work(
        handler="payments.capture", priority=Priority.HIGH, queue="default", number=320, seconds=0.9,
        tags=("checkout",), names=("Payment of order {}",), max_attempts=6, failing=((CARD_DECLINED, 29),),
    ),
    Work(
        handler="search.reindex", priority=Priority.LOW, queue="reports", number=9, seconds=700, tags=("search",),
        names=("Index of products", "Index of reviews"), max_attempts=3,
    ),
    Work(
        handler="reports.monthly", priority=Priority.LOW, queue="reports", number=7, seconds=2_400, tags=("finance",),
        names=("Monthly report, September", "Monthly report, August"), max_attempts=2, failing=((OUT_OF_TIME, 2),),
    ),
)  # fmt: skip


@dataclass(slots=True)
class Day:
    """Rows of the store, and what was logged."""

    tasks: list[Row] = field(default_factory=list)
    attempts: list[Row] = field(default_factory=list)
    lines: list[LogLine] = field(default_factory=list)


def day() -> Day:
    """The day."""
    chance = random.Random(24)
    made = Day()
    for work in WORKS:
        made.tasks += _ended(work, chance)
    made.tasks += _mails_while_smtp_was_down(chance)
    made.tasks += _of_the_last_minute(chance)
    made.tasks += _cancelled(chance)
    made.tasks += _waiting(chance)
    made.tasks += _running(chance)
    _add_report(made)
    made.tasks.sort(key=lambda row: row["id"].int)
    return made


async def live_through(store: Store, lived: Day) -> None:
    """Store it all as the day would have left it."""
    await store.catalogue.publish(describe(SHOP), now=AT)
    handlers = tuple(one.name for one in SHOP)
    for number, (worker_id, busy) in enumerate(zip(WORKERS, (4, 3), strict=True), 1):
        worker = new_worker(
            id=worker_id, host=f"tasks-{number}", pid=410 + number, concurrency=8,
            queues=("default", "images", "reports"), handlers=handlers,
        )  # fmt: skip
        await store.workers.register(worker, now=AT - timedelta(hours=9, minutes=number))
        await store.workers.renew(worker_id, now=AT, busy=busy)
    async with store.database.transaction() as connection:
        await connection.execute(insert(tasks), lived.tasks)
        await connection.execute(insert(attempts), lived.attempts)
    await store.log_lines.add(lived.lines)
    counted = iter(counts_of(lived.tasks).items())
    while part := dict(islice(counted, _SLICE)):
        await store.statistics.add(part)
    await store.statistics.prune(now=AT, days_kept=None)


def counts_of(rows: Sequence[Row]) -> Mapping[tuple[datetime, Key], int]:
    """What would have been counted of the tasks, minute by minute."""
    counts: Counter[tuple[datetime, Key]] = Counter()

    def add(at: datetime, row: Row, measure: Measure, bucket: int = 0) -> None:
        counts[Span.MINUTE.start(at), (row["handler"], row["priority"], measure, bucket)] += 1

    for row in rows:
        started, finished = row["started_at"], row["finished_at"]
        add(row["created_at"], row, Measure.CREATED)
        if started is not None:
            add(started, row, Measure.WAIT, bucket_of((started - row["run_at"]).total_seconds()))
        if finished is not None:
            add(finished, row, MEASURE_OF[row["status"]])
        if started is not None and finished is not None:
            add(finished, row, Measure.RUN, bucket_of((finished - started).total_seconds()))
    return counts


def _row(work: Work, created_at: datetime, chance: random.Random, **fields: object) -> Row:
    """A task that waits for its turn, but for the fields that are given."""
    number = chance.randrange(10_000, 90_000)
    plain = {
        "id": UUID(int=first_id_at(created_at).int | chance.getrandbits(_RANDOM_BITS)),
        "name": chance.choice(work.names).format(number),
        "priority": work.priority,
        "status": Status.PENDING,
        "handler": work.handler,
        "queue": work.queue,
        "payload": {"order": number},
        "tags": [*work.tags],
        "created_at": created_at,
        "run_at": created_at,
        "due_at": None,
        "started_at": None,
        "finished_at": None,
        "worker_id": None,
        "attempt": 0,
        "failures": 0,
        "losses": 0,
        "max_attempts": work.max_attempts,
        "max_losses": 3,
        "timeout_seconds": None,
        "progress": None,
        "result": None,
        "error": None,
        "description": None,
        "cancel_requested_at": None,
        "cancel_reason": None,
    }
    return plain | fields


def _moment(chance: random.Random) -> datetime:
    """A moment of the day: most come around noon, few at night."""
    while True:
        at = AT - DAY * chance.uniform(0.0005, 1)
        if chance.random() < 0.2 + 0.8 * math.sin(math.pi * ((at.hour + at.minute / 60 - 2) % 24) / 24) ** 2:
            return at


def _ended(work: Work, chance: random.Random) -> Iterator[Row]:
    errors: list[TaskError | None] = [error for error, number in work.failing for _ in range(number)]
    errors += [None] * (work.number - len(errors))
    for error in errors:
        yield _run(work, _moment(chance), error, chance)


def _run(work: Work, created_at: datetime, error: TaskError | None, chance: random.Random) -> Row:
    """A task that ran to its end, and at the latest to that of the day."""
    wait = chance.lognormvariate(math.log(20 if work.priority is Priority.LOW else 0.3), 0.9)
    took = work.seconds * chance.lognormvariate(0, 0.5)
    finished_at = min(created_at + timedelta(seconds=wait + took), AT)
    started_at = min(created_at + timedelta(seconds=wait), finished_at)
    failures = 0 if error is None else work.max_attempts if error.retryable else 1
    return _row(
        work, created_at, chance, status=Status.COMPLETED if error is None else Status.FAILED, started_at=started_at,
        finished_at=finished_at, worker_id=chance.choice(WORKERS), attempt=max(1, failures), failures=failures,
        error=from_error(error), result={"ok": True} if error is None else None,
    )  # fmt: skip


def _mails_while_smtp_was_down(chance: random.Random) -> Iterator[Row]:
    down_at = AT.replace(hour=9, minute=5, second=0)
    mail = next(work for work in WORKS if work.handler == "mail.send")
    for _ in range(46):
        yield _run(mail, down_at + timedelta(minutes=chance.uniform(0, 70)), SMTP_DOWN, chance)


def _of_the_last_minute(chance: random.Random) -> Iterator[Row]:
    payment = next(work for work in WORKS if work.handler == "payments.capture")
    yield _run(payment, AT - timedelta(seconds=9), CARD_DECLINED, chance)
    for number in range(12):
        yield _run(WORKS[number % 4], AT - timedelta(seconds=chance.uniform(3, 50)), None, chance)


def _cancelled(chance: random.Random) -> Iterator[Row]:
    for work in WORKS[1:3]:
        for _ in range(6):
            created_at = _moment(chance)
            at = min(created_at + timedelta(seconds=20), AT)
            reason = "The order was cancelled"
            yield _row(
                work, created_at, chance, status=Status.CANCELLED, finished_at=at, cancel_requested_at=at,
                cancel_reason=reason,
            )  # fmt: skip


def _waiting(chance: random.Random) -> Iterator[Row]:
    """Some that could run, of each priority, and mails that go out later."""
    thumbnail, mail, invoice, payment, reindex, _ = WORKS
    for work, number, seconds in ((payment, 2, 0.4), (invoice, 9, 6), (thumbnail, 14, 9), (reindex, 3, 1_500)):
        for _ in range(number):
            yield _row(work, AT - timedelta(seconds=seconds * chance.uniform(0.4, 1)), chance)
    for _ in range(2):
        created_at = AT - timedelta(seconds=chance.uniform(0.05, 0.2))
        yield _row(mail, created_at, chance, status=Status.NEW, due_at=created_at)
    for hours in range(1, 8):
        run_at = AT.replace(minute=0, second=0) + timedelta(hours=hours)
        created_at = AT - timedelta(minutes=chance.uniform(20, 400))
        yield _row(mail, created_at, chance, run_at=run_at, due_at=run_at)


def _running(chance: random.Random) -> Iterator[Row]:
    thumbnail, mail, invoice, payment, reindex, _ = WORKS
    begun = ((reindex, 742.0), (invoice, 2.1), (thumbnail, 0.7), (thumbnail, 0.4), (mail, 0.2), (payment, 0.3))
    for number, (work, seconds) in enumerate(begun):
        told = {reindex.handler: (0.37, "3 of 8"), invoice.handler: (0.5, None)}.get(work.handler)
        progress = None if told is None else {"value": told[0], "message": told[1]}
        started_at = AT - timedelta(seconds=seconds)
        yield _row(
            work, started_at - timedelta(seconds=0.3), chance, status=Status.IN_PROGRESS, started_at=started_at,
            worker_id=WORKERS[number % 2], attempt=1, progress=progress,
        )  # fmt: skip


def _add_report(made: Day) -> None:
    """The task with a picture of its own: in its second attempt, after one that took too long."""
    work = WORKS[-1]
    created_at = AT - timedelta(hours=3, minutes=4)
    started_at = AT - timedelta(minutes=48, seconds=12)
    regions = ["DE", "FR", "IT", "ES", "PL", "NL", "AT", "CH", "SE", "FI", "NO", "DK", "CZ", "PT"]
    row = _row(
        work, created_at, random.Random(1), id=REPORT, name="Monthly report, October",
        description="Sales by region, for the board.", payload={"month": "2026-10", "regions": regions},
        status=Status.IN_PROGRESS, started_at=started_at, run_at=started_at - timedelta(seconds=4),
        worker_id=WORKERS[0], attempt=2, failures=1, timeout_seconds=7_200, error=from_error(OUT_OF_TIME),
        progress={"value": 0.64, "message": "9 of 14 regions"}, tags=["finance", "board"],
    )  # fmt: skip
    first_at = created_at + timedelta(seconds=31)
    made.tasks.append(row)
    made.attempts.append(
        {
            "task_id": REPORT, "attempt": 1, "worker_id": WORKERS[1], "started_at": first_at,
            "finished_at": first_at + timedelta(hours=2), "error": from_error(OUT_OF_TIME),
        }
    )  # fmt: skip
    for number, region in enumerate(regions[:9], 1):
        at = started_at + timedelta(minutes=5.2 * number)
        line = f"{region}: {1_200 + 731 * number % 900} orders"
        made.lines.append(LogLine(task_id=REPORT, attempt=2, number=number, at=at, level=LogLevel.INFO, message=line))
