"""From the signature of a handler to the schema of its payload and result, and to checked arguments."""

import inspect
from collections.abc import Callable, Mapping
from types import NoneType, SimpleNamespace, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind
from pydantic_core import PydanticSerializationError, to_json, to_jsonable_python
from typing_extensions import TypeForm, override

from narad.domain.storable import NotStorableError, check_json
from narad.domain.task import Json, JsonObject
from narad.worker.context import Context
from narad.worker.lifespan import SignatureError, resource_of
from narad.worker.signals import Snooze
from narad.worker.words import message_of, type_of

_KINDS = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
__all__ = ["PayloadError", "ResultError", "Signature", "SignatureError"]

_UNSTORABLE = "The handler returned what cannot be stored"


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
            SignatureError: the function takes positional-only or variable positional parameters, or two contexts, or
                an annotation cannot be resolved or has no form in JSON.
        """
        hints = _hints(function)
        fields: dict[str, Any] = {}
        self.context_name: str | None = None
        self.resources: dict[str, object] = {}
        """The types of the parameters that get what lifespans provide."""
        self._names: dict[str, str] = {}
        further: Any = None
        for name, parameter in inspect.signature(function).parameters.items():
            annotation = hints.get(name, Any)
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                further = annotation
            elif parameter.kind not in _KINDS:
                raise SignatureError(f"{_place(function)}: parameter {name!r} cannot be given by keyword.")
            elif _is_context(annotation):
                if self.context_name is not None:
                    raise SignatureError(f"{_place(function)}: two parameters are a Context.")
                self.context_name = name
            elif (kind := resource_of(annotation)) is not None:
                self.resources[name] = kind
            else:
                self._names[f"f{len(fields)}"] = name
                fields[f"f{len(fields)}"] = _field(name, annotation, parameter)
        try:
            self._model = _model(function, fields, further)
            self.payload_schema: JsonObject = self._model.model_json_schema(schema_generator=_Schemas)
            """The JSON Schema (draft 2020-12) of the payload."""
        except Exception as error:
            raise SignatureError(f"{_place(function)}: {_culprit(hints, error)}") from error
        try:
            self._result = _result_adapter(_without_snooze(hints.get("return", Any)))
            self.result_schema = _result_schema(self._result)
            """The JSON Schema of the result; None where the annotation says nothing."""
        except Exception as error:
            raise SignatureError(f"{_place(function)}: the result has no form in JSON: {_first_line(error)}") from error

    def arguments(self, payload: str) -> dict[str, object]:
        """The keyword arguments out of the text of a payload, in the types of the annotations.

        Raises:
            PayloadError: the payload does not fit.
        """
        try:
            model = self._model.model_validate_json(payload)
        except ValidationError as error:
            raise PayloadError(_explain(error)) from error
        except BaseException as error:
            # Validators are code of users, and may fail in any way.
            raise PayloadError(f"the check failed: {type_of(error)}: {message_of(error)}") from error
        given = {name: getattr(model, field) for field, name in self._names.items()}
        return given | (model.model_extra or {})

    def bind(self, payload: str, context: Context) -> dict[str, object]:
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
                checked = self._result.validate_python(value)
                value = self._result.dump_python(checked, mode="json", by_alias=True)
            result: Json = to_jsonable_python(value, by_alias=True)
            check_json(result)
            size = len(to_json(result))
        except ValidationError as error:
            raise ResultError(f"{_UNSTORABLE}: {_explain(error)}") from error
        except (PydanticSerializationError, NotStorableError, ValueError, RecursionError) as error:
            raise ResultError(f"{_UNSTORABLE}: {message_of(error)}") from error
        except BaseException as error:
            # Validators and serialisers are code of users, and may fail in any way.
            raise ResultError(f"{_UNSTORABLE}: {type_of(error)}: {message_of(error)}") from error
        if size > most_bytes:
            raise ResultError(
                f"The handler returned {size} bytes of JSON, more than {most_bytes}. Store it elsewhere, return where."
            )
        return result

    def read_result(self, value: Json) -> object:
        """The returned value, in the type of the annotation, out of JSON.

        Raises:
            ResultError: it does not fit the annotation, as one that another version of the handler returned.
        """
        if self._result is None:
            return value
        try:
            return self._result.validate_json(to_json(value))
        except ValidationError as error:
            raise ResultError(f"The result does not fit the handler as it is here: {_explain(error)}") from error


def _field(name: str, annotation: object, parameter: inspect.Parameter) -> tuple[object, object]:
    default = ... if parameter.default is inspect.Parameter.empty else parameter.default
    return annotation, Field(default, alias=name)


def _model(function: Callable[..., object], fields: Mapping[str, Any], further: Any) -> type[BaseModel]:  # noqa: ANN401
    """The model of the payload; `further` is the annotation of `**kwargs`, None without."""
    name = getattr(function, "__name__", "payload")
    if further is None:
        return create_model(name, __config__=ConfigDict(extra="forbid"), **fields)
    space = {"__annotations__": {"__pydantic_extra__": dict[str, further]}, "model_config": ConfigDict(extra="allow")}
    open_ended = type(name, (BaseModel,), space | {"__module__": __name__})
    return create_model(name, __base__=open_ended, **fields)


class _Schemas(GenerateJsonSchema):
    """Leaves out defaults that JSON cannot express, such as infinity, without a word."""

    @override
    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        return

    @override
    def encode_default(self, dft: Any) -> Any:
        encoded = super().encode_default(dft)
        try:
            check_json(encoded)
        except NotStorableError as error:
            raise PydanticSerializationError(error.reason) from error
        return encoded


def _hints(function: Callable[..., object]) -> Mapping[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except Exception as error:
        culprit = _unresolved(function)
        where = "" if culprit is None else "the result: " if culprit == "return" else f"parameter {culprit!r}: "
        raise SignatureError(f"{_place(function)}: {where}{type_of(error)}: {_first_line(error)}") from error


def _unresolved(function: Callable[..., object]) -> str | None:
    """The parameter whose annotation cannot be resolved, as far as it can be told."""
    names = getattr(inspect.unwrap(function), "__globals__", {})
    for name, annotation in inspect.get_annotations(function).items():
        try:
            get_type_hints(SimpleNamespace(__annotations__={name: annotation}), globalns=names)
        except Exception:  # noqa: BLE001 - an annotation may hold any code
            return name
    return None


def _is_context(annotation: object) -> bool:
    """Whether it says Context, also behind `| None` and Annotated."""
    if get_origin(annotation) is Annotated:
        return _is_context(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        others = [part for part in get_args(annotation) if part is not NoneType]
        return len(others) == 1 and _is_context(others[0])
    return annotation is Context


def _culprit(hints: Mapping[str, Any], error: Exception) -> str:
    """Which parameter Pydantic cannot handle, and why."""
    for name, annotation in hints.items():
        if name == "return" or _is_context(annotation) or resource_of(annotation) is not None:
            continue
        try:
            TypeAdapter(annotation).json_schema(schema_generator=_Schemas)
        except Exception as own:  # noqa: BLE001 - whatever it is, it is the reason
            return f"parameter {name!r} has no form in JSON: {_first_line(own)}"
    return f"the payload has no form in JSON: {_first_line(error)}"


def _result_adapter(annotation: TypeForm[object]) -> TypeAdapter[object] | None:
    bare = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    return None if bare is Any else TypeAdapter(annotation)


def _without_snooze(annotation: object) -> Any:  # noqa: ANN401 - a form of type
    """What a handler returns when it does not snooze: a `Snooze` is no result."""
    if annotation is Snooze:
        return NoneType
    if get_origin(annotation) in {Union, UnionType}:
        kept = tuple(kind for kind in get_args(annotation) if kind is not Snooze)
        return Union[kept] if len(kept) < len(get_args(annotation)) else annotation  # noqa: UP007 - of a tuple
    return annotation


def _result_schema(adapter: TypeAdapter[object] | None) -> JsonObject | None:
    return None if adapter is None else adapter.json_schema(mode="serialization", schema_generator=_Schemas)


def _first_line(error: Exception) -> str:
    return message_of(error).partition("\n")[0]


def _explain(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in problem['loc']) or 'value'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    )


def _place(function: Callable[..., object]) -> str:
    return f"{function.__module__}.{getattr(function, '__qualname__', function)}"
