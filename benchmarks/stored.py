"""Rows made by the server itself: tasks that wait, and tasks that finished long ago."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from benchmarks.database import Database
from narad.store.tables import FILL_FACTOR

_CHUNK = 500_000

# The first 48 bits of a UUIDv7 are its milliseconds, then come version 7, a counter, the variant and chance.
_ID = """
(lpad(to_hex((extract(epoch FROM made_at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(n & 4095), 3, '0')
 || '8' || substr(md5(random()::text), 1, 15))::uuid
"""

_WAITING = f"""
INSERT INTO tasks (id, name, priority, status, handler, queue, payload, tags, created_at, run_at, due_at,
                   max_attempts, max_losses)
SELECT {_ID}, 'Benchmark', 1, $3::smallint, 'demo.echo', 'default', '{{"n": 1}}', '[]', made_at, made_at,
       CASE WHEN $3::smallint = 0 THEN made_at END, 3, 3
FROM (SELECT n, $4::timestamptz + n * interval '10 microseconds' AS made_at
      FROM generate_series($1::bigint, $2::bigint) AS n) AS made
"""  # noqa: S608 - a constant

# Spread over the month before; 97 in 100 completed, 2 failed, 1 was cancelled.
_FINISHED = f"""
INSERT INTO tasks (id, name, priority, status, handler, queue, payload, tags, created_at, run_at, started_at,
                   finished_at, worker_id, attempt, failures, max_attempts, max_losses, handovers, result, error,
                   version)
SELECT {_ID}, 'Thumbnail ' || n, n % 3, status,
       (ARRAY['images.thumbnail', 'reports.monthly', 'mail.send', 'demo.echo'])[1 + n % 4], 'default',
       json_build_object('n', n, 'url', 'https://example.com/' || n), '["catalogue"]', made_at, made_at,
       made_at + interval '20 ms', made_at + interval '150 ms', '00000000-0000-7000-8000-000000000001', 1,
       CASE WHEN status = 4 THEN 1 ELSE 0 END, 1, 3, 1,
       CASE WHEN status = 3 THEN json_build_object('bytes', n) END,
       CASE WHEN status = 4 THEN
            '{{"type": "ValueError", "message": "It does not work.", "traceback": null, "retryable": true}}'::jsonb END,
       4
FROM (SELECT n, (CASE WHEN n % 100 < 97 THEN 3 WHEN n % 100 < 99 THEN 4 ELSE 5 END)::smallint AS status,
             $3::timestamptz + n * $4::double precision * interval '1 second' AS made_at
      FROM generate_series($1::bigint, $2::bigint) AS n) AS made
"""  # noqa: S608 - a constant

_MONTH_SECONDS = 30 * 86_400


@dataclass(frozen=True)
class Waiting:
    """Tasks that were put into the database to be run: no other task has an id as high as theirs."""

    count: int
    first_id: UUID


def put_waiting(database: Database, count: int, *, handed_over: bool) -> Waiting:
    """Store tasks for `demo.echo`: as NEW and due at once, or as a relay leaves them in direct dispatch."""
    now: datetime = database.row("SELECT clock_timestamp()")[0]
    for first in range(1, count + 1, _CHUNK):
        database.execute(_WAITING, first, min(first + _CHUNK - 1, count), 1 if handed_over else 0, now)
    database.execute("ANALYZE tasks")
    return Waiting(count, first_id(now))


def put_finished(database: Database, count: int, *, beside: int = 0) -> None:
    """Store tasks that finished within the last month, where there are `beside` of them already.

    Their pages are full, as those are in which tasks once lived: what their changes left free, later tasks took. The
    server has nothing left to tidy or to write back afterwards.
    """
    begin: datetime = database.row("SELECT now() - interval '30 days' - interval '1 hour'")[0]
    step = _MONTH_SECONDS / max(1, count)
    database.execute("ALTER TABLE tasks SET (fillfactor = 100)")
    for first in range(beside + 1, count + 1, _CHUNK):
        database.execute(_FINISHED, first, min(first + _CHUNK - 1, count), begin, step)
    database.execute(f"ALTER TABLE tasks SET (fillfactor = {FILL_FACTOR})")
    database.execute("VACUUM (ANALYZE) tasks")
    database.execute("CHECKPOINT")


def drop_waiting(database: Database) -> None:
    """Remove the tasks that wait, and what is left of them."""
    database.execute("DELETE FROM tasks WHERE status IN (0, 1)")
    database.execute("VACUUM (ANALYZE) tasks")


def first_id(moment: datetime) -> UUID:
    """The lowest UUIDv7 of a moment."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)
