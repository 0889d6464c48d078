"""Metrics of a process, as Prometheus scrapes them. Every metric is declared here, and nowhere else.

Nothing is counted for their sake alone, but for the times of requests: they are read from what the process counts
anyway. What is of the whole installation is told by one process at a time.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from typing_extensions import override

import narad
from narad.domain.fleet import Installed
from narad.domain.histogram import LAST_BUCKET, PER_DOUBLING, bucket_of, middle, upper_bound
from narad.domain.statistics import MEASURE_OF, Measure
from narad.domain.status import Status
from narad.tally import Tally

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
MOST_HANDLERS = 100
"""Handlers with a label of their own; those that come later are counted together as `other`."""
OTHER = "other"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SHOWN = range(2 * PER_DOUBLING, 22 * PER_DOUBLING + 1, PER_DOUBLING)
"""The buckets whose bounds are told: from 4 ms to 70 min, each twice the one before."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """One metric: its name as scraped, its kind, its labels, and what it means."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


_TASK = ("handler", "priority")
CREATED = Declaration("narad_tasks_created_total", "counter", _TASK, "Tasks that this process accepted.")
FINISHED = Declaration(
    "narad_tasks_finished_total", "counter", (*_TASK, "status"), "Tasks that this process brought to a final status."
)
WAIT = Declaration(
    "narad_task_wait_seconds", "histogram", _TASK, "Time from when an attempt could start to its start, once it ended."
)
RUN = Declaration("narad_task_run_seconds", "histogram", _TASK, "Time that an attempt ran, once it ended.")
REQUESTS = Declaration(
    "narad_http_request_duration_seconds",
    "histogram",
    ("method", "route", "status"),
    "Time from the head of a request to the head of its answer; a wait or a stream counts until it begins to answer.",
)
SSE_CLIENTS = Declaration("narad_sse_clients", "gauge", (), "Streams of events that are open in this process.")
BUILD = Declaration("narad_build_info", "info", ("version",), "The version that runs; always 1.")
TASKS = Declaration(
    "narad_tasks",
    "gauge",
    ("status",),
    "Tasks by status: those that have not ended as they are, up to 10 000 of each; the others as counted.",
)
OLDEST = Declaration(
    "narad_queue_oldest_age_seconds",
    "gauge",
    ("queue", "priority"),
    "How long the oldest task that could run now has waited; 0 where none waits.",
)
BACKLOG = Declaration(
    "narad_relay_backlog", "gauge", (), "Waiting tasks that the relay has to look at now, up to 10 000."
)
BACKLOG_AGE = Declaration(
    "narad_relay_oldest_age_seconds", "gauge", (), "How long the first of them has been due; 0 where there is none."
)
WORKERS = Declaration("narad_workers", "gauge", ("state",), "Workers that have not ended, by state.")
SLOTS = Declaration(
    "narad_worker_slots", "gauge", ("state",), "Slots of living workers, busy or free at their latest heartbeat."
)

OF_PROCESS = (CREATED, FINISHED, WAIT, RUN, REQUESTS, SSE_CLIENTS, BUILD)
OF_INSTALLATION = (TASKS, OLDEST, BACKLOG, BACKLOG_AGE, WORKERS, SLOTS)
"""Told by one process with the role upkeep at a time, else as many processes would tell them as there are."""
DECLARED = (*OF_PROCESS, *OF_INSTALLATION)

Samples: TypeAlias = Iterable[tuple[Sequence[str], float]]


class _Durations:
    """Counts of durations by bucket."""

    __slots__ = ("buckets", "total")

    def __init__(self) -> None:
        self.buckets = [0] * (LAST_BUCKET + 1)
        self.total = 0.0


