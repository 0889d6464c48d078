"""From the signature of a handler to the schema of its payload and result, and to checked arguments."""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic_core import PydanticSerializationError, to_jsonable_python
from typing_extensions import TypeForm

from narad.domain.storable import NotStorableError, check_json, size_of
from narad.domain.task import Json, JsonObject
from narad.worker.context import Context

_KINDS = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}


class SignatureError(TypeError):
    """A function cannot be a handler as it is declared."""


class PayloadError(ValueError):
    """A payload does not fit the handler; the text names each field and what is wrong with it."""


class ResultError(ValueError):
    """A handler returned what cannot be stored or does not fit its annotation."""


class Signature:
    """What a handler takes and returns.

    The payload is the keyword arguments. Fields of the model have neutral names, with the parameter's name as alias: a
    parameter may then be called `schema`, `json` or `_x`, which a Pydantic field may not.
    """

    def __init__(self, function: Callable[..., object]) -> None:
        """Read the annotations.

        Raises:
            SignatureError: the function takes positional-only or variable positional parameters, or two contexts.
        """
        hints = get_type_hints(function, include_extras=True)
        fields: dict[str, Any] = {}
        self.context_name: str | None = None
        self._names: dict[str, str] = {}
        further: Any = None
        for name, parameter in inspect.signature(function).parameters.items():
            annotation = hints.get(name, Any)
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                further = annotation
            elif parameter.kind not in _KINDS:
                raise SignatureError(f"{_place(function)}: parameter {name!r} cannot be given by keyword.")
            elif annotation is Context:
                if self.context_name is not None:
                    raise SignatureError(f"{_place(function)}: two parameters are a Context.")
                self.context_name = name
            else:
                self._names[f"f{len(fields)}"] = name
                fields[f"f{len(fields)}"] = _field(name, annotation, parameter)
        self._further = None if further is None else TypeAdapter[object](further)
        self._model = _model(function, fields, takes_more=further is not None)
        self._result = _result_adapter(hints.get("return", Any))

    @property
    def payload_schema(self) -> JsonObject:
        """The JSON Schema (draft 2020-12) of the payload."""
        return self._model.model_json_schema(by_alias=True)

    @property
    def result_schema(self) -> JsonObject | None:
        """The JSON Schema of the result; None where the annotation says nothing."""
        return None if self._result is None else self._result.json_schema(mode="serialization")

    def arguments(self, payload: JsonObject) -> dict[str, object]:
        """The keyword arguments, in the types of the annotations.

        Raises:
            PayloadError: the payload does not fit.
        """
        try:
            model = self._model.model_validate(payload)
            further = {
                key: self._further.validate_python(value) if self._further else value
                for key, value in (model.model_extra or {}).items()
            }
        except ValidationError as error:
            raise PayloadError(_explain(error)) from error
        return {name: getattr(model, field) for field, name in self._names.items()} | further

    def bind(self, payload: JsonObject, context: Context) -> dict[str, object]:
        """The keyword arguments with the context where the handler wants it.

        Raises:
            PayloadError: the payload does not fit.
        """
        arguments = self.arguments(payload)
        return arguments if self.context_name is None else arguments | {self.context_name: context}

    def result(self, value: object, most_bytes: int) -> Json:
        """The returned value as JSON.

        Raises:
            ResultError: it does not fit the annotation, is not JSON, or is larger than `most_bytes`.
        """
        try:
            if self._result is not None:
                value = self._result.dump_python(self._result.validate_python(value), mode="json")
            result: Json = to_jsonable_python(value)
            check_json(result)
            size = size_of(result)
        except (ValidationError, PydanticSerializationError, NotStorableError, ValueError, RecursionError) as error:
            reason = _explain(error) if isinstance(error, ValidationError) else str(error)
            raise ResultError(f"The handler returned what cannot be stored: {reason}") from error
        if size > most_bytes:
            raise ResultError(
                f"The handler returned {size} bytes of JSON, more than {most_bytes}. Store it elsewhere, return where."
            )
        return result


def _field(name: str, annotation: object, parameter: inspect.Parameter) -> tuple[object, object]:
    default = ... if parameter.default is inspect.Parameter.empty else parameter.default
    return annotation, Field(default, alias=name)


def _model(function: Callable[..., object], fields: Mapping[str, Any], *, takes_more: bool) -> type[BaseModel]:
    config = ConfigDict(extra="allow" if takes_more else "forbid", arbitrary_types_allowed=False)
    name = getattr(function, "__name__", "payload")
    return create_model(name, __config__=config, **fields)


def _result_adapter(annotation: TypeForm[object]) -> TypeAdapter[object] | None:
    bare = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    return None if bare is Any else TypeAdapter(annotation)


def _explain(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in problem['loc']) or 'value'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    )


def _place(function: Callable[..., object]) -> str:
    return f"{function.__module__}.{getattr(function, '__qualname__', function)}"
