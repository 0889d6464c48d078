"""The upkeep: the loops that repair and tidy."""

from narad.composition.ground import Ground
from narad.service import Service
from narad.settings import Settings
from narad.upkeep.bulk import BulkExecutor
from narad.upkeep.expirer import Expirer
from narad.upkeep.pruner import Pruner
from narad.upkeep.rescuer import Patience, Rescuer
from narad.upkeep.stats_pruner import StatsPruner
from narad.upkeep.surveyor import Surveyor

_DAY_SECONDS = 86_400


def upkeep(ground: Ground) -> list[Service]:
    """The loops of the upkeep; what they count in the whole installation is among the metrics from then on."""
    settings, store, clock, tally, feed = ground.settings, ground.store, ground.clock, ground.tally, ground.feed
    kept, pause = settings.retention_days * _DAY_SECONDS, settings.prune_seconds
    surveyor = Surveyor(store.figures, store.duties, clock, pause_seconds=settings.survey_seconds)
    ground.metrics.installed = surveyor.installed
    return [
        surveyor,
        Rescuer(store, clock, tally, patience=_patience(settings), policy=ground.retry_policy, events=feed),
        Expirer(store.tasks, clock, tally, pause_seconds=settings.expire_seconds, events=feed),
        Pruner(
            store.retention,
            store.audit,
            clock,
            retention_seconds=kept,
            audit_seconds=settings.audit_days * _DAY_SECONDS,
            pause_seconds=pause,
        ),
        StatsPruner(store.statistics, clock, retention_seconds=kept, pause_seconds=pause),
        BulkExecutor(store.bulk, clock, tally, pause_seconds=settings.bulk_seconds, events=feed),
    ]


def _patience(settings: Settings) -> Patience:
    return Patience(
        lease_seconds=settings.lease_seconds,
        overrun_seconds=settings.cancel_grace_seconds + settings.lease_seconds,
        pause_seconds=settings.rescue_seconds,
    )
