"""Whatever is made out of the OpenAPI document and sent, the answer is one that the document has."""

import os
import random
from pathlib import Path

import pytest

from tests.fuzz.run import call_everything
from tests.support.service import StartService

LEAST_CALLS = int(os.environ.get("NARAD_TEST_FUZZ_CALLS") or 0)
"""Set by `make fuzz`. Without it there is one short run of a fixed seed: what passed, passes again."""
EXAMPLES = 100 if LEAST_CALLS else 5


def first_seed() -> int:
    given = os.environ.get("NARAD_TEST_FUZZ_SEED")
    if given:
        return int(given)
    return random.randrange(2**32) if LEAST_CALLS else 1


@pytest.mark.timeout(3_600)
def test_calls_made_out_of_the_document_are_answered_as_it_says(start_service: StartService, tmp_path: Path) -> None:
    service = start_service()
    seed, calls = first_seed(), 0
    while calls <= LEAST_CALLS:
        directory = tmp_path / str(seed)
        directory.mkdir()

        report = call_everything(service.api.url, directory, examples=EXAMPLES, seed=seed)

        assert report.passed, f"repeat it: make fuzz SEED={seed}\n{report.text}"
        assert report.operations > 0
        assert not report.skipped_phases, report.text
        calls += report.calls
        print(f"{calls} calls so far, seed {seed}")  # noqa: T201 - a long run says how far it is
        seed += 1
