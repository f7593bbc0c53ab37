"""Keys: one signs, several verify."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from download_licensing.tokens.claims import ALGORITHM, TOKEN_TYPE

_REGISTRY = jws.JWSRegistry(algorithms=[ALGORITHM])
"""What may sign; made once, not for each token."""


class KeyRefused(ValueError):
    """What was given is no Ed25519 key; the message says what it is, never what is in it."""


class JsonWebKey(msgspec.Struct, frozen=True, kw_only=True):
    """The public half of a key (RFC 7517, RFC 8037).

    Attributes:
        kty: OKP, the kind of keys that Ed25519 is one of.
        crv: Ed25519.
        x: the public key, in base64url.
        kid: its id, the key's thumbprint (RFC 7638).
        use: sig: it verifies signatures.
        alg: Ed25519.
    """

    kty: str
    crv: str
    x: str
    kid: str
    use: str = "sig"
    alg: str = ALGORITHM


class JsonWebKeySet(msgspec.Struct, frozen=True, kw_only=True):
    """The keys that verify tokens, the one that signs now first."""

    keys: tuple[JsonWebKey, ...]


class TokenKey:
    """An Ed25519 key, with its private half or without. It shows nothing of a private half.

    Attributes:
        kid: its id: the thumbprint of its public half (RFC 7638), 43 characters.
        can_sign: whether it has its private half.
        public: its public half.
    """

    def __init__(self, key: OKPKey) -> None:
        if key.curve_name != ALGORITHM:
            raise KeyRefused(f"It is a key of {key.curve_name}, not of {ALGORITHM}.")
        self._key = key
        self.kid = key.thumbprint()
        self.can_sign = key.is_private
        self.public = JsonWebKey(
            kty="OKP", crv=ALGORITHM, x=str(key.as_dict(private=False)["x"]), kid=self.kid
        )
        self._header = {"alg": ALGORITHM, "kid": self.kid, "typ": TOKEN_TYPE}

    def __repr__(self) -> str:
        return f"TokenKey({self.kid!r}, can_sign={self.can_sign})"

    @classmethod
    def generate(cls) -> TokenKey:
        """A new key. Its id begins with a letter or digit: no command takes it for an option."""
        while True:
            key = cls(OKPKey.generate_key(ALGORITHM))
            if key.kid[0].isalnum():
                return key

    @classmethod
    def of_pem(cls, pem: bytes) -> TokenKey:
        """A key from its PEM form: PKCS #8, or a public key.

        Raises:
            KeyRefused: it is none.
        """
        if not pem.lstrip().startswith(
            (b"-----BEGIN PRIVATE KEY-----", b"-----BEGIN PUBLIC KEY-----")
        ):
            raise KeyRefused("It is no PEM file of a private key (PKCS #8) or of a public key.")
        try:
            return cls(OKPKey.import_key(pem))
        except KeyRefused:
            raise
        except (ValueError, TypeError, JoseError, UnsupportedAlgorithm):
            # Not the library's words: they are about the bytes of the key.
            raise KeyRefused(f"It cannot be read as a key of {ALGORITHM}.") from None

    def pem(self) -> bytes:
        """The PEM form, with the private half if it has one: for a file that is kept secret."""
        return self._key.as_pem(private=self.can_sign)

    def sign(self, payload: bytes) -> str:
        """The compact JWS of a payload: always the same, for Ed25519 is deterministic."""
        return jws.serialize_compact(self._header, payload, self._key, registry=_REGISTRY)


class KeyRing:
    """The keys in force: one signs, all verify.

    Attributes:
        signing: the key that signs.
        keys: all, the one that signs first.
        key_set: their public halves, which anyone may know.
    """

    def __init__(self, signing: TokenKey, others: Iterable[TokenKey] = ()) -> None:
        self.signing = signing
        self.keys = (signing, *[key for key in others if key.kid != signing.kid])
        self.key_set = JsonWebKeySet(keys=tuple([key.public for key in self.keys]))
