"""Pages for people beside the API: an application of its own, with its own errors, behind the same gate."""

from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from narad.api.root_path import path_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An application, and the paths that are its own: `paths` as they are, and all below `prefix`."""

    app: ASGIApp
    prefix: str
    paths: frozenset[str]

    def owns(self, path: str) -> bool:
        """Whether the path belongs to it."""
        return path in self.paths or path == self.prefix or path.startswith(f"{self.prefix}/")


class SiteSwitch:
    """Hands requests for the pages to the site, all others on to the API."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app = app
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_page = scope["type"] == "http" and self._site.owns(path_of(scope))
        await (self._site.app if is_page else self._app)(scope, receive, send)
