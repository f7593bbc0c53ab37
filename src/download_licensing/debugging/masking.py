"""Masking: what tells who a customer is leaves no trace in a bundle.

Ids of customers, devices, licences and sessions, keys of commands and requests become pseudonyms by
a keyed hash: the same id has the same pseudonym wherever it occurs, and without the key nobody can
tell which id it was, or try ids until one fits. Free text becomes one too. What rules decide by
stays: times, titles, plans, countries, time zones.

Which text of an event stays is listed. Whatever is not, a field that is added tomorrow included, is
masked.
"""

from __future__ import annotations

import functools
import hashlib
from typing import Any, TypeVar

import msgspec
import msgspec.inspect

from download_licensing.domain.account import Account
from download_licensing.domain.device import Device
from download_licensing.domain.downloaded_title import DownloadedTitle
from download_licensing.domain.license import License
from download_licensing.domain.title_withdrawal import TitleWithdrawal
from helenus.errors import InvalidArgument
from helenus.events import Event

KEY_BYTES_MIN = 16

MASKED_FIELDS = {
    "device_id": "device",
    "license_id": "license",
    "session_id": "session",
    "ends": "license",
    "item_id": "item",
    "reason": "text",
}
"""Text fields of events that are masked, and as what."""

KEPT_FIELDS = frozenset({"country", "plan", "policy_version", "reasons", "time_zone", "title_id"})
"""Text fields of events that stay: rules decide by them."""

MASKED_AGGREGATES = {Device.aggregate_name: "device", License.aggregate_name: "license"}
KEPT_AGGREGATES = frozenset(
    {Account.aggregate_name, DownloadedTitle.aggregate_name, TitleWithdrawal.aggregate_name}
)
"""Aggregates whose ids stay: there is one account, and titles are no persons."""

MASKED_METADATA = {
    "command_id": "command",
    "actor": "actor",
    "correlation_id": "request",
    "causation_id": "message",
}
"""What was recorded beside the events of a commit, and as what it is masked."""

_OTHER = "text"
E = TypeVar("E", bound=Event)


class Mask:
    """Gives pseudonyms by one key.

    Args:
        key: secret, `KEY_BYTES_MIN` bytes or more. Bundles of one key fit together.

    Raises:
        InvalidArgument: the key is too short.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < KEY_BYTES_MIN:
            raise InvalidArgument(
                f"A key of pseudonyms has at least {KEY_BYTES_MIN} bytes, not {len(key)}."
            )
        self._key = hashlib.blake2b(key, digest_size=32, person=b"pseudonyms").digest()

    def pseudonym(self, kind: str, text: str) -> str:
        """What stands for a text of a kind; nothing stands for nothing."""
        if not text:
            return ""
        content = f"{kind}/{text}".encode()
        digest = hashlib.blake2b(content, key=self._key, digest_size=16).hexdigest()
        # A licence's has the form that a licence's id must have.
        return f"lic-{digest}" if kind == "license" else f"{kind}-{digest}"

    def customer(self, customer_id: str) -> str:
        """What stands for a customer."""
        return self.pseudonym("customer", customer_id)

    def aggregate_id(self, type_name: str, aggregate_id: str) -> str:
        """What stands for an aggregate of a customer."""
        if type_name in KEPT_AGGREGATES:
            return aggregate_id
        return self.pseudonym(MASKED_AGGREGATES.get(type_name, _OTHER), aggregate_id)

    def metadata(self, name: str, text: str | None) -> str | None:
        """What stands for something recorded beside events."""
        return None if text is None else self.pseudonym(MASKED_METADATA[name], text)

    def event(self, event: E) -> E:
        """The event without what is masked."""
        masked = {
            name: self._value(getattr(event, name), MASKED_FIELDS.get(name, _OTHER))
            for name in text_fields(type(event))
            if name not in KEPT_FIELDS
        }
        return msgspec.structs.replace(event, **masked) if masked else event

    def _value(self, value: Any, kind: str) -> Any:
        match value:
            case str():
                return self.pseudonym(kind, value)
            case list() | tuple() | set() | frozenset():
                return type(value)(self._value(one, kind) for one in value)
            case dict():
                return {self._value(k, kind): self._value(v, kind) for k, v in value.items()}
            case msgspec.Struct():
                names = value.__struct_fields__
                parts = {name: self._value(getattr(value, name), kind) for name in names}
                return msgspec.structs.replace(value, **parts)
            case _:
                return value


@functools.cache
def text_fields(event: type[msgspec.Struct]) -> tuple[str, ...]:
    """The fields that may hold any text, rather than one of a few words."""
    return tuple(
        field.name for field in msgspec.structs.fields(event) if _holds_text(_info(field.type))
    )


def _info(annotation: Any) -> msgspec.inspect.Type:
    return msgspec.inspect.type_info(annotation)


def _holds_text(info: msgspec.inspect.Type) -> bool:
    match info:
        case msgspec.inspect.StrType() | msgspec.inspect.AnyType() | msgspec.inspect.BytesType():
            return True
        case msgspec.inspect.UnionType():
            return any(_holds_text(one) for one in info.types)
        case msgspec.inspect.TupleType():
            return any(_holds_text(one) for one in info.item_types)
        case msgspec.inspect.DictType():
            return _holds_text(info.key_type) or _holds_text(info.value_type)
        case msgspec.inspect.StructType():
            return any(_holds_text(one.type) for one in info.fields)
        case (
            msgspec.inspect.ListType()
            | msgspec.inspect.VarTupleType()
            | msgspec.inspect.SetType()
            | msgspec.inspect.FrozenSetType()
        ):
            return _holds_text(info.item_type)
        case _:
            return False
