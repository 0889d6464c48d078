"""What every role of a process stands on."""

from dataclasses import dataclass

from narad.clock import Clock
from narad.dispatch.base import Dispatch
from narad.domain.dead_letter import DeadLetters
from narad.domain.retry import RetryPolicy
from narad.events.base import Feed
from narad.metrics import Metrics
from narad.secrets import Secrets
from narad.settings import Settings
from narad.store.store import Store
from narad.tally import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The settings of a process, and what all of its roles share; there are no dead letters without a broker."""

    settings: Settings
    store: Store
    dispatch: Dispatch
    dead_letters: DeadLetters | None
    feed: Feed
    clock: Clock
    tally: Tally
    metrics: Metrics
    secrets: Secrets

    @property
    def retry_policy(self) -> RetryPolicy:
        """The back-off of tasks whose handler says nothing of it."""
        return RetryPolicy(base_seconds=self.settings.backoff_seconds, cap_seconds=self.settings.backoff_cap_seconds)
