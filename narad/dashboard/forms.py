"""What a form holds, as the models of the API take it."""

from collections.abc import Mapping
from typing import TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData

from narad.api.errors import from_validation

M = TypeVar("M", bound=BaseModel)


def sent_in(form: FormData, name: str) -> str:
    """What a field was sent with, as it is; nothing where it is not there."""
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def text_in(form: FormData, name: str) -> str:
    """The text of a field, without the space around it."""
    return sent_in(form, name).strip()


def listed_in(form: FormData, name: str) -> list[str]:
    """The entries of a field that takes several, apart by commas, spaces or lines; or of boxes with one name."""
    given = [value for value in form.getlist(name) if isinstance(value, str)]
    return [one for value in given for one in value.replace(",", " ").split()]


def checked(model: type[M], values: Mapping[str, object]) -> M:
    """The model that the fields make; those left empty are not given.

    Raises:
        Problem: a field is not valid.
    """
    given = {name: value for name, value in values.items() if value not in ("", None, [])}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        found = [{**one, "loc": ("body", *one["loc"])} for one in error.errors(include_url=False)]
        raise from_validation(RequestValidationError(found).errors(), []) from None
