"""The errors of the service itself.

    NaradError
    ├── ConfigurationError          the settings ask for something impossible; start-up stops
    ├── SchemaOutdatedError         the database is not at the version that this code needs
    ├── StoreUnavailableError       the database cannot be reached or does not answer
    ├── QueryTooSlowError           a question reads too much of the database to be answered in time
    ├── DataRejectedError           the database refuses the data of a statement (not the statement itself)
    ├── BrokerUnavailableError      the broker cannot be reached or does not confirm
    └── OverloadedError             a bounded buffer is full

Foreign exceptions become one of these in one place per backend: `narad/store/database.py`,
`narad/dispatch/rabbitmq.py`. How each is answered over HTTP is a table in `narad/api/problems.py`.
"""


class NaradError(Exception):
    """Base of every error that the service raises on purpose."""


class ConfigurationError(NaradError):
    """The settings ask for something impossible."""


class SchemaOutdatedError(NaradError):
    """The database schema is not the one that this code needs."""


class StoreUnavailableError(NaradError):
    """The database cannot be reached, or did not answer in time."""


class QueryTooSlowError(NaradError):
    """A question took the database too long, and was given up."""


class DataRejectedError(NaradError):
    """The database refused the data of a statement; splitting the batch finds the culprit."""


class BrokerUnavailableError(NaradError):
    """The broker cannot be reached, or did not confirm in time."""


class OverloadedError(NaradError):
    """A bounded buffer is full; try again later."""
