"""The path under which a proxy publishes the service: links lead there, routes do not know of it."""

from starlette.types import ASGIApp, Receive, Scope, Send


class RootPath:
    """Tells every request of the path, whether the proxy has taken it off or not."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app = app
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path: str = scope["path"]
            is_whole = path == self._root_path or path.startswith(f"{self._root_path}/")
            scope = {**scope, "root_path": self._root_path, "path": path if is_whole else f"{self._root_path}{path}"}
        await self._app(scope, receive, send)


def path_of(scope: Scope) -> str:
    """The path of a request as the routes see it."""
    path: str = scope["path"]
    root_path: str = scope.get("root_path", "")
    return path.removeprefix(root_path) if root_path else path
