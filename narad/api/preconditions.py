"""Conditional requests (RFC 9110, section 13): the entity tag of a task is its version."""

import re
from typing import Final

from narad.api import problems
from narad.api.problems import FieldError, Problem

IF_MATCH: Final = 'Change only this version, such as "v7"; several with commas, * for any.'
_TAG = re.compile(r'(?:W/)?"v(\d{1,18})"')
FORM: Final = {"pattern": r'^(\*|(W/)?"v\d{1,18}"(, ?(W/)?"v\d{1,18}")*)$'}
"""Of the header, for the OpenAPI document."""


def expected_version(if_match: str | None) -> frozenset[int] | None:
    """The versions that the header If-Match allows; None for any.

    Raises:
        Problem: it holds something else than entity tags of tasks.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    # Empty elements of a list count for nothing (RFC 9110, section 5.6.1); a list of none allows no version.
    found = [_TAG.fullmatch(tag) for tag in map(str.strip, if_match.split(",")) if tag]
    versions = [int(match[1]) for match in found if match is not None]
    if len(versions) < len(found):
        error = FieldError(detail='must be entity tags such as "v7", or *', code="pattern", header="If-Match")
        raise Problem(problems.VALIDATION_ERROR, "The header If-Match is not valid.", errors=[error])
    return frozenset(versions)
