"""Request bodies are decoded strictly in one pass.

Only a body that fails is looked at again, to say everything that is wrong with it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, ClassVar, NoReturn, TypeVar

import msgspec
from litestar.dto import AbstractDTO, DTOFieldDefinition
from litestar.typing import FieldDefinition

from download_licensing.api.bodies import Body
from download_licensing.api.problems import (
    FieldError,
    ProblemError,
    invalid_request,
    problem_of,
)
from download_licensing.api.wording import readable

T = TypeVar("T")


class JsonBody(AbstractDTO[T]):
    """Decodes the body of an operation.

    Litestar's own way stops at the first error and takes any content type.
    """

    decoder: ClassVar[msgspec.json.Decoder[Any]]

    @classmethod
    def of(cls, body_type: type[Body]) -> type[JsonBody[Any]]:
        """The decoder of one type of body, as a handler's `dto`."""
        narrowed: type[JsonBody[Any]] = cls.__class_getitem__(body_type)
        narrowed.decoder = msgspec.json.Decoder(body_type)
        return narrowed

    def decode_bytes(self, value: bytes) -> Any:
        """The body.

        Raises:
            ProblemError: it is of another type, no JSON, or has fields that cannot be used.
        """
        require_json(self.asgi_connection.scope["headers"])
        try:
            return self.decoder.decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            explain(value, self.decoder.type, error)

    @classmethod
    def generate_field_definitions(
        cls, model_type: type[Any]
    ) -> Generator[DTOFieldDefinition, None, None]:
        """Nothing: the struct is decoded as it is."""
        yield from ()

    @classmethod
    def detect_nested_field(cls, field_definition: FieldDefinition) -> bool:
        """No field needs care of its own."""
        return False

    @classmethod
    def create_for_field_definition(
        cls, field_definition: FieldDefinition, handler_id: str, backend_cls: Any = None
    ) -> None:
        """Nothing to prepare."""

    @classmethod
    def create_openapi_schema(
        cls, field_definition: FieldDefinition, handler_id: str, schema_creator: Any
    ) -> Any:
        """The schema of the struct."""
        return schema_creator.for_field_definition(field_definition)


def require_json(headers: Any) -> None:
    """Refuse a body that says it is something else. One that says nothing is taken as JSON.

    Raises:
        ProblemError: 415.
    """
    for name, value in headers:
        if name == b"content-type":
            media_type = value.partition(b";")[0].strip().lower()
            if media_type != b"application/json":
                shown = media_type[:80].decode("ascii", "replace")
                detail = f"The body is {shown!r}, not application/json."
                raise ProblemError(problem_of("unsupported-media-type", detail))


def explain(value: bytes, body_type: Any, error: Exception) -> NoReturn:
    """Say all that is wrong with a body that could not be decoded.

    Raises:
        ProblemError: always.
    """
    try:
        content = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as cause:
        raise ProblemError(problem_of("malformed-json", _where(cause, value))) from None
    if not isinstance(content, dict):
        raise ProblemError(
            problem_of("malformed-json", f"The body is {_json_type(content)}, not an object.")
        )
    errors = list(_field_errors(content, body_type))
    if not errors:
        errors = [FieldError(field="body", message=str(error))]
    raise ProblemError(invalid_request(errors))


def _where(error: Exception, value: bytes) -> str:
    match error:
        case RecursionError():
            return "The body is nested too deeply."
        case UnicodeDecodeError():
            return f"The body is not UTF-8: byte {_first_unreadable(value)} cannot be read."
        case _:
            return f"{str(error).rstrip('.')}; the body has {len(value)} bytes."


def _first_unreadable(value: bytes) -> int:
    """The offset of what is not UTF-8 in the body; msgspec counts from the start of the string."""
    try:
        value.decode()
    except UnicodeDecodeError as error:
        return error.start
    return 0


def _field_errors(content: dict[str, Any], body_type: Any) -> Iterator[FieldError]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(body_type)}
    for name in content.keys() - fields.keys():
        yield FieldError(field=name[:100], message=f"is not known; known: {_list(fields)}")
    for name, field in fields.items():
        if name not in content:
            if field.required:
                yield FieldError(field=name, message="is missing")
            continue
        try:
            msgspec.convert(content[name], field.type)
        except msgspec.ValidationError as error:
            message, _, path = str(error).partition(" - at `$")
            yield FieldError(field=name + path.rstrip("`"), message=readable(message))


def _list(names: Any) -> str:
    return ", ".join(names) or "none"


def _json_type(content: Any) -> str:
    match content:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case list():
            return "an array"
        case str():
            return "a string"
        case _:
            return "a number"
