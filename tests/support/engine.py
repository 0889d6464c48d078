"""The Docker command, where an engine answers it. Standard library only: it runs before any environment is built."""

import shutil
import subprocess

_ANSWER_SECONDS = 20
_COMMAND_SECONDS = 120


class EngineError(RuntimeError):
    """A docker command failed; the message is its last line."""


def engine_answers() -> bool:
    """Whether there is a Docker engine that runs Linux containers for us."""
    if shutil.which("docker") is None:
        return False
    try:
        return docker("version", "--format", "{{.Server.Os}}", seconds=_ANSWER_SECONDS) == "linux"
    except EngineError:
        return False


def docker(*arguments: str, seconds: float = _COMMAND_SECONDS) -> str:
    """Run one docker command, and return what it printed."""
    try:
        answer = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired as error:
        message = f"docker {arguments[0]}: no answer within {seconds:g} s"
        raise EngineError(message) from error
    if answer.returncode != 0:
        reason = answer.stderr.strip().splitlines()[-1:]
        message = f"docker {arguments[0]}: {' '.join(reason) or f'exit code {answer.returncode}'}"
        raise EngineError(message)
    return answer.stdout.strip()
