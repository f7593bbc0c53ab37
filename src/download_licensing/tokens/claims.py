"""What a token says. Times are whole seconds since 1970-01-01T00:00:00Z (RFC 7519, NumericDate)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import msgspec

ALGORITHM: Final = "Ed25519"
"""The one algorithm that signs and is accepted (RFC 9864); it says the curve, unlike "EdDSA"."""

TOKEN_TYPE = "download-license+jwt"
"""The `typ` of a token's header: no other token of the same issuer passes for one (RFC 8725)."""

TOKEN_CHARACTERS_MAX = 4_096
"""Longest token that is looked at. Ids have at most 100 characters, so ours stay far below."""

Second = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The protected header of a token; it has no other fields.

    Attributes:
        alg: `ALGORITHM`.
        kid: the id of the key that signed.
        typ: `TOKEN_TYPE`.
    """

    alg: str
    kid: str
    typ: str


class Claims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The claims of a token. A limit that there is none of is left out.

    Attributes:
        iss: who issued it.
        sub: the customer.
        device_id: the device that the licence is for.
        title_id: the title that may be played.
        license_id: the licence.
        iat: when the licence was issued or last extended.
        nbf: not before then: the same.
        exp: the effective expiry, the earlier of `license_exp` and `playback_exp`; None: never.
        license_exp: when the licence ends if its playback window does not end first; None: never.
        playback_window_s: seconds from the first play on; 0: unlimited.
        playback_exp: when the playback window ends, if it has started; None: it has not, or it
            is unlimited.
        renewals_left: None: not limited.
        policy_version: of the policy that allowed it.
        jti: the token's own id: the same for the same claims, whichever key signed them.
    """

    iss: str
    sub: str
    device_id: str
    title_id: str
    license_id: str
    iat: Second
    nbf: Second
    playback_window_s: Count
    policy_version: str
    jti: str
    exp: Second | None = None
    license_exp: Second | None = None
    playback_exp: Second | None = None
    renewals_left: Count | None = None


def second_of(moment: datetime) -> int:
    """The last whole second that is not after a moment: what is rounded never lasts longer.

    Exact over the whole calendar, which `datetime.timestamp` is not.
    """
    return (moment - _EPOCH) // timedelta(seconds=1)


def moment_of(second: int) -> datetime:
    """The moment of a whole second.

    Raises:
        OverflowError: it lies outside the calendar.
    """
    return _EPOCH + timedelta(seconds=second)
