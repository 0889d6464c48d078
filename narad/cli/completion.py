"""`narad completion`: scripts with which shells complete commands and options."""

from enum import StrEnum
from typing import Annotated

import typer

from narad.cli.session import Session


class Shell(StrEnum):
    """Shells that can."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"


EXAMPLES = (
    "narad completion bash > ~/.local/share/bash-completion/completions/narad",
    "narad completion zsh > ~/.zfunc/_narad",
    "narad completion fish > ~/.config/fish/completions/narad.fish",
)


def completion(session: Session, shell: Annotated[Shell, typer.Argument(help="Which shell.")]) -> None:
    """Print the script that completes commands and options in a shell."""
    from typer import completion as scripts  # noqa: PLC0415 - loaded when needed

    script: str = scripts.get_completion_script(  # type: ignore[attr-defined] # it has no other home
        prog_name="narad", complete_var="_NARAD_COMPLETE", shell=str(shell)
    )
    session.out.text(script)
