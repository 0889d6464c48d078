"""Cookies of the pages: for this service alone, out of reach of scripts, and over https only where it is used."""

from fastapi import Request, Response

from narad.dashboard.form_tokens import VISITOR, visitor_of

_YEAR = 31_536_000


def set_cookie(request: Request, response: Response, name: str, value: str, *, seconds: int = _YEAR) -> None:
    """Set a cookie."""
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=_path(request),
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def drop_cookie(request: Request, response: Response, name: str) -> None:
    """Have a cookie forgotten."""
    response.delete_cookie(name, path=_path(request), secure=request.url.scheme == "https", httponly=True)


def welcome(request: Request, response: Response) -> None:
    """Give a new browser the word that its form tokens are bound to."""
    visitor, is_new = visitor_of(request)
    if is_new:
        set_cookie(request, response, VISITOR, visitor)


def _path(request: Request) -> str:
    return f"{request.scope.get('root_path', '')}/ui"
