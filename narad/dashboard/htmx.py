"""What htmx says of its requests: whether a page is wanted or a part of it."""

from fastapi import Request


def wants_fragment(request: Request) -> bool:
    """Whether a part of the page is asked for, to be put into an open one."""
    return request.headers.get("hx-request-type") == "partial"


def target_of(request: Request) -> str:
    """The id of the element that the part is for; htmx sends `tag#id`."""
    return request.headers.get("hx-target", "").rpartition("#")[2]
