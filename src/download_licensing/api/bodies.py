"""Request bodies, decoded strictly in one pass.

Only a body that fails is looked at again, to say everything that is wrong with it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Annotated, Any, ClassVar, NoReturn, TypeVar

import msgspec
from litestar.dto import AbstractDTO, DTOFieldDefinition
from litestar.typing import FieldDefinition

from download_licensing.api.problems import (
    FieldError,
    ProblemError,
    invalid_request,
    problem_of,
)
from download_licensing.domain.events import Standing
from download_licensing.domain.ids import Country, DeviceId, PlanId, SessionId, TimeZone, TitleId
from download_licensing.service.commands import (
    SYNC_ITEMS_MAX,
    LicenseIds,
    Moment,
    OperatorsReason,
    SessionEvents,
    SyncedPlay,
    SyncedRelease,
    SyncedRenewal,
    SyncedSession,
)

T = TypeVar("T")
_UpToSync = msgspec.Meta(max_length=SYNC_ITEMS_MAX)


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all bodies: a field that is not known is refused."""


class AccountBody(Body, frozen=True, kw_only=True):
    """The account wanted.

    Attributes:
        plan: a plan of the catalogue.
        country: where the customer lives, ISO 3166-1 alpha-2.
        time_zone: whose calendar months count, an IANA name; left out: UTC.
    """

    plan: PlanId
    country: Country | None = None
    time_zone: TimeZone | None = None


class PlanBody(Body, frozen=True, kw_only=True):
    """The plan wanted.

    Attributes:
        plan: a plan of the catalogue.
    """

    plan: PlanId


class WithdrawalBody(Body, frozen=True, kw_only=True):
    """A withdrawal.

    Attributes:
        reason: for people, at most 500 characters.
    """

    reason: OperatorsReason


class RegionBody(Body, frozen=True, kw_only=True):
    """Where the customer lives.

    Attributes:
        country: ISO 3166-1 alpha-2.
        time_zone: an IANA name.
    """

    country: Country
    time_zone: TimeZone


class StandingBody(Body, frozen=True, kw_only=True):
    """How the customer stands with billing."""

    standing: Standing


class BlockBody(Body, frozen=True, kw_only=True):
    """A block.

    Attributes:
        reason: for people, at most 500 characters.
    """

    reason: OperatorsReason


class DownloadBody(Body, frozen=True, kw_only=True):
    """The download wanted.

    Attributes:
        device_id: where it will lie.
        title_id: what it is of, a title of the catalogue.
    """

    device_id: DeviceId
    title_id: TitleId


class RenewalBody(Body, frozen=True, kw_only=True):
    """Nothing more is needed."""


class PlayBody(Body, frozen=True, kw_only=True):
    """A first play.

    Attributes:
        played_at: when, by the clock of the device.
        session_id: in which session, so that the session counts as one play.
        sent_at: now, by the clock of the device, to correct what it tells.
    """

    played_at: Moment
    session_id: SessionId | None = None
    sent_at: Moment | None = None


class SessionBody(Body, frozen=True, kw_only=True):
    """What happened in a playback session.

    Attributes:
        events: 1 to 200, in any order.
        sent_at: now, by the clock of the device, to correct what it tells.
    """

    events: SessionEvents
    sent_at: Moment | None = None


class SyncBody(Body, frozen=True, kw_only=True):
    """All that a device did while it was offline: at most 150 items, each with an id of its own.

    Attributes:
        device_id: the device.
        sent_at: now, by the clock of the device, to correct what it tells.
        releases: downloads that were deleted.
        plays: first plays.
        sessions: playback sessions.
        renewals: licences to extend.
    """

    device_id: DeviceId
    sent_at: Moment | None = None
    releases: Annotated[tuple[SyncedRelease, ...], _UpToSync] = ()
    plays: Annotated[tuple[SyncedPlay, ...], _UpToSync] = ()
    sessions: Annotated[tuple[SyncedSession, ...], _UpToSync] = ()
    renewals: Annotated[tuple[SyncedRenewal, ...], _UpToSync] = ()


class RenewalsBody(Body, frozen=True, kw_only=True):
    """The licences to extend.

    Attributes:
        license_ids: 1 to 150, another one each.
    """

    license_ids: LicenseIds


class RevocationBody(Body, frozen=True, kw_only=True):
    """A revocation.

    Attributes:
        reason: for people, at most 500 characters.
    """

    reason: OperatorsReason


class ReleaseBody(Body, frozen=True, kw_only=True):
    """A release.

    Attributes:
        released_at: when the download was deleted, by the clock of the device.
    """

    released_at: Moment | None = None


class PolicyBody(Body, frozen=True, kw_only=True):
    """A policy to publish.

    Attributes:
        document: YAML.
        expected: the version that was published last, as the publisher knows it; "": none; null:
            whichever.
    """

    document: str
    expected: str | None = None


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


_READABLE = {
    "^lic-": "must be lic- and 32 hexadecimal digits, as a grant gave it",
    "^[A-Z]{2}": "must be two capital letters, as in PT (ISO 3166-1 alpha-2)",
    "A-Za-z0-9_+-": "must be an IANA time zone, as in Europe/Lisbon",
    "`str` of length <= 64": "must be an IANA time zone, as in Europe/Lisbon",
    r"regex '\\S'": "must not be blank",
    "`str` of length >= 1": "must not be blank",
    "`str` of length <= 500": "must have at most 500 characters",
    "matching regex": "must be 1 to 100 characters of A-Z a-z 0-9 . _ ~ -, and not . or ..",
    "`str` of length <=": "must be 1 to 100 characters of A-Z a-z 0-9 . _ ~ -, and not . or ..",
    "timezone component": "needs a time zone, as in 2026-01-31T12:00:00Z",
    "RFC3339": "is no RFC 3339 time such as 2026-01-31T12:00:00Z",
    "Expected `datetime": "is no RFC 3339 time such as 2026-01-31T12:00:00Z",
}


def readable(message: str) -> str:
    """What msgspec says about a value, for people who do not read regular expressions."""
    for part, text in _READABLE.items():
        if part in message:
            return text
    return message


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
