"""How commands are made: the options that all have, examples below the help, and one way to end."""

import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Annotated, Any, get_type_hints

import typer

from narad.cli.columns import TimeFormat, printable
from narad.cli.exits import ExitCode
from narad.cli.failure import Failure
from narad.cli.output import Colour, Look, Output, Printer
from narad.cli.session import Session, Where
from narad.cli.starting import one_line

Body = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Common:
    """Options of every command that prints."""

    output: Annotated[Output, typer.Option("--output", "-o", help="How to print.")] = Output.TABLE
    time_format: Annotated[TimeFormat, typer.Option("--time-format", help="How tables tell times.")] = TimeFormat.AUTO
    color: Annotated[Colour, typer.Option("--color", help="When to colour; NO_COLOR=1 means never.")] = Colour.AUTO
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print data alone, no talk.")] = False
    no_input: Annotated[bool, typer.Option("--no-input", help="Never ask; fail instead.")] = False
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False


@dataclass(frozen=True, slots=True)
class Remote:
    """Options of commands that ask a service."""

    url: Annotated[str | None, typer.Option("--url", metavar="URL", help="The service; else NARAD_URL.")] = None
    profile: Annotated[str | None, typer.Option("--profile", metavar="NAME", help="A profile to use.")] = None


def group() -> typer.Typer:
    """The commands of a group, which `narad.cli.groups` names."""
    return typer.Typer(rich_markup_mode=None)


def command(app: typer.Typer, *examples: str, name: str | None = None, remote: bool = True) -> Callable[[Body], Body]:
    """Make a function a command: it gets a `Session`, and its dataclass parameters are filled from their options."""

    def register(body: Body) -> Body:
        app.command(name, epilog=below_help(*examples))(_runnable(body, remote=remote))
        return body

    return register


def below_help(*examples: str) -> str:
    """The end of a help text: examples that can be copied."""
    return "\n".join(["\b", "Examples:", *(f"  {example}" for example in examples)])


def _runnable(body: Body, *, remote: bool) -> Body:
    """The function that Typer sees: it has every option of its own, and runs the body within the one way to end."""
    groups: dict[str, type] = {}
    plain: list[inspect.Parameter] = []
    taken, *own = inspect.signature(body, eval_str=True).parameters.values()
    for parameter in own:
        if is_dataclass(parameter.annotation) and isinstance(parameter.annotation, type):
            groups[parameter.name] = parameter.annotation
        else:
            plain.append(parameter)
    shared = [Common, Remote] if remote else [Common]
    parameters = [*plain, *(one for kind in (*groups.values(), *shared) for one in _options_of(kind))]

    @functools.wraps(body)
    def run(**given: Any) -> None:  # noqa: ANN401 - whatever the options are
        common = _taken(Common, given)
        where = _taken(Remote, given) if remote else Remote()
        filled = {name: _taken(kind, given) for name, kind in groups.items()}
        with ending(debug=common.debug), _session(common, where) as session:
            body(session, **filled, **given)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # what inspect itself looks for
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    del taken
    return run


def _options_of(kind: type) -> Iterator[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    for field in fields(kind):
        default = inspect.Parameter.empty if field.default is MISSING else field.default
        yield inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hints[field.name]
        )


def _taken(kind: type[Any], given: dict[str, Any]) -> Any:  # noqa: ANN401 - an instance of the kind
    return kind(**{field.name: given.pop(field.name) for field in fields(kind)})


@contextmanager
def _session(common: Common, remote: Remote) -> Iterator[Session]:
    look = Look.of(common.output, common.time_format, common.color, quiet=common.quiet, environment=os.environ)
    asks = not common.no_input and sys.stdin.isatty() and sys.stderr.isatty()
    session = Session(Printer(look), Where(remote.url, remote.profile), asks=asks)
    try:
        yield session
    finally:
        session.close()


@contextmanager
def ending(*, debug: bool = False) -> Iterator[None]:
    """Turn what a command raises on purpose into one line on standard error and its exit code."""
    try:
        with one_line():
            yield
        sys.stdout.flush()  # whoever closed the pipe is to be noticed here
    except Failure as error:
        _complain(error, debug=debug)
        raise typer.Exit(error.code) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(ExitCode.INTERRUPTED) from error
    except BrokenPipeError as error:
        # Whoever read has read enough. Python would complain once more at its end, when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(ExitCode.DONE) from error
    except (typer.Exit, typer.Abort, typer.TyperException):
        raise
    except Exception as error:
        if debug:
            raise
        text = f"{type(error).__name__}: {error}. This is a fault of narad itself; --debug shows where."
        _complain(Failure(text), debug=False)
        raise typer.Exit(ExitCode.ERROR) from error


def _complain(error: Failure, *, debug: bool) -> None:
    if debug:
        import traceback  # noqa: PLC0415 - loaded when needed

        traceback.print_exc()
    typer.echo(f"narad: {printable(str(error))}", err=True)
