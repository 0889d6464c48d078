"""The OpenAPI document that is kept in the repository. `python -m tests.support.openapi_snapshot` renews it."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from narad.api.app import ROUTES
from narad.api.openapi import document_of
from tests.support.openapi_changes import breaking_changes
from tests.support.repository import ROOT

PATH = ROOT / "docs" / "openapi.json"


def current() -> dict[str, Any]:
    """The document of the code as it is."""
    return document_of(ROUTES)


def kept() -> dict[str, Any]:
    """The document in the repository."""
    document: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
    return document


def _main() -> int:
    parser = ArgumentParser(description="Renew docs/openapi.json.")
    parser.add_argument("--breaking", action="store_true", help="even where that breaks clients")
    arguments = parser.parse_args()
    document = current()
    broken = breaking_changes(kept(), document) if PATH.exists() else []
    for change in broken:
        sys.stdout.write(f"breaks clients: {change}\n")
    if broken and not arguments.breaking:
        sys.stdout.write("Nothing was written. Where clients shall be broken: make openapi ARGS=--breaking\n")
        return 1
    PATH.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(_main())
