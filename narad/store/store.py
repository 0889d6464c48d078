"""The store as one value: what the rest of the service is given."""

from datetime import timedelta

from narad.store.attempts import Attempts
from narad.store.audit import Audit
from narad.store.bulk import BulkOperations
from narad.store.catalogue import Catalogue
from narad.store.changes import Changes
from narad.store.checkpoints import Checkpoints
from narad.store.database import Database
from narad.store.duties import Duties
from narad.store.failures import Failures
from narad.store.figures import Figures
from narad.store.fleet import Fleet
from narad.store.follow_ups import FollowUps
from narad.store.handovers import HandOvers
from narad.store.installation import Installation
from narad.store.keys import Keys
from narad.store.lists import Lists
from narad.store.load import Load
from narad.store.log_lines import LogLines
from narad.store.queues import Queues
from narad.store.retention import Retention
from narad.store.statistics import Statistics
from narad.store.submissions import Submissions
from narad.store.tasks import Tasks
from narad.store.workers import Workers


class Store:
    """Every statement of the service, by stage of a task's way."""

    def __init__(self, database: Database, *, lease: timedelta, guard: timedelta, list_seconds: float) -> None:
        """`lease` is that of a worker, `guard` how long a fresh task is left to the relay of its own process, and
        `list_seconds` how long a list may take.
        """
        self.database = database
        self.tasks = Tasks(database, guard=guard)
        self.bulk = BulkOperations(database)
        self.changes = Changes(database)
        self.lists = Lists(database, timeout_seconds=list_seconds)
        self.handovers = HandOvers(database)
        self.attempts = Attempts(database)
        self.log_lines = LogLines(database)
        self.checkpoints = Checkpoints(database)
        self.follow_ups = FollowUps(database, self.tasks)
        self.workers = Workers(database, lease=lease)
        self.catalogue = Catalogue(database)
        self.fleet = Fleet(database)
        self.queues = Queues(database)
        self.load = Load(database)
        self.failures = Failures(database)
        self.statistics = Statistics(database)
        self.figures = Figures(self.queues, self.statistics, self.load)
        self.duties = Duties(database)
        self.retention = Retention(database)
        self.submissions = Submissions(database, self.tasks)
        self.installation = Installation(database)
        self.keys = Keys(database)
        self.audit = Audit(database)
