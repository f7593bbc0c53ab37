"""The verifier: what a device asks before it plays a download, without the service.

    verifier = Verifier(key_set, issuer="download-licensing", device_id="phone")
    verdict = verifier.check(token, now=clock_estimate, first_played_at=None)
    if not verdict.may_play:
        show(verdict.reason, verdict.detail)

It stands alone: it imports nothing of the service or the framework, reads no clock and no file.
"""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from download_licensing.tokens.claims import (
    ALGORITHM,
    TOKEN_CHARACTERS_MAX,
    TOKEN_TYPE,
    Claims,
    Header,
)

Reason = Literal[
    "token-malformed",
    "algorithm-refused",
    "key-unknown",
    "signature-wrong",
    "claims-malformed",
    "other-issuer",
    "other-device",
    "other-title",
    "not-yet-valid",
    "license-expired",
    "playback-ended",
]

CLOCK_TOLERANCE_S = 60
"""Seconds that a device's estimate of the time may be wrong by, either way."""

_REGISTRY = jws.JWSRegistry(algorithms=[ALGORITHM])
_SECOND_US = 1_000_000
_DETAILS: dict[Reason, str] = {
    "not-yet-valid": "It is not valid yet: check this device's clock.",
    "license-expired": "The licence has expired: renew it.",
    "playback-ended": "The time to finish playing it has ended: renew the licence.",
}
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_decode_header = msgspec.json.Decoder(Header).decode
_decode_claims = msgspec.json.Decoder(Claims).decode


class KeySetUnusable(ValueError):
    """A key set that holds no key by which tokens can be verified; the message says why."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a download may be played, and what is left.

    Attributes:
        may_play: whether it may.
        reason: why not, for programs; None: it may.
        detail: why not, as a sentence; "": it may.
        claims: what the token says; None: it cannot be relied on.
        license_remaining_s: whole seconds to the licence's end; None: unlimited; 0 where the token
            cannot be relied on.
        playback_remaining_s: whole seconds to the end of the playback window, all of it before the
            first play; None: unlimited; 0 where the token cannot be relied on.
    """

    may_play: bool
    reason: Reason | None
    detail: str
    claims: Claims | None
    license_remaining_s: int | None
    playback_remaining_s: int | None


class _KeySet(msgspec.Struct, frozen=True):
    keys: list[dict[str, Any]]