class RequestTimes:
    """How long requests took, by method, route and status."""

    def __init__(self) -> None:
        self._of: defaultdict[tuple[str, str | None, int], _Durations] = defaultdict(_Durations)

    def add(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count one; a request to no route of ours has none."""
        durations = self._of[method if method in _METHODS else OTHER, route, status]
        durations.buckets[bucket_of(seconds)] += 1
        durations.total += seconds

    def histograms(self) -> Iterator[tuple[Sequence[str], Sequence[int], float]]:
        """Labels, counts by bucket and sum of each."""
        for (method, route, status), durations in self._of.items():
            yield (method, route or OTHER, str(status)), durations.buckets, durations.total


@dataclass(kw_only=True, eq=False)
class Metrics(Collector):
    """What this process has to tell; `streams` and `installed` are set where it has such."""

    tally: Tally
    requests: RequestTimes = field(default_factory=RequestTimes)
    streams: Callable[[], int] | None = None
    installed: Callable[[], Installed | None] = lambda: None
    _labels: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def render(self) -> bytes:
        """The metrics as text, for an answer with `CONTENT_TYPE`."""
        return generate_latest(self._registry)

    @override
    def collect(self) -> Iterator[Metric]:
        yield _info(BUILD, {"version": narad.__version__})
        yield from self._of_tasks()
        yield _histogram(REQUESTS, self.requests.histograms())
        if self.streams is not None:
            yield _gauge(SSE_CLIENTS, [((), self.streams())])
        installed = self.installed()
        if installed is not None:
            yield from _of_installation(installed)

    def _of_tasks(self) -> Iterator[Metric]:
        created: defaultdict[tuple[str, ...], int] = defaultdict(int)
        finished: defaultdict[tuple[str, ...], int] = defaultdict(int)
        timed: Mapping[Measure, defaultdict[tuple[str, ...], list[int]]] = {
            measure: defaultdict(lambda: [0] * (LAST_BUCKET + 1)) for measure in (Measure.WAIT, Measure.RUN)
        }
        statuses = {measure: status for status, measure in MEASURE_OF.items()}
        for (handler, priority, measure, bucket), count in self.tally.totals().items():
            of_task = (self._label(handler), str(priority))
            if measure in timed:
                timed[measure][of_task][bucket] += count
            elif measure in statuses:
                finished[(*of_task, str(statuses[measure]))] += count
            else:
                created[of_task] += count
        yield _counter(CREATED, created.items())
        yield _counter(FINISHED, finished.items())
        for declared, measure in ((WAIT, Measure.WAIT), (RUN, Measure.RUN)):
            yield _histogram(
                declared, ((labels, buckets, _estimated(buckets)) for labels, buckets in timed[measure].items())
            )

    def _label(self, handler: str) -> str:
        """The same for a handler at every scrape: who was met first keeps its name."""
        if handler not in self._labels and len(self._labels) < MOST_HANDLERS:
            self._labels[handler] = handler
        return self._labels.get(handler, OTHER)


def _of_installation(installed: Installed) -> Iterator[Metric]:
    yield _gauge(TASKS, (((str(status),), installed.tasks.get(status, 0)) for status in Status))
    yield _gauge(OLDEST, (((lane.queue, str(lane.priority)), age) for lane, age in installed.oldest_seconds.items()))
    yield _gauge(BACKLOG, [((), installed.backlog)])
    yield _gauge(BACKLOG_AGE, [((), installed.backlog_seconds)])
    yield _gauge(WORKERS, (((str(state),), number) for state, number in installed.workers.items()))
    yield _gauge(SLOTS, [(("busy",), installed.busy_slots), (("free",), installed.free_slots)])


def _counter(declared: Declaration, samples: Samples) -> Metric:
    family = CounterMetricFamily(declared.name, declared.meaning, labels=declared.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _gauge(declared: Declaration, samples: Samples) -> Metric:
    family = GaugeMetricFamily(declared.name, declared.meaning, labels=declared.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _info(declared: Declaration, values: dict[str, str]) -> Metric:
    family = InfoMetricFamily(declared.name.removesuffix("_info"), declared.meaning)
    family.add_metric((), values)
    return family


def _histogram(declared: Declaration, samples: Iterable[tuple[Sequence[str], Sequence[int], float]]) -> Metric:
    family = HistogramMetricFamily(declared.name, declared.meaning, labels=declared.labels)
    for labels, buckets, total in samples:
        shown = [(f"{upper_bound(last):g}", float(sum(buckets[: last + 1]))) for last in _SHOWN]
        family.add_metric(labels, [*shown, ("+Inf", float(sum(buckets)))], total)
    return family


def _estimated(buckets: Sequence[int]) -> float:
    """The sum of durations of which only the buckets are known."""
    return sum(middle(bucket) * count for bucket, count in enumerate(buckets) if count)
