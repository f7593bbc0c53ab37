"""Keys in a directory: one PEM file each, and a file that says which one signs.

    token-keys/
        <kid>.pem      a key, PKCS #8, readable by its owner alone; or only its public half
        signing        the ids of the keys that have signed, one a line; the last one signs

A directory with one private key needs no file `signing`. Names of PEM files are free: a key's id
follows from the key.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

from download_licensing.tokens.keys import KeyRefused, KeyRing, TokenKey
from helenus.errors import HelenusError, InvalidArgument

SIGNING = "signing"
KEYS_MAX = 100
KEY_BYTES_MAX = 16 * 1024

KeyState = Literal["signs", "next", "former", "verifies"]


class TokenKeysUnusable(HelenusError):
    """The keys that sign tokens cannot be used; the message names the file and what to do."""


class KeyFile(msgspec.Struct, frozen=True, kw_only=True):
    """A key of a directory.

    Attributes:
        key: the key.
        path: its file.
        state: it signs; it has not signed yet; it signed before; or it has no private half.
        written_at: when its file was written.
    """

    key: TokenKey
    path: Path
    state: KeyState
    written_at: datetime


class KeyDirectory:
    """The keys in a directory.

    Args:
        path: of the directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def found(self) -> bool:
        """Make the directory with a first key, unless there are keys already.

        It appears whole: of several processes that found it at once, one does.

        Returns:
            Whether this call made it.

        Raises:
            TokenKeysUnusable: it cannot be made.
        """
        if self.path.is_dir() and any(self.path.iterdir()):
            return False
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            made = Path(tempfile.mkdtemp(dir=self.path.parent, prefix=f".{self.path.name}-"))
        except OSError as error:
            raise _unmakeable(self.path, error) from None
        try:
            key = TokenKey.generate()
            _write(made / f"{key.kid}.pem", key.pem())
            _write(made / SIGNING, f"{key.kid}\n".encode())
            made.replace(self.path)
        except OSError as error:
            if self.path.is_dir() and any(self.path.iterdir()):
                return False
            raise _unmakeable(self.path, error) from None
        finally:
            shutil.rmtree(made, ignore_errors=True)
        return True

    def ring(self) -> KeyRing:
        """The keys in force.

        Raises:
            TokenKeysUnusable: there is none that signs, or a file is no key or readable by all.
        """
        files = self.files()
        signing = [file.key for file in files if file.state == "signs"]
        return KeyRing(signing[0], [file.key for file in files])

    def files(self) -> list[KeyFile]:
        """Every key, the one that signs first, then the newest first.

        Raises:
            TokenKeysUnusable: as for `ring`.
        """
        read = [_read(path) for path in self._pem_files()]
        if twice := _twice(key.kid for key, *_ in read):
            raise TokenKeysUnusable(
                f"{self.path}: the key {twice} is in two files.", remedy="Remove one of them."
            )
        signed = self._signed()
        signing = self._signing({key.kid: key for key, *_ in read}, signed)
        files = [
            KeyFile(key=key, path=path, state=_state(key, signing, signed), written_at=written_at)
            for key, path, written_at in read
        ]
        files.sort(key=lambda file: file.written_at, reverse=True)
        return sorted(files, key=lambda file: file.state != "signs")

    def add(self) -> KeyFile:
        """Generate a further key, which verifies at once and signs after a rotation to it.

        Raises:
            TokenKeysUnusable: the directory cannot be used or written.
        """
        files = self.files()
        if len(files) >= KEYS_MAX:
            raise TokenKeysUnusable(
                f"{self.path} holds {len(files)} keys, which is the most.",
                remedy="Remove those that no token in use was signed with.",
            )
        key = TokenKey.generate()
        try:
            _write(self.path / f"{key.kid}.pem", key.pem())
        except OSError as error:
            raise _unwritable(self.path, error) from None
        return self._file(key.kid)

    def rotate(self, kid: str | None, *, now: datetime, published_for: timedelta) -> KeyFile:
        """Sign with another key from now on; the present one goes on to verify.

        Args:
            kid: of the other key, or how it begins; None: the one key that is next.
            now: the time.
            published_for: for how long a key must have verified before it signs, so that no cache
                holds a key set without it.

        Raises:
            InvalidArgument: there is no such key, or several, or it cannot sign, or is too new.
            TokenKeysUnusable: the directory cannot be used or written.
        """
        chosen = self._named(kid) if kid else self._only_next()
        if not chosen.key.can_sign:
            raise InvalidArgument(
                f"The key {chosen.key.kid} has no private half.", remedy="Choose one that has."
            )
        if chosen.state == "signs":
            return chosen
        age = now - chosen.written_at
        if age < published_for:
            wait_s = (published_for - age) // timedelta(seconds=1) + 1
            raise InvalidArgument(
                f"The key {chosen.key.kid} is {max(0, age // timedelta(seconds=1))} s old; who"
                " cached the key set before does not know it yet.",
                remedy=f"Rotate in {wait_s} s, or at once with --now.",
            )
        signed = [one for one in self._history() if one != chosen.key.kid]
        self._record([*signed, chosen.key.kid])
        return self._file(chosen.key.kid)

    def removable(self, kid: str) -> KeyFile:
        """A key that may be deleted.

        Raises:
            InvalidArgument: there is no such key, or it is the one that signs.
            TokenKeysUnusable: the directory cannot be used.
        """
        chosen = self._named(kid)
        if chosen.state == "signs":
            raise InvalidArgument(
                f"The key {chosen.key.kid} signs.", remedy="Rotate to another one first."
            )
        return chosen

    def remove(self, kid: str) -> KeyFile:
        """Delete a key: tokens that it signed are refused from then on.

        Raises:
            InvalidArgument: as for `removable`.
            TokenKeysUnusable: the directory cannot be used or written.
        """
        chosen = self.removable(kid)
        try:
            if history := [one for one in self._history() if one != chosen.key.kid]:
                self._record(history)
            chosen.path.unlink()
        except OSError as error:
            raise _unwritable(self.path, error) from None
        return chosen

    def fingerprint(self) -> tuple[tuple[str, int, int], ...]:
        """What changes whenever a file does; empty if the directory cannot be read."""
        seen = []
        with contextlib.suppress(OSError):
            for entry in os.scandir(self.path):
                status = entry.stat()
                seen.append((entry.name, status.st_mtime_ns, status.st_mode))
        return tuple(sorted(seen))

    def _pem_files(self) -> list[Path]:
        try:
            paths = sorted(path for path in self.path.iterdir() if path.suffix == ".pem")
        except OSError as error:
            raise TokenKeysUnusable(
                f"The directory of the keys that sign tokens, {self.path}, cannot be read:"
                f" {error.strerror}.",
                remedy="Make it with `download-licensing keys generate`, or name another one"
                " (token_keys_directory).",
            ) from None
        if not paths:
            raise TokenKeysUnusable(
                f"There is no key in {self.path}: no file ends with .pem.",
                remedy="Make one with `download-licensing keys generate`.",
            )
        if len(paths) > KEYS_MAX:
            raise TokenKeysUnusable(
                f"{self.path} holds {len(paths)} keys; {KEYS_MAX} are the most.",
                remedy="Remove those that no token in use was signed with.",
            )
        return paths

    def _signed(self) -> list[str]:
        try:
            text = (self.path / SIGNING).read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise TokenKeysUnusable(
                f"{self.path / SIGNING} cannot be read: {error}.",
                remedy="Write the id of the key that shall sign into it.",
            ) from None
        return text.split()

    def _signing(self, keys: dict[str, TokenKey], signed: list[str]) -> str:
        private = [kid for kid, key in keys.items() if key.can_sign]
        where = self.path / SIGNING
        if not signed:
            if len(private) != 1:
                raise TokenKeysUnusable(
                    f"{self.path} has {len(private)} private keys and no file {SIGNING!r} that says"
                    " which one signs.",
                    remedy=f"Write its id into {where}.",
                )
            return private[0]
        if signed[-1] not in private:
            raise TokenKeysUnusable(
                f"{where} names {signed[-1][:80]!r}; no private key here has this id.",
                remedy=f"Bring its file back, or name one of: {', '.join(private) or 'none'}.",
            )
        return signed[-1]

    def _history(self) -> list[str]:
        """The keys that have signed, also where no file said so yet."""
        return self._signed() or [file.key.kid for file in self.files() if file.state == "signs"]

    def _record(self, signed: list[str]) -> None:
        try:
            _write(self.path / SIGNING, "".join([f"{kid}\n" for kid in signed]).encode())
        except OSError as error:
            raise _unwritable(self.path, error) from None

    def _file(self, kid: str) -> KeyFile:
        return next(file for file in self.files() if file.key.kid == kid)

    def _named(self, kid: str) -> KeyFile:
        files = self.files()
        fitting = [file for file in files if file.key.kid.startswith(kid)]
        if not kid or len(fitting) != 1:
            known = ", ".join(file.key.kid for file in files)
            raise InvalidArgument(
                f"{len(fitting)} keys have an id that begins with {kid[:80]!r}.",
                remedy=f"Name one of: {known}.",
            )
        return fitting[0]

    def _only_next(self) -> KeyFile:
        waiting = [file for file in self.files() if file.state == "next"]
        if not waiting:
            raise InvalidArgument(
                "There is no key that has not signed yet.",
                remedy="Make one with `download-licensing keys generate`; or name a former one.",
            )
        if len(waiting) > 1:
            known = ", ".join(file.key.kid for file in waiting)
            raise InvalidArgument(
                f"{len(waiting)} keys have not signed yet.", remedy=f"Name one of: {known}."
            )
        return waiting[0]


