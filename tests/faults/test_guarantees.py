"""`docs/guarantees.md` promises nothing that no test proves."""

import ast
import re
from pathlib import Path

import pytest

from tests.support.repository import ROOT, text_of

_DOCUMENT = "docs/guarantees.md"
_LINK = re.compile(r"\[`(?P<test>test_\w+)`\]\((?P<path>[^)]+)\)")
_PROMISE = re.compile(r"^- .*(?:\n  .*)*", re.MULTILINE)

LINKS = sorted({(link["path"], link["test"]) for link in _LINK.finditer(text_of(_DOCUMENT))})


@pytest.mark.parametrize(("path", "test"), LINKS)
def test_every_linked_test_exists(path: str, test: str) -> None:
    file = (ROOT / Path(_DOCUMENT).parent / path).resolve()
    tree = ast.parse(file.read_text(encoding="utf-8"))

    assert test in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_promise_is_linked_to_a_test() -> None:
    promises = _PROMISE.findall(text_of(_DOCUMENT))

    assert len(promises) > 20
    assert not [promise for promise in promises if not _LINK.search(promise)]
