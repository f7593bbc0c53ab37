"""The signer: the same token for the same claims, and keys that change while it runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from download_licensing.tokens.key_files import KeyDirectory, TokenKeysUnusable
from download_licensing.tokens.keys import KeyRing, TokenKey
from download_licensing.tokens.signer import TokenSigner
from download_licensing.tokens.verifier import Verifier
from tests.unit.download_licensing.tokens.tokens import GRANTED, ISSUER, claims

REFRESH_S = 30.0


class Ticks:
    """Seconds that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def keys(tmp_path: Path) -> KeyDirectory:
    directory = KeyDirectory(tmp_path / "token-keys")
    directory.found()
    return directory


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def signer(keys: KeyDirectory, ticks: Ticks) -> TokenSigner:
    return TokenSigner(keys, issuer=ISSUER, refresh_s=REFRESH_S, clock=ticks)


def rotate(keys: KeyDirectory) -> str:
    keys.add()
    return keys.rotate(None, now=datetime.now(UTC), published_for=timedelta()).key.kid


def accepted(signer: TokenSigner, token: str) -> bool:
    published = {"keys": [_builtins(key) for key in signer.ring.key_set.keys]}
    return Verifier(published, issuer=ISSUER).check(token, now=GRANTED).may_play


def _builtins(key: object) -> dict[str, str]:
    return {name: getattr(key, name) for name in ("kty", "crv", "x", "kid", "use", "alg")}


def test_what_it_signs_is_accepted_and_always_the_same(
    keys: KeyDirectory, signer: TokenSigner
) -> None:
    token = signer.sign(claims())
    assert accepted(signer, token)
    assert signer.sign(claims()) == token
    assert TokenSigner(keys, issuer=ISSUER).sign(claims()) == token
    assert signer.sign(claims(jti="chosen by somebody")) == token
    assert signer.sign(claims(renewals_left=1)) != token


def test_tokens_keep_their_form_to_the_byte() -> None:
    """By the key of RFC 8037, appendix A. What devices hold must be read by every later release."""
    pem = (
        b"-----BEGIN PRIVATE KEY-----\n"
        b"MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
        b"-----END PRIVATE KEY-----\n"
    )
    key = TokenKey.of_pem(pem)
    token = (
        "eyJhbGciOiJFZDI1NTE5Iiwia2lkIjoia1ByS19xbXhWV2FZVkE5d3dCRjZJdW8zdlZ6ejdUeEhDVHdYQnlnclM0"
        "ayIsInR5cCI6ImRvd25sb2FkLWxpY2Vuc2Urand0In0"
        ".eyJpc3MiOiJpc3N1ZXIiLCJzdWIiOiJhZGEiLCJkZXZpY2VfaWQiOiJwaG9uZSIsInRpdGxlX2lkIjoiaGFyYm91"
        "ciIsImxpY2Vuc2VfaWQiOiJsaWMtMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAiLCJpYXQiOjE3Njcy"
        "Njg4MDAsIm5iZiI6MTc2NzI2ODgwMCwicGxheWJhY2tfd2luZG93X3MiOjE3MjgwMCwicG9saWN5X3ZlcnNpb24i"
        "OiIyMDI2LTAxIiwianRpIjoiNmFkZWI1MjViMTQ2ODFlZjI2MzA3MzY5NzM0N2ZiY2EiLCJleHAiOjE3Njk4NjA4"
        "MDAsImxpY2Vuc2VfZXhwIjoxNzY5ODYwODAwLCJyZW5ld2Fsc19sZWZ0IjoyfQ"
        ".e5aAnn2iy5pRbkZzsmIy5Jpsfrj9EtpsmAb3nJZpBB06ux_gXQmVW_ocPL_ZOBVvL8o9Kx7DO2yc38TmqRNyDg"
    )
    assert key.sign(msgspec.json.encode(claims())) == token
    key_set = msgspec.json.encode(KeyRing(key).key_set)
    verdict = Verifier(key_set, issuer=ISSUER).check(token, now=GRANTED)
    assert (verdict.may_play, verdict.claims) == (True, claims())


def test_a_rotation_is_taken_up_without_a_restart(
    keys: KeyDirectory, signer: TokenSigner, ticks: Ticks
) -> None:
    before = signer.sign(claims())
    kid = rotate(keys)
    ticks.now = REFRESH_S - 0.001
    assert signer.sign(claims()) == before
    ticks.now = REFRESH_S
    with capture_logs() as logs:
        after = signer.sign(claims())
    assert signer.ring.signing.kid == kid
    assert after != before
    assert accepted(signer, before)
    assert accepted(signer, after)
    assert [(line["event"], line["signing"]) for line in logs] == [("token keys reloaded", kid)]


def test_keys_that_cannot_be_used_any_more_stay_in_force_and_the_log_says_why(
    keys: KeyDirectory, signer: TokenSigner, ticks: Ticks
) -> None:
    before = signer.sign(claims())
    (file,) = keys.files()
    secret = file.path.read_text().splitlines()[1]
    file.path.chmod(0o644)
    with capture_logs() as logs:
        for _ in range(2):
            ticks.now += REFRESH_S
            assert signer.sign(claims()) == before
    assert [line["log_level"] for line in logs] == ["warning"] * 2
    assert "chmod 600" in logs[0]["cause"]
    assert secret not in str(logs)
    file.path.chmod(0o600)
    rotate(keys)
    ticks.now += REFRESH_S
    assert signer.sign(claims()) != before


def test_a_directory_that_is_gone_does_not_end_the_service(
    keys: KeyDirectory, signer: TokenSigner, ticks: Ticks
) -> None:
    before = signer.sign(claims())
    keys.path.rename(keys.path.with_name("elsewhere"))
    ticks.now = REFRESH_S
    assert signer.sign(claims()) == before


def test_a_removed_key_no_longer_verifies(
    keys: KeyDirectory, signer: TokenSigner, ticks: Ticks
) -> None:
    before, first = signer.sign(claims()), signer.ring.signing.kid
    rotate(keys)
    keys.remove(first)
    ticks.now = REFRESH_S
    assert not accepted(signer, before)


def test_it_does_not_start_without_keys(tmp_path: Path) -> None:
    with pytest.raises(TokenKeysUnusable):
        TokenSigner(KeyDirectory(tmp_path / "none"), issuer=ISSUER)


def test_keys_that_did_not_change_are_not_read_again(
    keys: KeyDirectory, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    ring = keys.ring

    def reading() -> KeyRing:
        read.append(ticks.now)
        return ring()

    monkeypatch.setattr(keys, "ring", reading)
    signer = TokenSigner(keys, issuer=ISSUER, refresh_s=REFRESH_S, clock=ticks)
    rotate(keys)
    for _ in range(4):
        ticks.now += REFRESH_S
        signer.sign(claims())
    assert read == [0.0, REFRESH_S]
