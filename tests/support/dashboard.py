"""A reader of the dashboard without a browser: keeps cookies, and sends the forms that a page has."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser

import httpx2
from typing_extensions import override

PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "section#live"}


@dataclass
class Form:
    """A form of a page: where it is sent, and what its fields hold."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._text: str | None = None
        self._select: str | None = None

    @override
    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(given.get("action", ""), given.get("method", "get")))
        elif given.get("type") in {"checkbox", "radio"} and "checked" not in given:
            return  # a browser sends only what is ticked
        elif self.found and tag == "input" and "name" in given:
            self.found[-1].fields[given["name"]] = given.get("value", "")
        elif self.found and tag in {"textarea", "select"} and "name" in given:
            self.found[-1].fields[given["name"]] = ""
            self._text, self._select = (given["name"], None) if tag == "textarea" else (None, given["name"])
        elif tag == "option" and self._select is not None and "selected" in given:
            self.found[-1].fields[self._select] = given["value"]

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag in {"textarea", "select"}:
            self._text = self._select = None

    @override
    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self.found[-1].fields[self._text] += data


class Reader:
    """Opens pages and sends forms."""

    def __init__(self, url: str, **headers: str) -> None:
        self.http = httpx2.Client(
            base_url=url,
            timeout=30,
            trust_env=False,
            headers={"Accept": "text/html", **headers},
            follow_redirects=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def open(self, path: str, **headers: str) -> httpx2.Response:
        """A page, whatever the answer."""
        return self.http.get(path, headers=headers)

    def part(self, path: str) -> httpx2.Response:
        """What htmx asks for of a page."""
        return self.http.get(path, headers=PARTIAL)

    def form(self, path: str, ending: str) -> Form:
        """The form of a page whose address ends so."""
        answer = self.open(path)
        assert answer.status_code == 200, answer.text
        return next(form for form in forms_of(answer.text) if form.action.endswith(ending) and form.method == "post")

    def send(self, form: Form, filled: Mapping[str, str] | None = None, **fields: str) -> httpx2.Response:
        """Send a form, with some of its fields filled in."""
        return self.http.post(form.action, data={**form.fields, **(filled or {}), **fields})

    def send_from(self, form: Form, headers: Mapping[str, str]) -> httpx2.Response:
        """Send a form as it is, with what browsers say of where it comes from."""
        return self.http.post(form.action, data=form.fields, headers=dict(headers))

    def log_in(self, key: str, *, path: str = "/ui/login") -> httpx2.Response:
        """Show a key."""
        return self.send(self.form(path, "/ui/login"), key=key)


def forms_of(html: str) -> list[Form]:
    """Every form of a page."""
    parser = _Forms()
    parser.feed(html)
    parser.close()
    return parser.found


def text_of(html: str) -> str:
    """What a page says, without its tags."""
    return unescape(re.sub(r"\s+", " ", re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", html, flags=re.DOTALL)))
