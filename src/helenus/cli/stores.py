"""Stores as they are named on the command line: as `open_store` has it, with user and options."""

from __future__ import annotations

import os
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast
from urllib.parse import parse_qsl

import typer

from helenus import stores
from helenus.errors import InvalidArgument
from helenus.stores.cassandra_url import SCHEME
from helenus.transfer import SourceStore

if TYPE_CHECKING:
    from helenus.stores.cassandra import CassandraSettings

FORM = "cassandra://[USER@]HOST[,HOST][:PORT]/KEYSPACE"
PASSWORD_VARIABLE = "HELENUS_CASSANDRA_PASSWORD"  # the name of a variable

_OPTIONS = ("data_center", "serial_scope", "tls_authority", "tls_certificate", "tls_key")

StoreName = Annotated[
    str,
    typer.Argument(
        metavar="STORE",
        help=f"A SQLite file, or {FORM}; the user's password comes from {PASSWORD_VARIABLE}.",
        show_default=False,
    ),
]


def open_store(name: str, *, create: bool = False) -> AbstractAsyncContextManager[SourceStore]:
    """The store of this name, to be entered.

    Args:
        name: a path or a URL.
        create: whether a file that is not there is made.

    Raises:
        InvalidArgument: there is no such file, or the URL is not of the form.
        StoreUnusable: the driver is missing.
    """
    if name.startswith(SCHEME):
        from helenus.stores.cassandra import drivers  # noqa: PLC0415  # for this store alone

        drivers.silence()  # errors are told, once
        url, options = _taken_apart(name)
        opened = stores.open_store(url, _settings(options) if options else None)
    else:
        opened = stores.open_store(name)
        if name.startswith("memory:"):
            raise InvalidArgument("A store in memory is gone with its program.")
        path = Path(name.removeprefix("sqlite:"))
        if not create and not path.exists():
            raise InvalidArgument(f"There is no file {path}.", remedy="Name the file of a store.")
    return cast("AbstractAsyncContextManager[SourceStore]", opened)


def _taken_apart(url: str) -> tuple[str, dict[str, str]]:
    """The URL without user and options, and these."""
    place, _, query = url.removeprefix(SCHEME).partition("?")
    user, at, rest = place.rpartition("@")
    if ":" in user or "/" in user or (at and not user):
        raise InvalidArgument(
            f"Before the @ of {FORM} stands a user's name alone.",
            remedy=f"The password belongs into {PASSWORD_VARIABLE}.",
        )
    options = dict(parse_qsl(query, keep_blank_values=True))
    if wrong := sorted(options.keys() - set(_OPTIONS)):
        raise InvalidArgument(f"{wrong[0]!r} is none of {', '.join(_OPTIONS)}.")
    return SCHEME + rest, options | ({"user": user} if user else {})


def _settings(options: dict[str, str]) -> CassandraSettings:
    from helenus.stores.cassandra.settings import CassandraSettings, TlsSettings  # noqa: PLC0415

    made: dict[str, Any] = {"serial_scope": _scope(options.get("serial_scope", "local"))}
    if user := options.get("user"):
        made |= {"username": user, "password": os.environ.get(PASSWORD_VARIABLE)}
    if data_center := options.get("data_center"):
        made["data_center"] = data_center
    if authority := options.get("tls_authority"):
        made["tls"] = TlsSettings(
            authority=Path(authority),
            certificate=_path(options.get("tls_certificate")),
            key=_path(options.get("tls_key")),
        )
    return CassandraSettings(**made)


def _scope(scope: str) -> Literal["local", "global"]:
    if scope == "global":
        return "global"
    if scope == "local":
        return "local"
    raise InvalidArgument(f"serial_scope is local or global, not {scope!r}.")


def _path(name: str | None) -> Path | None:
    return Path(name) if name else None
