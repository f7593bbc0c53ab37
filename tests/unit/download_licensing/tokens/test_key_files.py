"""Keys in a directory: found, rotated, removed, and what keeps them from being used."""

from __future__ import annotations

import base64
import os
import stat
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from download_licensing.tokens.key_files import (
    KEYS_MAX,
    SIGNING,
    KeyDirectory,
    KeyFile,
    TokenKeysUnusable,
)
from download_licensing.tokens.keys import TokenKey
from helenus.errors import InvalidArgument

AT_ONCE = timedelta()
HOUR = timedelta(hours=1)


@pytest.fixture
def keys(tmp_path: Path) -> KeyDirectory:
    directory = KeyDirectory(tmp_path / "data" / "token-keys")
    assert directory.found()
    return directory


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def now() -> datetime:
    return datetime.now(UTC)


def rotate(keys: KeyDirectory, kid: str | None = None) -> KeyFile:
    return keys.rotate(kid, now=now(), published_for=AT_ONCE)


def states(keys: KeyDirectory) -> dict[str, str]:
    return {file.key.kid: file.state for file in keys.files()}


def put(path: Path, content: bytes, permissions: int = 0o600) -> None:
    path.write_bytes(content)
    path.chmod(permissions)


# --------------------------------------------------------------------------------- the first key


def test_a_first_key_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        keys = KeyDirectory(tmp_path / "new" / "token-keys")
        assert keys.found()
    finally:
        os.umask(previous)
    (file,) = keys.files()
    assert (file.state, file.key.can_sign) == ("signs", True)
    assert (mode(keys.path), mode(file.path), mode(keys.path / SIGNING)) == (0o700, 0o600, 0o600)
    assert sorted(path.name for path in keys.path.parent.iterdir()) == ["token-keys"]


def test_keys_that_are_there_are_left_as_they_are(keys: KeyDirectory) -> None:
    before = states(keys)
    assert not keys.found()
    assert states(keys) == before


def test_an_empty_directory_gets_its_first_key(tmp_path: Path) -> None:
    assert KeyDirectory(tmp_path).found()


def test_of_many_that_make_the_first_key_at_once_one_does(tmp_path: Path) -> None:
    keys = KeyDirectory(tmp_path / "token-keys")
    barrier = threading.Barrier(8)
    made, seen = [], []

    def find() -> None:
        barrier.wait(timeout=10)
        made.append(keys.found())
        seen.append(keys.ring().signing.kid)

    threads = [threading.Thread(target=find) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert (made.count(True), len(made), len(set(seen))) == (1, 8, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["token-keys"]


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TokenKeysUnusable, match=r"file/token-keys.*token_keys_directory"):
        KeyDirectory(tmp_path / "file" / "token-keys").found()


# ------------------------------------------------------------------------------------- a rotation


def test_a_further_key_verifies_before_it_signs(keys: KeyDirectory) -> None:
    first = keys.ring().signing
    added = keys.add()
    assert (added.state, mode(added.path)) == ("next", 0o600)
    assert keys.ring().signing.kid == first.kid
    assert [key.kid for key in keys.ring().keys] == [first.kid, added.key.kid]
    assert [key.kid for key in keys.ring().key_set.keys] == [first.kid, added.key.kid]


def test_after_a_rotation_the_new_key_signs_and_the_old_one_verifies(keys: KeyDirectory) -> None:
    first, added = keys.ring().signing.kid, keys.add().key.kid
    assert rotate(keys).key.kid == added
    assert states(keys) == {added: "signs", first: "former"}
    assert rotate(keys, first[:8]).state == "signs"
    assert states(keys) == {first: "signs", added: "former"}
    assert (keys.path / SIGNING).read_text().split() == [added, first]
    assert mode(keys.path / SIGNING) == 0o600


def test_a_key_that_caches_may_not_have_yet_does_not_sign(keys: KeyDirectory) -> None:
    added = keys.add()
    for age, signs in ((HOUR - timedelta(seconds=1), False), (HOUR, True)):
        at = added.written_at + age
        if signs:
            assert keys.rotate(None, now=at, published_for=HOUR).state == "signs"
        else:
            with pytest.raises(InvalidArgument, match=r"3599 s old.*--now"):
                keys.rotate(None, now=at, published_for=HOUR)
            assert states(keys)[added.key.kid] == "next"


def test_a_rotation_needs_to_know_which_key(keys: KeyDirectory) -> None:
    with pytest.raises(InvalidArgument, match="no key that has not signed"):
        rotate(keys)
    added = [keys.add().key.kid for _ in range(2)]
    with pytest.raises(InvalidArgument, match="2 keys have not signed yet") as error:
        rotate(keys)
    assert all(kid in str(error.value) for kid in added)
    for unknown in ("nobody", "n" * 1_000):
        with pytest.raises(InvalidArgument, match="0 keys"):
            rotate(keys, unknown)


def test_a_key_without_its_private_half_verifies_and_never_signs(keys: KeyDirectory) -> None:
    public = OKPKey.generate_key("Ed25519").as_pem(private=False)
    put(keys.path / "former.pem", public, 0o644)
    kid = TokenKey.of_pem(public).kid
    assert states(keys)[kid] == "verifies"
    with pytest.raises(InvalidArgument, match="no private half"):
        rotate(keys, kid)


def test_a_key_is_removed_unless_it_signs(keys: KeyDirectory) -> None:
    first, added = keys.ring().signing.kid, keys.add().key.kid
    with pytest.raises(InvalidArgument, match="Rotate to another"):
        keys.remove(first)
    rotate(keys)
    assert keys.remove(first).key.kid == first
    assert states(keys) == {added: "signs"}
    assert (keys.path / SIGNING).read_text().split() == [added]


def test_one_private_key_signs_without_being_named(keys: KeyDirectory) -> None:
    (keys.path / SIGNING).unlink()
    first = keys.ring().signing.kid
    added = keys.path / "other.pem"
    put(added, TokenKey.generate().pem())
    with pytest.raises(TokenKeysUnusable, match=r"2 private keys and no file 'signing'"):
        keys.ring()
    added.unlink()
    assert keys.ring().signing.kid == first


def test_openssl_makes_keys_that_are_taken(keys: KeyDirectory) -> None:
    """What `openssl genpkey -algorithm ed25519` wrote once; the key is of RFC 8037, appendix A."""
    pem = (
        b"-----BEGIN PRIVATE KEY-----\n"
        b"MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
        b"-----END PRIVATE KEY-----\n"
    )
    assert TokenKey.of_pem(pem).kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


# ------------------------------------------------------------------------------- what is not used


@pytest.mark.parametrize("permissions", [0o604, 0o606, 0o620, 0o644, 0o666, 0o777])
def test_a_private_key_that_others_may_read_or_change_is_refused(
    keys: KeyDirectory, permissions: int
) -> None:
    (file,) = keys.files()
    file.path.chmod(permissions)
    with pytest.raises(TokenKeysUnusable, match=f"mode {permissions:04o}.*chmod 600") as error:
        keys.ring()
    assert str(file.path) in str(error.value)


@pytest.mark.parametrize("permissions", [0o400, 0o440, 0o600, 0o640])
def test_a_group_may_read_as_mounted_secrets_have_it(keys: KeyDirectory, permissions: int) -> None:
    (file,) = keys.files()
    file.path.chmod(permissions)
    assert keys.ring().signing.kid == file.key.kid


def _of_another_algorithm() -> bytes:
    pem = OKPKey.generate_key("Ed25519").as_der(private=True)
    unknown = pem.replace(bytes.fromhex("2b6570"), bytes.fromhex("2b657f"))
    return (
        b"-----BEGIN PRIVATE KEY-----\n"
        + base64.encodebytes(unknown)
        + b"-----END PRIVATE KEY-----\n"
    )


NO_KEYS: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "no text": lambda: b"\xff\xfe",
    "a first line": lambda: b"-----BEGIN PRIVATE KEY-----\n",
    "no DER": lambda: b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    "a certificate": lambda: b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "cut off": lambda: TokenKey.generate().pem()[:-40],
    "large": lambda: b"x" * 100_000,
    "an unknown kind": _of_another_algorithm,
    "P-256": lambda: ECKey.generate_key("P-256").as_pem(private=True),
    "RSA": lambda: RSAKey.generate_key(2048).as_pem(private=True),
    "Ed448": lambda: OKPKey.generate_key("Ed448").as_pem(private=True),
    "X25519": lambda: OKPKey.generate_key("X25519").as_pem(private=True),
    "encrypted": lambda: OKPKey.generate_key("Ed25519").as_pem(private=True, password="secret"),
}


