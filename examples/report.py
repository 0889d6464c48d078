"""Reports of sales from a CSV file, as tasks.

    SALES_ROOT=examples/data narad worker --handlers examples.report
    curl -s localhost:8000/api/v1/tasks -H 'Content-Type: application/json' \
        -d '{"name": "Sales", "handler": "reports.sales", "payload": {"path": "sales.csv", "by": "region"}}'

The file has the columns date, order, region, product, quantity and unit_price. Money is counted in whole cents.
"""

import csv
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Literal

from narad import Context, Fatal, handler

ROOT_VARIABLE = "SALES_ROOT"
_COLUMNS = ("date", "order", "region", "product", "quantity", "unit_price")
_MOST_FAULTS = 20
_EVERY = 200

By = Literal["region", "product", "month"]


@dataclass(slots=True, kw_only=True)
class Group:
    """What was sold of one kind."""

    orders: int = 0
    quantity: int = 0
    revenue: Decimal = Decimal(0)


@dataclass(slots=True, kw_only=True)
class Report:
    """A report: groups by name, the best first, and the lines that were left out, with the reason."""

    rows: int = 0
    revenue: Decimal = Decimal(0)
    first: date | None = None
    last: date | None = None
    groups: dict[str, Group] = field(default_factory=dict)
    left_out: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """One line of the file."""

    day: date
    region: str
    product: str
    quantity: int
    revenue: Decimal


@handler("reports.sales", timeout=300)
def sales(path: str, ctx: Context, by: By = "region") -> Report:
    """Sum up the sales of a file by region, product or month.

    `path` is relative to the directory `SALES_ROOT`. Lines that make no sense are left out and named in the report.
    """
    file = _inside(_root(), path)
    expected = file.stat().st_size
    report, groups = Report(), defaultdict[str, Group](Group)
    with file.open(newline="", encoding="utf-8") as source:
        lines = _counted(source, ctx, expected)
        for number, row in enumerate(_rows(csv.DictReader(lines), path), 2):
            try:
                sale = _sale(row)
            except (ValueError, InvalidOperation) as error:
                report.left_out += 1
                if len(report.faults) < _MOST_FAULTS:
                    report.faults.append(f"line {number}: {error}")
                continue
            _add(report, groups[_key(sale, by)], sale)
    ctx.log(f"{report.rows} lines counted, {report.left_out} left out")
    report.groups = dict(sorted(groups.items(), key=lambda item: (-item[1].revenue, item[0])))
    return report


def _counted(source: Iterator[str], ctx: Context, expected: int) -> Iterator[str]:
    """The lines, with a look at the context now and then: a thread stops only where it wants to."""
    read = 0
    for number, line in enumerate(source):
        read += len(line.encode())
        if number % _EVERY == 0:
            ctx.raise_if_cancelled()
            ctx.progress(min(1.0, read / max(expected, 1)), f"{number} lines")
        yield line
    ctx.progress(1)


def _rows(reader: "csv.DictReader[str]", path: str) -> Iterator[dict[str, str]]:
    missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise Fatal(f"{path} lacks the columns {', '.join(missing)}.")
    yield from reader


def _sale(row: dict[str, str]) -> Sale:
    quantity, price = int(row["quantity"] or ""), Decimal(row["unit_price"] or "")
    if quantity <= 0 or price < 0 or price != price.quantize(Decimal("0.01")):
        raise ValueError(f"{quantity} at {price} is no sale")
    if not row["region"] or not row["product"]:
        raise ValueError("it has no region or no product")
    return Sale(
        day=date.fromisoformat(row["date"]),
        region=row["region"],
        product=row["product"],
        quantity=quantity,
        revenue=quantity * price,
    )


def _add(report: Report, group: Group, sale: Sale) -> None:
    report.rows += 1
    report.revenue += sale.revenue
    report.first = min(report.first or sale.day, sale.day)
    report.last = max(report.last or sale.day, sale.day)
    group.orders += 1
    group.quantity += sale.quantity
    group.revenue += sale.revenue


def _key(sale: Sale, by: By) -> str:
    match by:
        case "region":
            return sale.region
        case "product":
            return sale.product
        case "month":
            return f"{sale.day:%Y-%m}"


def _root() -> Path:
    value = os.environ.get(ROOT_VARIABLE)
    if not value:
        raise Fatal(f"{ROOT_VARIABLE} is not set: it names the directory of the files.")
    return Path(value).resolve()


def _inside(root: Path, path: str) -> Path:
    file = (root / path).resolve()
    if not file.is_relative_to(root) or not file.is_file():
        raise Fatal(f"There is no file {path}.")
    return file