def _read(path: Path) -> tuple[TokenKey, Path, datetime]:
    try:
        status = path.stat()
        content = path.read_bytes() if status.st_size <= KEY_BYTES_MAX else b""
    except OSError as error:
        raise TokenKeysUnusable(
            f"The key {path} cannot be read: {error.strerror}.",
            remedy="Let the service's user read it, or remove it.",
        ) from None
    try:
        key = TokenKey.of_pem(content)
    except KeyRefused as error:
        raise TokenKeysUnusable(
            f"{path} is no key that signs tokens. {error}",
            remedy="Remove the file, or replace it by `download-licensing keys generate`.",
        ) from None
    if key.can_sign:
        _require_kept_from_others(path, status.st_mode)
    return key, path, datetime.fromtimestamp(status.st_mtime, UTC)


def _require_kept_from_others(path: Path, mode: int) -> None:
    """Refuse a private key that others than its owner and group may read, or others may write."""
    if os.name != "nt" and mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise TokenKeysUnusable(
            f"The private key {path} has mode {stat.S_IMODE(mode):04o}: others may read or change"
            " it, so anyone on this machine may sign.",
            remedy=f"If nobody did, run `chmod 600 {path}`; else remove it and rotate.",
        )


def _write(path: Path, content: bytes) -> None:
    """A file that its owner alone may read; it appears whole, and is on disk when this returns."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{SIGNING}-", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except OSError:
            Path(file.name).unlink(missing_ok=True)
            raise


def _state(key: TokenKey, signing: str, signed: list[str]) -> KeyState:
    if key.kid == signing:
        return "signs"
    if not key.can_sign:
        return "verifies"
    return "former" if key.kid in signed else "next"


def _twice(kids: Iterable[str]) -> str | None:
    return next((kid for kid, times in Counter(kids).items() if times > 1), None)


def _unmakeable(path: Path, error: OSError) -> TokenKeysUnusable:
    return TokenKeysUnusable(
        f"The directory of the keys that sign tokens, {path}, cannot be made: {error.strerror}.",
        remedy="Name another one (token_keys_directory), or another data_directory.",
    )


def _unwritable(path: Path, error: OSError) -> TokenKeysUnusable:
    return TokenKeysUnusable(
        f"The directory of the keys that sign tokens, {path}, cannot be written: {error.strerror}.",
        remedy="Run the command as a user who may; nothing was changed.",
    )
