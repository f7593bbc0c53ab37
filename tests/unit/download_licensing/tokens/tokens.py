"""Keys, claims and tokens for the tests of tokens, and forgeries of them."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from download_licensing.tokens.claims import ALGORITHM, TOKEN_TYPE, Claims, second_of
from download_licensing.tokens.keys import KeyRing, TokenKey
from download_licensing.tokens.signer import identified
from download_licensing.tokens.verifier import Verifier

ISSUER = "issuer"
GRANTED = datetime(2026, 1, 1, 12, tzinfo=UTC)
LICENSE_END = GRANTED + timedelta(days=30)
WINDOW_S = 48 * 3600

KEY = TokenKey.generate()
OTHER_KEY = TokenKey.generate()
RING = KeyRing(KEY, [OTHER_KEY])
KEY_SET = msgspec.json.encode(RING.key_set)


def claims(**changed: Any) -> Claims:
    """Claims of a licence of thirty days with a window of two."""
    return identified(
        msgspec.structs.replace(
            Claims(
                iss=ISSUER,
                sub="ada",
                device_id="phone",
                title_id="harbour",
                license_id=f"lic-{'0' * 32}",
                iat=second_of(GRANTED),
                nbf=second_of(GRANTED),
                exp=second_of(LICENSE_END),
                license_exp=second_of(LICENSE_END),
                playback_window_s=WINDOW_S,
                renewals_left=2,
                policy_version="2026-01",
                jti="",
            ),
            **changed,
        )
    )


def token(key: TokenKey = KEY, **changed: Any) -> str:
    """A token that is signed as it should be."""
    return key.sign(msgspec.json.encode(claims(**changed)))


def verifier(**options: Any) -> Verifier:
    return Verifier(KEY_SET, **{"issuer": ISSUER, "clock_tolerance_s": 0, **options})


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def header(**changed: Any) -> dict[str, Any]:
    fields = {"alg": ALGORITHM, "kid": KEY.kid, "typ": TOKEN_TYPE, **changed}
    return {name: value for name, value in fields.items() if value is not None}


def compact(head: object, payload: bytes, signature: bytes) -> str:
    parts = (json.dumps(head).encode(), payload, signature)
    return ".".join([base64url(part) for part in parts])
