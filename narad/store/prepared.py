"""Statements of SQLAlchemy, run by asyncpg itself.

SQLAlchemy says once what a statement is: its text, how its parameters are written and its columns read. What it does
anew for each execution costs ten times the execution; a constant statement needs none of that.
"""

import json
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import asyncpg
from sqlalchemy import JSON, ColumnElement, Dialect, Executable, TypeDecorator
from sqlalchemy.sql.compiler import SQLCompiler

Convert = Callable[[Any], Any]


class Prepared:
    """A constant statement as asyncpg takes it, with the way there and back for its values."""

    def __init__(self, statement: Executable, dialect: Dialect) -> None:
        compiled = cast("SQLCompiler", statement.compile(dialect=dialect))  # type: ignore[attr-defined] # of all that runs
        if compiled.post_compile_params:
            raise TypeError(f"not constant, since a parameter changes its text: {compiled}")
        self.text = str(compiled)
        names = compiled.positiontup or ()
        self._parameters = [(name, _writer(compiled, name, dialect)) for name in names]
        self._given = dict(compiled.params)
        columns = _columns(statement)
        self._make = _row_of([column.name for column in columns])
        readers = ((index, _reader(column, dialect)) for index, column in enumerate(columns))
        self._readers = [(index, read) for index, read in readers if read is not None]

    def arguments(self, parameters: Mapping[str, Any]) -> list[Any]:
        """The parameters in the order and the form in which the statement takes them."""
        given = {**self._given, **parameters}
        return [given[name] if write is None else write(given[name]) for name, write in self._parameters]

    def rows(self, records: Iterable[asyncpg.Record]) -> list[Any]:
        """The rows of an answer, each a named tuple; a plain one where the statement is a text."""
        return [self._read(record) for record in records] if self._readers else [*map(self._make, records)]

    def _read(self, record: asyncpg.Record) -> Any:  # noqa: ANN401 - a row, as those of SQLAlchemy
        values = list(record)
        for index, read in self._readers:
            if values[index] is not None:
                values[index] = read(values[index])
        return self._make(values)


def _row_of(names: Sequence[str]) -> Callable[[Iterable[Any]], Any]:
    if not names:
        return tuple
    make: Callable[[Iterable[Any]], Any] = namedtuple("Row", names)._make  # type: ignore[attr-defined]
    return make


def _columns(statement: Executable) -> Sequence[ColumnElement[Any]]:
    """What the statement returns, as far as it says: nothing for a plain text, or for a change without RETURNING."""
    exported: Iterable[ColumnElement[Any]] = getattr(statement, "exported_columns", ())
    return tuple(exported)


def _writer(compiled: SQLCompiler, name: str, dialect: Dialect) -> Convert | None:
    return compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)


def _reader(column: ColumnElement[Any], dialect: Dialect) -> Convert | None:
    """Of JSON and of our own types; all else is in asyncpg's hands as it is in ours."""
    type_ = column.type.dialect_impl(dialect)
    if isinstance(type_, JSON):
        return json.loads
    return type_.result_processor(dialect, None) if isinstance(type_, TypeDecorator) else None