class _Refused(Exception):
    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Verifier:
    """Checks tokens against a key set.

    Args:
        key_set: the JSON of `/.well-known/jwks.json`, or what it decodes to. Keys of other kinds
            are passed over, as RFC 7517 asks.
        issuer: whose tokens are accepted.
        device_id: this device; tokens of another one are refused. None: of any device.
        clock_tolerance_s: see `CLOCK_TOLERANCE_S`. It moves when playing is refused; what remains
            is told without it.

    Raises:
        KeySetUnusable: it is no key set, holds no key of Ed25519, or two with one id.
        ValueError: the tolerance is negative.
    """

    def __init__(
        self,
        key_set: bytes | str | dict[str, Any],
        *,
        issuer: str,
        device_id: str | None = None,
        clock_tolerance_s: int = CLOCK_TOLERANCE_S,
    ) -> None:
        if clock_tolerance_s < 0:
            raise ValueError(f"clock_tolerance_s is {clock_tolerance_s}, which is below 0.")
        self._keys = _keys_of(key_set)
        self._issuer = issuer
        self._device_id = device_id
        self._tolerance_s = clock_tolerance_s

    def check(
        self,
        token: str,
        *,
        now: datetime,
        first_played_at: datetime | None = None,
        title_id: str | None = None,
    ) -> Verdict:
        """Whether the download may be played now.

        Args:
            token: as the grant gave it.
            now: the device's best estimate of the time, aware.
            first_played_at: when this download was first played since the token was issued, by the
                same clock, aware; None: not yet. A play counts no earlier than the token and no
                later than now, as the service counts it. Where the token itself says that the
                playback window has started, that holds.
            title_id: what is to be played; None: whatever the token is for.

        Raises:
            ValueError: a time has no zone.
        """
        now_us = _microseconds(now, "now")
        played_us = (
            None if first_played_at is None else _microseconds(first_played_at, "first_played_at")
        )
        try:
            claims = self._claims(token)
            self._require_ours(claims, title_id)
        except _Refused as refused:
            return Verdict(
                may_play=False,
                reason=refused.reason,
                detail=refused.detail,
                claims=None,
                license_remaining_s=0,
                playback_remaining_s=0,
            )
        return self._judge(claims, now_us, played_us)

    def _claims(self, token: str) -> Claims:
        if len(token) > TOKEN_CHARACTERS_MAX or not _COMPACT.fullmatch(token):
            raise _Refused("token-malformed", "It is no signed token in compact form.")
        header = _header(token.partition(".")[0])
        if header.alg != ALGORITHM or header.typ != TOKEN_TYPE:
            raise _Refused(
                "algorithm-refused",
                f"It is a {header.typ!r} signed with {header.alg!r},"
                f" not a {TOKEN_TYPE!r} signed with {ALGORITHM!r}.",
            )
        key = self._keys.get(header.kid)
        if key is None:
            raise _Refused(
                "key-unknown", f"No key has the id {header.kid!r}: fetch the key set anew."
            )
        try:
            payload = jws.deserialize_compact(token, key, registry=_REGISTRY).payload
        except (JoseError, ValueError):
            raise _Refused("signature-wrong", "Its signature is not that of its key.") from None
        try:
            return _decode_claims(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise _Refused("claims-malformed", f"Its claims cannot be read: {error}.") from None

    def _require_ours(self, claims: Claims, title_id: str | None) -> None:
        if claims.iss != self._issuer:
            raise _Refused("other-issuer", f"It was issued by {claims.iss!r}.")
        if self._device_id is not None and claims.device_id != self._device_id:
            raise _Refused("other-device", "It is for another device.")
        if title_id is not None and claims.title_id != title_id:
            raise _Refused("other-title", "It is for another title.")

    def _judge(self, claims: Claims, now_us: int, played_us: int | None) -> Verdict:
        playback_end_us = _playback_end_us(claims, now_us, played_us)
        tolerant_us = now_us - self._tolerance_s * _SECOND_US
        reason: Reason | None = None
        if now_us + self._tolerance_s * _SECOND_US < claims.nbf * _SECOND_US:
            reason = "not-yet-valid"
        elif _passed(_us(claims.license_exp), tolerant_us):
            reason = "license-expired"
        elif _passed(playback_end_us, tolerant_us):
            reason = "playback-ended"
        elif _passed(_us(claims.exp), tolerant_us):
            reason = "license-expired"
        left = claims.playback_window_s or None
        return Verdict(
            may_play=reason is None,
            reason=reason,
            detail=_DETAILS[reason] if reason else "",
            claims=claims,
            license_remaining_s=_left_s(_us(claims.license_exp), now_us),
            playback_remaining_s=left
            if playback_end_us is None
            else _left_s(playback_end_us, now_us),
        )


def _keys_of(key_set: bytes | str | dict[str, Any]) -> dict[str, OKPKey]:
    try:
        content = key_set if isinstance(key_set, dict) else msgspec.json.decode(key_set)
        listed = msgspec.convert(content, _KeySet).keys
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise KeySetUnusable(f"It is no key set: {error}.") from None
    keys: dict[str, OKPKey] = {}
    for listing in listed:
        if (listing.get("kty"), listing.get("crv")) != ("OKP", ALGORITHM):
            continue
        kid, x = listing.get("kid"), listing.get("x")
        if not isinstance(kid, str) or not isinstance(x, str):
            raise KeySetUnusable("A key of it has no id (kid), or no public half (x).")
        if kid in keys:
            raise KeySetUnusable(f"Two keys of it have the id {kid!r}.")
        try:
            keys[kid] = OKPKey.import_key({"kty": "OKP", "crv": ALGORITHM, "x": x})
        except (JoseError, ValueError, TypeError):
            raise KeySetUnusable(f"Its key {kid!r} cannot be read.") from None
    if not keys:
        raise KeySetUnusable(f"It holds no key of {ALGORITHM}.")
    return keys


def _header(segment: str) -> Header:
    try:
        return _decode_header(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (ValueError, RecursionError) as error:
        raise _Refused("token-malformed", f"Its header cannot be read: {error}.") from None


def _playback_end_us(claims: Claims, now_us: int, played_us: int | None) -> int | None:
    """The end of the playback window; None: it has not started, or is unlimited."""
    if claims.playback_exp is not None:
        return claims.playback_exp * _SECOND_US
    if played_us is None or not claims.playback_window_s:
        return None
    counted_us = min(max(played_us, claims.iat * _SECOND_US), now_us)
    return counted_us + claims.playback_window_s * _SECOND_US


def _microseconds(moment: datetime, name: str) -> int:
    if moment.tzinfo is None:
        raise ValueError(f"{name} needs a time zone.")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _us(second: int | None) -> int | None:
    return None if second is None else second * _SECOND_US


def _passed(end_us: int | None, now_us: int) -> bool:
    """Whether an end is reached; None is never."""
    return end_us is not None and now_us >= end_us


def _left_s(end_us: int | None, now_us: int) -> int | None:
    return None if end_us is None else max(0, (end_us - now_us) // _SECOND_US)
