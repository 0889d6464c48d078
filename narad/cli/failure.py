"""How a command says no."""

from narad.cli.exits import ExitCode


class Failure(Exception):  # noqa: N818 - not every no is an error: a wait that is over is one too
    """What ends a command: a line for people that says what is wrong, why, and what to do; and the exit code."""

    def __init__(self, text: str, code: ExitCode = ExitCode.ERROR) -> None:
        super().__init__(text)
        self.code = code
