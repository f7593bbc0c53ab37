"""The signer: makes tokens with the keys of a directory, which may change while it runs."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

import msgspec
import structlog

from download_licensing.tokens.claims import Claims
from download_licensing.tokens.key_files import KeyDirectory, TokenKeysUnusable
from download_licensing.tokens.keys import KeyRing

_log = structlog.get_logger("download_licensing.tokens")


class TokenSigner:
    """Signs claims, and publishes the keys that verify them.

    The directory is looked at again at most every `refresh_s` seconds, when a key is needed. Where
    it cannot be used then, the keys read before stay in force and the log says why.

    Args:
        directory: of the keys.
        issuer: who it signs for.
        refresh_s: how old what was read of the directory may be.
        clock: seconds that only grow.

    Raises:
        TokenKeysUnusable: the keys cannot be used.
    """

    def __init__(
        self,
        directory: KeyDirectory,
        *,
        issuer: str,
        refresh_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.issuer = issuer
        self._directory = directory
        self._refresh_s = refresh_s
        self._clock = clock
        self._seen = directory.fingerprint()
        self._ring = directory.ring()
        self._looked_at = clock()

    @property
    def ring(self) -> KeyRing:
        """The keys in force."""
        now = self._clock()
        if now - self._looked_at >= self._refresh_s:
            self._looked_at = now
            self._refresh()
        return self._ring

    def sign(self, claims: Claims) -> str:
        """The token of claims; their `jti` is made here.

        The same claims make the same token, byte for byte, as long as the same key signs.
        """
        return self.ring.signing.sign(msgspec.json.encode(identified(claims)))

    def _refresh(self) -> None:
        seen = self._directory.fingerprint()
        if seen == self._seen:
            return
        try:
            ring = self._directory.ring()
        except TokenKeysUnusable as error:
            _log.warning("token keys not reloaded", cause=str(error))
            return
        self._seen = seen
        if ring.key_set != self._ring.key_set:
            kids = [key.kid for key in ring.keys]
            _log.info("token keys reloaded", signing=ring.signing.kid, keys=kids)
        self._ring = ring


def identified(claims: Claims) -> Claims:
    """The claims with the id that follows from all others."""
    content = msgspec.json.encode(msgspec.structs.replace(claims, jti=""))
    digest = hashlib.blake2b(content, digest_size=16, person=b"token").hexdigest()
    return msgspec.structs.replace(claims, jti=digest)
