"""Runs the suite in two parts: what can share the machine, and then, one at a time, what promises a number of seconds.

A promise of seconds is measured with nothing beside it: next to three other processes on two cores a test would tell
how busy the machine is. Such tests have the marker `serial`.
"""

import argparse
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence

import pytest

CHOSEN_NONE = pytest.ExitCode.NO_TESTS_COLLECTED


def parts(parallel: Sequence[str], arguments: Sequence[str], marks: str = "") -> list[list[str]]:
    """The arguments of pytest for each part, of tests with these marks; without any for processes there is one part."""
    if not parallel:
        return [[*arguments, *(("-m", marks) if marks else ())]]
    beside = f"({marks}) and " if marks else ""
    return [[*parallel, *arguments, "-m", f"{beside}not serial"], [*arguments, "-m", f"{beside}serial"]]


def verdict(codes: Sequence[int]) -> int:
    """The exit code of the whole: a part may have nothing to run, but not all of them."""
    failed = [code for code in codes if code not in {pytest.ExitCode.OK, CHOSEN_NONE}]
    if failed:
        return failed[0]
    return pytest.ExitCode.OK if pytest.ExitCode.OK in codes else CHOSEN_NONE


def main() -> int:
    """Run all parts, also after one has failed; an interrupt ends them."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--parallel", default="", help="the arguments of pytest that spread tests over processes")
    parser.add_argument("-m", dest="marks", default="", help="tests with these marks, as pytest has it")
    options, arguments = parser.parse_known_args()
    # An interrupt is for pytest, which tells what failed so far and stops its servers; it would be killed beside us.
    signal.signal(signal.SIGINT, lambda *_: None)
    codes: list[int] = []
    for part in parts(shlex.split(options.parallel), arguments, options.marks):
        sys.stdout.write(f"pytest {shlex.join(part)}\n")
        sys.stdout.flush()
        codes.append(subprocess.run([sys.executable, "-m", "pytest", *part], check=False).returncode)
        if codes[-1] == pytest.ExitCode.INTERRUPTED:
            break
    return verdict(codes)


if __name__ == "__main__":
    sys.exit(main())
