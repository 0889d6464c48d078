"""`narad doctor`: what is wrong with this installation, and what to do."""

from narad.cli.columns import Column, Kind
from narad.cli.exits import ExitCode
from narad.cli.failure import Failure
from narad.cli.session import Session

COLUMNS = (
    Column("state", "state", Kind.STATUS),
    Column("check", "check"),
    Column("found", "found"),
    Column("to do", "to_do"),
)
EXAMPLES = ("narad doctor", "narad doctor -o json", "narad doctor --url https://narad.example.org")


def doctor(session: Session) -> None:
    """Look at settings, handlers, database, schema, clock, broker, workers, keys, files and the service.

    Exit code 1 where something has to be done; a warning alone is none.
    """
    from narad.cli.doctor_checks import examine  # noqa: PLC0415 - loaded when needed

    findings = examine(session)
    session.out.rows([one.shown() for one in findings], COLUMNS, key="check")
    bad = sum(one.state == "fail" for one in findings)
    if bad:
        raise Failure(f"{bad} of {len(findings)} checks failed.", ExitCode.ERROR)
    session.out.say("Nothing has to be done.")
