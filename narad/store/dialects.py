"""Where PostgreSQL and SQLite say the same thing in different words.

Each construct below is part of an ordinary SQLAlchemy statement and is spelled out by the compiler of the database in
use, so that every statement of the store is written once. A batch travels as one JSON parameter: the text of a
statement does not depend on the number of its rows, so it is compiled and prepared once.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, cast
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import (
    JSON,
    ColumnElement,
    Dialect,
    Executable,
    Select,
    Table,
    TableValuedAlias,
    Text,
    TypeDecorator,
    Uuid,
    bindparam,
    column,
    literal_column,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine
from typing_extensions import override

from narad.store.types import StoredJson, UTCDateTime

Row = Mapping[str, Any]
Columns = tuple[tuple[str, TypeEngine[Any]], ...]


class RowsType(TypeDecorator[Sequence[Row]]):
    """Rows as the text of a JSON array of objects, each value in the form in which the database stores its column."""

    impl = Text
    cache_ok = True

    def __init__(self, columns: Columns) -> None:
        super().__init__()
        self.columns = columns

    @override
    def process_bind_param(self, value: Sequence[Row] | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        encoders = _encoders(self.columns, dialect.name, dialect)
        return to_json([_encoded(row, encoders) for row in value]).decode()


Encoder = Callable[[Any], Any]


def _encoded(row: Row, encoders: Sequence[tuple[str, Encoder]]) -> dict[str, Any]:
    """A row in the words of the database, without what is None: as a JSON value SQLite would not take it for NULL."""
    encoded = {name: value for name, value in row.items() if value is not None}
    for name, encode in encoders:
        if name in encoded:
            encoded[name] = encode(encoded[name])
    return encoded


@cache
def _encoders(columns: Columns, name: str, dialect: Dialect) -> tuple[tuple[str, Encoder], ...]:
    """Of those columns whose values JSON alone does not express; PostgreSQL reads ids and times as JSON has them."""
    native: tuple[type[TypeEngine[Any]], ...] = (JSON, Uuid, UTCDateTime) if name == "postgresql" else (JSON,)
    found = (
        (column, type_.dialect_impl(dialect).bind_processor(dialect))
        for column, type_ in columns
        if not isinstance(type_, native)
    )
    return tuple((column, encode) for column, encode in found if encode is not None)


class _Spelled(FunctionElement[Any]):
    """A construct that each database spells in its own words; `{0}`, `{1}` stand for its parts.

    Conditions are left without a type: as booleans, SQLite would get them as `… = 1`, which no index can serve.
    """

    inherit_cache = True
    postgresql: str
    sqlite: str


@compiles(_Spelled)
def _spell(element: _Spelled, compiler: SQLCompiler, **kw: Any) -> str:
    words = element.postgresql if compiler.dialect.name == "postgresql" else element.sqlite
    return words.format(*(compiler.process(part, **kw) for part in element.clauses))


class RowsOf(FunctionElement[Any]):
    """The rows of one `RowsType` parameter, in a FROM clause."""

    name = "rows_of"
    inherit_cache = True


def rows_of(parameter: str, alias: str, **columns: TypeEngine[Any]) -> TableValuedAlias:
    """A batch as a table called `alias`: its rows are those of the parameter, each a mapping with all `columns`."""
    rows = RowsOf(bindparam(parameter, type_=RowsType(tuple(columns.items()))))
    return rows.table_valued(*(column(name, type_) for name, type_ in columns.items()), name=alias)


def _columns_of(element: RowsOf) -> Columns:
    (parameter,) = element.clauses.clauses
    return cast("RowsType", parameter.type).columns


@compiles(RowsOf, "postgresql")
def _rows_of_postgresql(element: RowsOf, compiler: SQLCompiler, **kw: Any) -> str:
    spell = compiler.dialect.type_compiler_instance.process
    columns = ", ".join(f"{name} {spell(type_)}" for name, type_ in _columns_of(element))
    return f"(SELECT * FROM json_to_recordset(CAST({compiler.process(element.clauses, **kw)} AS JSON)) AS r({columns}))"


@compiles(RowsOf, "sqlite")
def _rows_of_sqlite(element: RowsOf, compiler: SQLCompiler, **kw: Any) -> str:
    columns = ", ".join(
        f"value -> '$.{name}' AS {name}" if isinstance(type_, JSON) else f"value ->> '$.{name}' AS {name}"
        for name, type_ in _columns_of(element)
    )
    return f"(SELECT {columns} FROM json_each({compiler.process(element.clauses, **kw)}))"


class IdsType(TypeDecorator[Sequence[UUID]]):
    """A set of ids as one parameter: an array, or the text of a JSON array."""

    impl = Text
    cache_ok = True

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(postgresql.ARRAY(Uuid()) if dialect.name == "postgresql" else Text())

    @override
    def process_bind_param(self, value: Sequence[UUID] | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return json.dumps([item.hex for item in value])


class _InIds(_Spelled):
    inherit_cache = True
    postgresql = "{0} = ANY({1})"
    sqlite = "{0} IN (SELECT value FROM json_each({1}))"


def in_ids(id_column: ColumnElement[UUID], parameter: str) -> ColumnElement[bool]:
    """Whether the id is one of those in the parameter, a sequence of ids."""
    return _InIds(id_column, bindparam(parameter, type_=IdsType()))


def is_one_of(id_column: ColumnElement[UUID], ids: Sequence[UUID]) -> ColumnElement[bool]:
    """Whether the id is one of these."""
    return _InIds(id_column, bindparam("ids", ids, type_=IdsType(), unique=True))


class _InSelect(_Spelled):
    inherit_cache = True
    postgresql = "{0} = ANY(ARRAY{1})"
    sqlite = "{0} IN {1}"


def in_select(id_column: ColumnElement[UUID], rows: Select[UUID]) -> ColumnElement[bool]:
    """Whether the id is among the selected ones, which are selected once.

    Beside a join with the same rows it says which side leads: the ids, by the primary key, whatever the planner thinks
    of the size of the table.

    On PostgreSQL a plain `IN (SELECT … LIMIT n)` may be evaluated repeatedly and take too many rows, and a join may
    walk the whole primary key under a generic plan; an array does neither.
    """
    return _InSelect(id_column, rows.scalar_subquery())


class _PlusSeconds(_Spelled):
    type = UTCDateTime()
    inherit_cache = True
    postgresql = "({0} + make_interval(secs => {1}))"
    sqlite = "({0} + CAST({1} * 1000000 AS INTEGER))"


def plus_seconds(moment: ColumnElement[Any], seconds: ColumnElement[Any]) -> ColumnElement[datetime]:
    """The moment so many seconds later; NULL where either is."""
    return _PlusSeconds(moment, seconds)


class _HasTag(_Spelled):
    inherit_cache = True
    postgresql = "jsonb_exists({0}, {1})"
    sqlite = "EXISTS (SELECT 1 FROM json_each({0}) WHERE value = {1})"


def has_tag(tags: ColumnElement[Any], tag: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether the JSON array `tags` holds the text `tag`."""
    return _HasTag(tags, tag)


