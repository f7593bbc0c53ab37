"""What a licence token costs: to sign, as each grant does, and to check, as a device does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import msgspec

from bench.harness import Row, alternate
from download_licensing.tokens.claims import Claims, second_of
from download_licensing.tokens.key_files import KeyDirectory
from download_licensing.tokens.signer import TokenSigner
from download_licensing.tokens.verifier import Verifier

REPEATED = 2_000
GRANTED = datetime(2026, 1, 1, tzinfo=UTC)
CLAIMS = Claims(
    iss="bench",
    sub="customer-1",
    device_id="phone",
    title_id="glass-harbour",
    license_id=f"lic-{'0' * 32}",
    iat=second_of(GRANTED),
    nbf=second_of(GRANTED),
    exp=second_of(GRANTED + timedelta(days=30)),
    license_exp=second_of(GRANTED + timedelta(days=30)),
    playback_window_s=48 * 3600,
    renewals_left=2,
    policy_version="2026-01",
    jti="",
)


def run(directory: Path, runs: int) -> list[Row]:
    """Microseconds a token, in one thread."""
    with TemporaryDirectory(dir=directory) as scratch:
        keys = KeyDirectory(Path(scratch) / "token-keys")
        keys.found()
        signer = TokenSigner(keys, issuer="bench", refresh_s=3_600)
    token = signer.sign(CLAIMS)
    verifier = Verifier(msgspec.json.encode(signer.ring.key_set), issuer="bench")
    assert verifier.check(token, now=GRANTED).may_play
    values = alternate(
        runs,
        lambda: _microseconds(lambda: signer.sign(CLAIMS)),
        lambda: _microseconds(lambda: verifier.check(token, now=GRANTED)),
    )
    subjects = ("sign", "check on a device")
    wanted = ("≤ 100", "")
    return [
        Row("a licence token", subject, "µs", measured, target)
        for subject, measured, target in zip(subjects, values, wanted, strict=True)
    ]


def _microseconds(work: Callable[[], object]) -> float:
    started = perf_counter()
    for _ in range(REPEATED):
        work()
    return (perf_counter() - started) / REPEATED * 1e6
