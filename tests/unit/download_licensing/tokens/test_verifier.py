"""The offline verifier: what may be played when, and which tokens are refused."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey

from download_licensing.tokens.claims import Claims, second_of
from download_licensing.tokens.keys import TokenKey
from download_licensing.tokens.verifier import (
    CLOCK_TOLERANCE_S,
    KeySetUnusable,
    Reason,
    Verdict,
    Verifier,
)
from tests.unit.download_licensing.tokens.tokens import (
    GRANTED,
    ISSUER,
    KEY,
    KEY_SET,
    LICENSE_END,
    OTHER_KEY,
    WINDOW_S,
    base64url,
    claims,
    compact,
    header,
    token,
    verifier,
)

SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)
WINDOW = timedelta(seconds=WINDOW_S)
PAYLOAD = msgspec.json.encode(claims())


def check(text: str | None = None, now: datetime = GRANTED, **given: Any) -> Verdict:
    return verifier().check(token() if text is None else text, now=now, **given)


def refused(text: str, **options: Any) -> Reason:
    """Why a token is refused before what it says is looked at."""
    verdict = verifier(**options).check(text, now=GRANTED)
    assert not verdict.may_play
    assert verdict.claims is None
    assert verdict.detail
    assert (verdict.license_remaining_s, verdict.playback_remaining_s) == (0, 0)
    assert verdict.reason in get_args(Reason)
    assert verdict.reason is not None
    return verdict.reason


# ------------------------------------------------------------------------------ what may be played


def test_a_valid_token_may_be_played_and_says_what_is_left() -> None:
    verdict = check()
    assert (verdict.may_play, verdict.reason, verdict.detail) == (True, None, "")
    assert verdict.license_remaining_s == 30 * 86_400
    assert verdict.playback_remaining_s == WINDOW_S
    assert verdict.claims == claims()


def test_the_licence_ends_at_its_second() -> None:
    assert check(now=LICENSE_END - TICK).may_play
    assert check(now=LICENSE_END - TICK).license_remaining_s == 0
    assert check(now=LICENSE_END - SECOND).license_remaining_s == 1
    for now in (LICENSE_END, LICENSE_END + SECOND):
        verdict = check(now=now)
        assert (verdict.may_play, verdict.reason) == (False, "license-expired")
        assert verdict.license_remaining_s == 0


def test_the_first_play_starts_the_window_and_only_that_runs() -> None:
    played = GRANTED + DAY
    verdict = check(now=played + SECOND, first_played_at=played)
    assert verdict.playback_remaining_s == WINDOW_S - 1
    assert verdict.license_remaining_s == 29 * 86_400 - 1
    assert check(now=played + WINDOW - TICK, first_played_at=played).may_play
    ended = check(now=played + WINDOW, first_played_at=played)
    assert (ended.may_play, ended.reason) == (False, "playback-ended")
    assert (ended.playback_remaining_s, ended.license_remaining_s) == (0, 27 * 86_400)


def test_a_window_that_had_started_when_the_token_was_made_holds() -> None:
    end = GRANTED + 3600 * SECOND
    text = token(playback_exp=second_of(end), exp=second_of(end))
    for played in (None, GRANTED + 1800 * SECOND):
        assert check(text, end - SECOND, first_played_at=played).playback_remaining_s == 1
        assert check(text, end, first_played_at=played).reason == "playback-ended"


def test_a_play_counts_no_earlier_than_the_token_and_no_later_than_now() -> None:
    early = check(now=GRANTED + DAY, first_played_at=GRANTED - 300 * DAY)
    late = check(now=GRANTED + DAY, first_played_at=GRANTED + 300 * DAY)
    assert (early.playback_remaining_s, late.playback_remaining_s) == (WINDOW_S - 86_400, WINDOW_S)


def test_what_is_unlimited_has_none_left_and_never_ends() -> None:
    text = token(exp=None, license_exp=None, playback_window_s=0)
    verdict = check(text, GRANTED + 10_000 * DAY, first_played_at=GRANTED)
    assert verdict.may_play
    assert (verdict.license_remaining_s, verdict.playback_remaining_s) == (None, None)


def test_a_clock_before_the_grant_is_not_believed() -> None:
    assert check(now=GRANTED - TICK).reason == "not-yet-valid"
    assert check(now=GRANTED).may_play


@pytest.mark.parametrize("tolerance", [0, 1, CLOCK_TOLERANCE_S])
def test_the_tolerance_moves_each_boundary_by_itself_and_nothing_else(tolerance: int) -> None:
    kind, late = verifier(clock_tolerance_s=tolerance), tolerance * SECOND
    for end, played in ((LICENSE_END, None), (GRANTED + WINDOW, GRANTED)):
        assert kind.check(token(), now=end + late - TICK, first_played_at=played).may_play
        assert not kind.check(token(), now=end + late, first_played_at=played).may_play
    assert kind.check(token(), now=GRANTED - late).may_play
    assert not kind.check(token(), now=GRANTED - late - TICK).may_play
    assert kind.check(token(), now=LICENSE_END - SECOND).license_remaining_s == 1


def test_times_in_any_zone_are_the_same_and_without_one_refused() -> None:
    elsewhere = timezone(timedelta(hours=-9))
    assert check(now=LICENSE_END.astimezone(elsewhere)).reason == "license-expired"
    naive = datetime(2026, 1, 2)  # noqa: DTZ001  # what is refused
    with pytest.raises(ValueError, match="now needs a time zone"):
        check(now=naive)
    with pytest.raises(ValueError, match="first_played_at needs a time zone"):
        check(first_played_at=naive)


@given(
    license_s=st.none() | st.integers(1, 10**8),
    window_s=st.integers(0, 10**7),
    played_s=st.none() | st.integers(-(10**7), 10**8),
    now_s=st.integers(0, 10**8),
)
def test_it_plays_exactly_until_the_earlier_of_two_ends(
    license_s: int | None, window_s: int, played_s: int | None, now_s: int
) -> None:
    now = GRANTED + now_s * SECOND
    end = None if license_s is None else second_of(GRANTED) + license_s
    text = token(exp=end, license_exp=end, playback_window_s=window_s)
    played = None if played_s is None else GRANTED + played_s * SECOND
    verdict = check(text, now, first_played_at=played)
    started_s = None if played_s is None else min(max(0, played_s), now_s)
    playback_s = None if not window_s or started_s is None else started_s + window_s
    ends = [one for one in (license_s, playback_s) if one is not None]
    assert verdict.may_play == (now_s < min(ends, default=now_s + 1))
    assert verdict.license_remaining_s == (None if license_s is None else max(0, license_s - now_s))
    left = None if playback_s is None else max(0, playback_s - now_s)
    assert verdict.playback_remaining_s == (left if playback_s is not None else window_s or None)


# -------------------------------------------------------------------------------- what is refused


@given(st.data())
def test_a_token_with_any_character_changed_is_refused(data: st.DataObject) -> None:
    text = token()
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(max_codepoint=0x2FF).filter(lambda c: c != text[at]))
    refused(text[:at] + other + text[at + 1 :])


@given(st.data())
def test_a_token_with_something_cut_out_or_put_in_is_refused(data: st.DataObject) -> None:
    text = token()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    between = data.draw(st.text("AZaz09-_.=\n ", max_size=4))
    changed = text[:start] + between + text[end:]
    if changed != text:
        refused(changed)


@given(st.text() | st.from_regex(r"\A[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}\Z"))
def test_no_text_at_all_is_taken_for_a_token_or_breaks_the_verifier(text: str) -> None:
    assert refused(text) in {"token-malformed", "algorithm-refused", "key-unknown"}


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_no_header_breaks_the_verifier(head: object) -> None:
    assert refused(compact(head, PAYLOAD, b"0" * 64)) == "token-malformed"


def test_claims_that_were_changed_under_the_old_signature_are_refused() -> None:
    head, _, signature = token().split(".")
    longer = msgspec.json.encode(claims(exp=second_of(LICENSE_END + 365 * DAY)))
    assert refused(f"{head}.{base64url(longer)}.{signature}") == "signature-wrong"


def test_an_unsigned_token_is_refused() -> None:
    for signature in (b"", b"0" * 64):
        unsigned = compact(header(alg="none"), PAYLOAD, signature)
        assert refused(unsigned) == ("algorithm-refused" if signature else "token-malformed")
    assert refused(compact(header(), PAYLOAD, b"\0" * 64)) == "signature-wrong"


@pytest.mark.parametrize("secret", ["x", "pem", "jwk"])
def test_the_public_key_is_no_secret_to_sign_with(secret: str) -> None:
    public = OKPKey.import_key(KEY.pem())
    secrets = {
        "x": KEY.public.x.encode(),
        "pem": public.as_pem(private=False),
        "jwk": json.dumps(public.as_dict(private=False)).encode(),
    }
    for alg, hashed in (
        ("HS256", hashlib.sha256),
        ("HS512", hashlib.sha512),
        ("Ed25519", hashlib.sha512),
    ):
        text = compact(header(alg=alg), PAYLOAD, b"").rstrip(".")
        digest = hmac.new(secrets[secret], text.encode(), hashed).digest()
        forged = f"{text}.{base64url(digest.ljust(64, digest[:1]))}"
        wanted = "signature-wrong" if alg == "Ed25519" else "algorithm-refused"
        assert refused(forged) == wanted


@pytest.mark.parametrize("alg", ["ES256", "HS256", "EdDSA", "Ed448", "ed25519", "none", ""])
def test_no_other_algorithm_is_accepted_whatever_signed(alg: str) -> None:
    makers: dict[str, Any] = {
        "ES256": ECKey.generate_key("P-256"),
        "HS256": OctKey.generate_key(256),
    }
    text = compact(header(alg=alg), PAYLOAD, b"0" * 64)
    if alg in makers:
        text = jws.serialize_compact(header(alg=alg), PAYLOAD, makers[alg], [alg])
    assert refused(text) in {"algorithm-refused", "token-malformed"}


@pytest.mark.parametrize(
    "changed",
    [
        {"jwk": KEY.public.__class__.__name__},
        {"jku": "https://example.com/keys"},
        {"crit": ["exp"]},
        {"b64": False, "crit": ["b64"]},
        {"kid": None},
        {"kid": 7},
        {"alg": None},
        {"typ": None},
    ],
)
def test_a_header_has_three_fields_and_no_more(changed: dict[str, Any]) -> None:
    assert refused(compact(header(**changed), PAYLOAD, b"0" * 64)) == "token-malformed"


def test_another_kind_of_token_of_the_same_key_is_refused() -> None:
    key = OKPKey.import_key(KEY.pem())
    text = jws.serialize_compact(header(typ="at+jwt"), PAYLOAD, key, ["Ed25519"])
    assert refused(text) == "algorithm-refused"


def test_a_key_that_is_not_in_the_set_is_unknown_and_its_id_does_not_help() -> None:
    stranger = TokenKey.generate()
    assert refused(token(stranger)) == "key-unknown"
    signed = jws.serialize_compact(
        header(kid=KEY.kid), PAYLOAD, OKPKey.import_key(stranger.pem()), ["Ed25519"]
    )
    assert refused(signed) == "signature-wrong"


def test_each_key_of_the_set_verifies_what_it_signed() -> None:
    assert check(token(OTHER_KEY)).may_play
    head, payload, _ = token(KEY).split(".")
    signature = token(OTHER_KEY).split(".")[2]
    assert refused(f"{head}.{payload}.{signature}") == "signature-wrong"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"text"',
        b"\xff",
        b"[" * 2_000,
        *[
            msgspec.json.encode({**msgspec.to_builtins(claims()), **changed})
            for changed in (
                {"exp": "tomorrow"},
                {"exp": True},
                {"exp": 1e300},
                {"exp": 2**60},
                {"playback_window_s": -1},
                {"playback_window_s": None},
                {"renewals_left": -1},
                {"sub": None},
                {"nbf": None},
            )
        ],
    ],
)
def test_claims_that_cannot_be_read_are_refused_though_the_key_signed_them(content: bytes) -> None:
    assert refused(KEY.sign(content)) in {"claims-malformed", "token-malformed"}


def test_claims_of_a_newer_service_are_read_for_what_is_known() -> None:
    content = {**msgspec.to_builtins(claims()), "resolution": "hd"}
    assert check(KEY.sign(msgspec.json.encode(content))).may_play


def test_tokens_of_others_are_refused() -> None:
    assert refused(token(iss="someone")) == "other-issuer"
    assert refused(token(device_id="tv"), device_id="phone") == "other-device"
    ours = verifier(device_id="phone")
    assert ours.check(token(), now=GRANTED, title_id="harbour").may_play
    assert ours.check(token(), now=GRANTED, title_id="meadow").reason == "other-title"


def test_a_token_that_is_too_long_is_not_looked_at() -> None:
    assert refused(token(title_id="x" * 5_000)) == "token-malformed"
    assert check(token(sub="x" * 100, title_id="x" * 100, device_id="x" * 100)).may_play


# ------------------------------------------------------------------------------------- its key set


@pytest.mark.parametrize(
    "key_set",
    [
        b"",
        b"\xff",
        "{}",
        {"keys": []},
        {"keys": [7]},
        {"keys": [{"kty": "EC", "crv": "P-256", "kid": "k"}]},
        {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": KEY.public.x}]},
        {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k"}]},
        {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": "short"}]},
        {"keys": [msgspec.to_builtins(KEY.public)] * 2},
    ],
)
def test_a_key_set_by_which_nothing_can_be_verified_is_refused(key_set: Any) -> None:
    with pytest.raises(KeySetUnusable):
        Verifier(key_set, issuer=ISSUER)


def test_keys_of_other_kinds_in_the_set_are_passed_over() -> None:
    keys = [{"kty": "RSA", "kid": "r"}, {"kty": "OKP", "crv": "Ed448"}, *_keys()]
    assert Verifier({"keys": keys}, issuer=ISSUER).check(token(), now=GRANTED).may_play


def test_a_negative_tolerance_is_refused() -> None:
    with pytest.raises(ValueError, match="below 0"):
        verifier(clock_tolerance_s=-1)


def test_it_runs_without_the_service_and_the_framework() -> None:
    program = f"""
