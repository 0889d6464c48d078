"""Handlers as modules declare them, without any service: what `narad handlers` finds in code."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from narad.errors import ConfigurationError
from narad.worker.catalogue import describe
from narad.worker.handler import AnyHandler
from narad.worker.lifespan import AnyLifespan, name_of_type
from narad.worker.loading import load_handlers, load_lifespans
from narad.worker.resources import check_needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What modules hold, and what is wrong with them: a worker that is given them would not start."""

    handlers: Mapping[str, AnyHandler]
    lifespans: Sequence[AnyLifespan]
    problems: Sequence[str]


def look_into(modules: Sequence[str]) -> Findings:
    """Import modules as a worker does, and go on after the first problem."""
    # Modules are looked for where the command is run, as `python -m` would.
    sys.path.insert(0, "")
    problems = {module: _problem_in(module) for module in modules}
    sound = [module for module, problem in problems.items() if problem is None]
    found = [problem for problem in problems.values() if problem is not None]
    try:
        handlers, lifespans = _load(sound)
    except ConfigurationError as error:
        return Findings(handlers={}, lifespans=(), problems=[*found, str(error)])
    return Findings(handlers=handlers, lifespans=lifespans, problems=found)


def line_of(handler: AnyHandler) -> str:
    """One handler on one line: its name, how it runs, where it is."""
    options = handler.options
    kind = options.isolation or ("async" if handler.is_async else "thread")
    return f"{handler.name}\t{options.queue}\t{kind}\t{handler.place}"


def line_of_lifespan(lifespan: AnyLifespan) -> str:
    """One lifespan on one line."""
    provides = "nothing" if lifespan.provides is None else name_of_type(lifespan.provides)
    return f"{provides}\t-\tlifespan\t{lifespan.place}"


def shown(handler: AnyHandler) -> str:
    """All that the catalogue would say of a handler, as JSON."""
    (entry,) = describe([handler])
    fields = {
        "name": entry.name,
        "place": handler.place,
        "queue": entry.queue,
        "title": entry.title,
        "description": entry.description,
        "options": entry.options,
        "resources": {name: name_of_type(kind) for name, kind in handler.signature.resources.items()},
        "payload_schema": entry.payload_schema,
        "result_schema": entry.result_schema,
        "fingerprint": entry.fingerprint,
    }
    return json.dumps(fields, indent=2)


def _problem_in(module: str) -> str | None:
    """What is wrong with a module, taken by itself; another may provide what it lacks."""
    try:
        load_handlers([module])
    except ConfigurationError as error:
        return str(error)
    return None


def _load(modules: Sequence[str]) -> tuple[Mapping[str, AnyHandler], Sequence[AnyLifespan]]:
    handlers = load_handlers(modules)
    by_module = load_lifespans(modules)
    lifespans = list({id(one): one for found in by_module.values() for one in found}.values())
    check_needs(handlers, lifespans, by_module)
    return handlers, lifespans
