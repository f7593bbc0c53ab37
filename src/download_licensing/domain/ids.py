"""Ids: which strings may be one, and how a licence gets its own."""

from __future__ import annotations

import hashlib
from typing import Annotated

import msgspec

ID_CHARACTERS_MAX = 100
ID_PATTERN = r"^(?!\.{1,2}$)[A-Za-z0-9._~-]{1,100}(?![\s\S])"
"""1–100 unreserved URL characters, neither "." nor "..". It ends with a lookahead because ``$``
would let a trailing line break pass."""

LICENSE_ID_PATTERN = r"^lic-[0-9a-f]{32}(?![\s\S])"

Id = Annotated[str, msgspec.Meta(pattern=ID_PATTERN, max_length=ID_CHARACTERS_MAX)]
CustomerId = Id
DeviceId = Id
SessionId = Id
TitleId = Id
PlanId = Id
LicenseId = Annotated[str, msgspec.Meta(pattern=LICENSE_ID_PATTERN)]

Country = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}(?![\s\S])")]
"""ISO 3166-1 alpha-2."""

TimeZone = Annotated[
    str,
    msgspec.Meta(pattern=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*(?![\s\S])", max_length=64),
]
"""The form of an IANA name; whether there is such a zone, `times.is_time_zone` says."""


def license_id_of(customer_id: str, command_id: str) -> str:
    """The id of the licence that a command issues: the same for a repetition of the command.

    Args:
        customer_id: whose licence it is; it holds no "/", so no two pairs read the same.
        command_id: the idempotency key of the request.
    """
    content = f"{customer_id}/{command_id}".encode()
    return f"lic-{hashlib.blake2b(content, digest_size=16, person=b'license').hexdigest()}"