import sys
from datetime import datetime
from download_licensing.tokens.verifier import Verifier

verdict = Verifier({KEY_SET!r}, issuer={ISSUER!r}).check(
    {token()!r}, now=datetime.fromisoformat({GRANTED.isoformat()!r})
)
ours = sorted(name for name in sys.modules if name.startswith(("download_licensing", "helenus")))
foreign = {{"litestar", "pydantic", "structlog", "yaml", "sqlite3", "uvicorn"}} & sys.modules.keys()
print(verdict.may_play, *ours, *foreign)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout.split() == [
        "True",
        "download_licensing",
        "download_licensing.tokens",
        "download_licensing.tokens.claims",
        "download_licensing.tokens.verifier",
    ]


# ------------------------------------------------------------------------------------------ seconds


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_is_rounded_to_the_second_before_it(moment: datetime) -> None:
    whole = datetime(1970, 1, 1, tzinfo=UTC) + second_of(moment) * SECOND
    assert whole <= moment < whole + SECOND


def test_the_same_claims_have_the_same_id_and_others_another() -> None:
    assert claims().jti == claims().jti != claims(renewals_left=1).jti
    assert isinstance(claims(), Claims)


def _keys() -> list[Any]:
    keys: list[Any] = msgspec.json.decode(KEY_SET)["keys"]
    return keys