class _ByCodePoint(_Spelled):
    type = Text()
    inherit_cache = True
    postgresql = '({0} COLLATE "C")'
    sqlite = "{0}"


def by_code_point(value: ColumnElement[str]) -> ColumnElement[str]:
    """The text, compared by its code points, whatever the language of the database."""
    return _ByCodePoint(value)


class _WithoutMember(_Spelled):
    type = StoredJson
    inherit_cache = True
    postgresql = "({0} - {1})"
    sqlite = "json_remove({0}, '$.' || {1})"


def without_member(value: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    """The JSON object without one of its members."""
    return _WithoutMember(value, literal_column(f"'{name}'"))


def upsert(table: Table, dialect_name: str) -> Executable:
    """An INSERT of one whole row that takes the place of a row with the same primary key."""
    insert = sqlite.insert(table) if dialect_name == "sqlite" else postgresql.insert(table)
    others = {c.name: insert.excluded[c.name] for c in table.c if not c.primary_key}
    return insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=others)


def insert_unless_present(
    table: Table, dialect_name: str, columns: Sequence[str] = (), rows: Select[Any] | None = None
) -> PostgresInsert | SqliteInsert:
    """An INSERT that leaves rows alone which have the same key, or are the same by a unique index.

    It takes the values of its parameters, or the selected `rows` for these `columns`.
    """
    insert = sqlite.insert(table) if dialect_name == "sqlite" else postgresql.insert(table)
    if rows is not None:
        # Without a WHERE, SQLite reads the ON of ON CONFLICT as that of a join (its documentation of UPSERT, 2.2).
        insert = insert.from_select(columns, rows.where(true()))
    return insert.on_conflict_do_nothing()
