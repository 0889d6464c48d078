"""How large the cases are: measured in full, or only shown to work."""

from dataclasses import dataclass

CONCURRENCY = 200
"""Execution slots of every worker process of Narad."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The sizes of all cases. Tasks are counted, durations are in seconds.

    A warm-up run has `warm_up_share` of the tasks of the others and does not count; with 0 there is none.
    """

    runs: int
    warm_up_share: float
    drain_tasks: int
    load_seconds: float
    load_warm_up_seconds: float
    connections: tuple[int, ...]
    batches: tuple[int, ...]
    idle_tasks: int
    rates: tuple[int, ...]
    finished_rows: tuple[int, ...]
    waiting_rows: int
    growth_drain_tasks: int
    reads: int
    dashboard_rows: int
    dashboard_reads: int
    peer_share: float


FULL = Scale(
    runs=3,
    warm_up_share=0.1,
    drain_tasks=100_000,
    load_seconds=5,
    load_warm_up_seconds=2,
    connections=(1, 16, 64, 256),
    batches=(100, 1_000),
    idle_tasks=300,
    rates=(200, 500, 1_000, 2_000),
    finished_rows=(0, 1_000_000, 10_000_000),
    waiting_rows=1_000_000,
    growth_drain_tasks=50_000,
    reads=200,
    dashboard_rows=1_000_000,
    dashboard_reads=20,
    peer_share=1,
)

QUICK = Scale(
    runs=1,
    warm_up_share=0,
    drain_tasks=1_000,
    load_seconds=0.5,
    load_warm_up_seconds=0.1,
    connections=(16,),
    batches=(100,),
    idle_tasks=10,
    rates=(100,),
    finished_rows=(0, 10_000),
    waiting_rows=2_000,
    growth_drain_tasks=500,
    reads=10,
    dashboard_rows=5_000,
    dashboard_reads=1,
    peer_share=0.02,
)
