"""Every route of the API declares what it demands of its callers, and a route that forgot is shut."""

from pathlib import Path

import pytest
from fastapi import Request
from starlette.routing import Route

from narad.api.app import create_app
from narad.api.caller import ANONYMOUS, Access, access_of, admit, caller_with, needs
from narad.api.json_route import JsonRoute
from narad.api.named_paths import OtherMethods
from narad.api.problems import Problem
from narad.domain.key import Key
from narad.domain.scopes import Scope
from tests.support.services import services_on
from tests.support.stores import opened
from tests.support.tasks import NOW


async def routes(tmp_path: Path) -> list[Route]:
    """Every route of the application."""
    async with opened(f"sqlite:///{tmp_path}/empty.db") as store:
        app = create_app(services_on(store), max_body_bytes=1_024, max_batch_bytes=1_024)
    assert all(isinstance(route, Route) for route in app.routes)
    return [route for route in app.routes if isinstance(route, Route)]


async def test_every_route_of_the_api_declares_the_scope_that_it_demands(tmp_path: Path) -> None:
    of_api = [
        route
        for route in await routes(tmp_path)
        if route.path.startswith("/api") and not isinstance(route.endpoint, OtherMethods)
    ]

    assert len(of_api) >= 10
    for route in of_api:
        assert isinstance(route, JsonRoute), f"{route.path}: give its router route_class=JsonRoute"
        assert access_of(route.endpoint) is not None, f"{route.path} {route.methods}: declare its scope with @needs"


async def test_no_change_but_the_creation_of_tasks_is_left_out_of_the_audit(tmp_path: Path) -> None:
    left_out = {
        route.operation_id
        for route in await routes(tmp_path)
        if isinstance(route, JsonRoute) and not route.access.audited
    }

    assert left_out <= {"createTask", "createTasks", "cloneTask"}


async def forgotten(_request: Request) -> None:
    """An endpoint that declares nothing."""


def test_a_route_that_declares_nothing_is_for_admins() -> None:
    assert JsonRoute("/api/v1/forgotten", forgotten).access == Access(Scope.ADMIN)
    assert JsonRoute("/api/v1/known", needs(Scope.TASKS_READ)(forgotten)).access == Access(Scope.TASKS_READ)


def request_of(scopes: tuple[Scope, ...] | None) -> Request:
    request = Request(
        {"type": "http", "path": "/", "method": "GET", "headers": [], "path_params": {}, "query_string": b""}
    )
    key = Key(id="aaaaaaaa", name="k", scopes=scopes or (), created_at=NOW, created_by=None, expires_at=NOW)
    admit(request.scope, None if scopes is None else caller_with(key))
    return request


@pytest.mark.parametrize(("scopes", "status"), [(None, 401), ((), 403), ((Scope.TASKS_WRITE,), 403)])
async def test_a_route_looks_at_the_caller_before_anything_else(scopes: tuple[Scope, ...] | None, status: int) -> None:
    called: list[Request] = []

    @needs(Scope.TASKS_READ)
    async def endpoint(request: Request) -> None:
        called.append(request)

    with pytest.raises(Problem) as caught:
        await JsonRoute("/api/v1/known", endpoint).get_route_handler()(request_of(scopes))

    assert caught.value.kind.status == status
    assert not called


def test_in_an_open_service_everybody_may_do_everything() -> None:
    assert ANONYMOUS.scopes == set(Scope)
    assert ANONYMOUS.reads_payloads
    assert ANONYMOUS.may_use("anything")
