"""Column types that hold the same value on both databases."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, TypeVar

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, SmallInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import TypeCompiler
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class _TextJson(JSON):
    """JSON in a TEXT column: declared JSON it would have numeric affinity, which makes a large number a float."""


@compiles(_TextJson, "sqlite")
def _text(_type: _TextJson, _compiler: TypeCompiler, **_kw: Any) -> str:
    return "TEXT"


VerbatimJson = _TextJson(none_as_null=True)
"""A JSON value that comes back as it was written. JSONB would make an integer of 1e16, and 301 digits of 1e300."""

StoredJson = _TextJson(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""A JSON value that the database can look into; Python's None is SQL's NULL."""

Member = TypeVar("Member", bound=StrEnum)


def code_of(member: StrEnum) -> int:
    """The number under which a member is stored: its place in its enumeration."""
    return list(type(member)).index(member)


def microseconds(moment: datetime) -> int:
    """Microseconds from 1970 to an aware moment: how SQLite keeps time."""
    return (moment - EPOCH) // MICROSECOND


class Code(TypeDecorator[Member], Generic[Member]):
    """A member of an enumeration, kept as a small number.

    Numbers make short rows and cheap partial indexes, and need no type look-up as a PostgreSQL ENUM does.
    """

    impl = SmallInteger
    cache_ok = True

    def __init__(self, enumeration: type[Member]) -> None:
        super().__init__()
        self.enumeration = enumeration
        self._members = tuple(enumeration)
        self._codes = {member: code for code, member in enumerate(self._members)}

    @override
    def process_bind_param(self, value: Member | None, dialect: Dialect) -> int | None:
        return None if value is None else self._codes[value]

    @override
    def process_result_value(self, value: int | None, dialect: Dialect) -> Member | None:
        return None if value is None else self._members[value]


class UTCDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC: `timestamptz` on PostgreSQL, microseconds since 1970 on SQLite.

    SQLite has no type for time; a number compares, sorts and adds exactly, and needs no parsing.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(DateTime(timezone=True))

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return microseconds(value)

    @override
    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name != "sqlite":
            return value  # type: ignore[no-any-return]
        return EPOCH + timedelta(microseconds=value)