@pytest.mark.parametrize("content", NO_KEYS.values(), ids=NO_KEYS)
def test_a_file_that_is_no_key_is_named_and_nothing_of_it_shown(
    keys: KeyDirectory, content: Callable[[], bytes]
) -> None:
    put(keys.path / "bad.pem", content())
    with pytest.raises(TokenKeysUnusable, match=r"bad\.pem is no key") as error:
        keys.ring()
    for line in content().split(b"\n")[1:2]:
        assert not line or line.decode("latin-1") not in str(error.value)


def test_a_directory_that_is_not_there_or_holds_no_key_is_named(tmp_path: Path) -> None:
    for path, said in ((tmp_path / "none", "cannot be read"), (tmp_path, "no file ends with .pem")):
        with pytest.raises(TokenKeysUnusable, match=said) as error:
            KeyDirectory(path).ring()
        assert "keys generate" in str(error.value)


@pytest.mark.parametrize("content", [b"nobody\n", b"\xff", b"../../etc/passwd"])
def test_a_file_that_names_no_key_here_is_explained(keys: KeyDirectory, content: bytes) -> None:
    (keys.path / SIGNING).write_bytes(content)
    with pytest.raises(TokenKeysUnusable, match=SIGNING):
        keys.ring()


def test_a_key_in_two_files_is_refused(keys: KeyDirectory) -> None:
    (file,) = keys.files()
    put(keys.path / "copy.pem", file.path.read_bytes())
    with pytest.raises(TokenKeysUnusable, match="in two files"):
        keys.ring()


def test_there_are_not_too_many_keys(keys: KeyDirectory) -> None:
    for number in range(KEYS_MAX - 1):
        put(keys.path / f"{number}.pem", OKPKey.generate_key("Ed25519").as_pem(private=False))
    assert len(keys.files()) == KEYS_MAX
    with pytest.raises(TokenKeysUnusable, match="which is the most"):
        keys.add()
    put(keys.path / "more.pem", TokenKey.generate().pem())
    with pytest.raises(TokenKeysUnusable, match="100 are the most"):
        keys.ring()


def test_a_key_shows_nothing_of_its_private_half(keys: KeyDirectory) -> None:
    (file,) = keys.files()
    secret = file.path.read_text().splitlines()[1]
    raw = OKPKey.import_key(file.path.read_bytes()).as_dict(private=True)["d"]
    for shown in (repr(file), str(file.key), repr(keys.ring().key_set), str(vars(keys))):
        assert secret not in shown
        assert str(raw) not in shown
