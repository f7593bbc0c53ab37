"""Adapters of the store port, and `open_store`, which picks one by a line of settings.

An adapter is imported when it is asked for: a program needs the driver of its own store only.
"""

from __future__ import annotations

import re
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

import msgspec

from helenus.errors import InvalidArgument
from helenus.store import EventStore
from helenus.stores.cassandra_url import FORM, SCHEME, CassandraUrl

if TYPE_CHECKING:
    from helenus.stores.cassandra import CassandraSettings
    from helenus.stores.sqlite import SqliteSettings

__all__ = ["open_store"]

_FORMS = f"a path, sqlite:PATH, memory: or {FORM}"
_PREFIX = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_CREDENTIALS = re.compile(r"(?<=://)[^/]*@")
_KINDS = {"memory", "sqlite", "cassandra"}


def open_store(
    url: str, settings: SqliteSettings | CassandraSettings | None = None
) -> AbstractAsyncContextManager[EventStore]:
    """The store that a setting names, to be used with `async with`.

    Args:
        url: a path or ``sqlite:PATH`` for a SQLite file, ``memory:`` for a store that forgets, or
            ``cassandra://HOST,HOST:PORT/KEYSPACE``.
        settings: all else about the adapter. On Cassandra the URL stands in for its contact points,
            port and keyspace.

    Raises:
        InvalidArgument: the URL has none of these forms, or the settings are another adapter's.
        StoreUnusable: the store's driver is not installed; when entered, see the adapter.
    """
    prefix = _PREFIX.match(url)
    kind = prefix[1].lower() if prefix else "sqlite"
    rest = url[prefix.end() :] if prefix else url
    if kind not in _KINDS:
        raise _wrong(url, f"There is no store for {kind}:")
    if kind == "memory":
        return _memory(url, rest, settings)
    if kind == "sqlite":
        return _sqlite(url, rest, settings)
    return _cassandra(url, settings)


def _wrong(url: str, reason: str) -> InvalidArgument:
    shown = _CREDENTIALS.sub("…@", url)
    return InvalidArgument(
        f"The store {shown!r} cannot be opened. {reason}", remedy=f"Use {_FORMS}."
    )


def _memory(url: str, rest: str, settings: object) -> AbstractAsyncContextManager[EventStore]:
    from helenus.stores.memory import MemoryStore  # noqa: PLC0415  # on demand

    if rest:
        raise _wrong(url, "A store in memory has no name.")
    if settings is not None:
        raise InvalidArgument("A store in memory takes no settings.")
    return MemoryStore()


def _sqlite(url: str, path: str, settings: object) -> AbstractAsyncContextManager[EventStore]:
    from helenus.stores.sqlite import SqliteSettings, SqliteStore  # noqa: PLC0415  # on demand

    if not path or path.isspace() or "\0" in path:
        raise _wrong(url, "It names no file.")
    if path.startswith("//"):
        raise _wrong(url, "Write sqlite:PATH, without slashes before the path.")
    if path == ":memory:":
        raise _wrong(url, "The store in memory is memory:, on none of SQLite's files.")
    if path in _KINDS:  # not a file by mistake
        raise _wrong(url, f"If it is a file, write ./{path}.")
    if settings is not None and not isinstance(settings, SqliteSettings):
        raise InvalidArgument(f"A SQLite file takes SqliteSettings, not {type(settings).__name__}.")
    return SqliteStore(path, settings)


def _cassandra(url: str, settings: object) -> AbstractAsyncContextManager[EventStore]:
    if not url.startswith(SCHEME):
        raise _wrong(url, f"A keyspace is named by {FORM}.")
    try:
        where = CassandraUrl.parse(url)
    except ValueError as error:
        raise _wrong(url, f"Its form: {error}.") from None
    from helenus.stores.cassandra import (  # noqa: PLC0415  # for this store alone
        CassandraSettings,
        CassandraStore,
        drivers,
    )

    if settings is not None and not isinstance(settings, CassandraSettings):
        raise InvalidArgument(f"Cassandra takes CassandraSettings, not {type(settings).__name__}.")
    base = settings or CassandraSettings()
    chosen = msgspec.structs.replace(base, **msgspec.structs.asdict(where))
    drivers.chosen(chosen)
    return CassandraStore(chosen)
