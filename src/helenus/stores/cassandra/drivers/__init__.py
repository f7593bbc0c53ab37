"""Drivers behind the session protocol: one is chosen by a setting, and only that one is loaded."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import Literal

from helenus.errors import StoreUnusable
from helenus.stores.cassandra.session import OwnerSession
from helenus.stores.cassandra.settings import CassandraSettings

DriverName = Literal["acsylla", "cassandra-driver"]

_MODULES: dict[DriverName, str] = {"cassandra-driver": "cassandra", "acsylla": "acsylla"}
_EXTRAS: dict[DriverName, str] = {"acsylla": "acsylla", "cassandra-driver": "cassandra"}


class DriverMissing(StoreUnusable):
    """The driver that the settings ask for is not installed."""


def chosen(settings: CassandraSettings) -> DriverName:
    """The driver that these settings lead to.

    Raises:
        DriverMissing: it is not installed; the error names the extra to install.
    """
    wanted = settings.driver
    if wanted == "auto":
        for name in _MODULES:
            if _is_installed(name):
                return name
        raise DriverMissing(
            "No driver for Cassandra is installed.",
            remedy="Install helenus[cassandra] or helenus[acsylla].",
        )
    if not _is_installed(wanted):
        raise DriverMissing(
            f"The Cassandra driver {wanted!r} is not installed.",
            remedy=f"Install helenus[{_EXTRAS[wanted]}], or choose another driver.",
        )
    return wanted


async def connect(settings: CassandraSettings, keyspace: str | None) -> OwnerSession:
    """Connect to the cluster and, if one is named, to a keyspace, on the driver chosen.

    Raises:
        DriverMissing: the driver is not installed.
        StoreUnavailable: no node answers, or none accepts these credentials.
        StoreUnusable: the keyspace does not exist, or a file for TLS does not.
    """
    if chosen(settings) == "acsylla":
        from helenus.stores.cassandra.drivers.acsylla import (  # noqa: PLC0415  # may be missing
            AcsyllaSession,
        )

        return await AcsyllaSession.connect(settings, keyspace)
    from helenus.stores.cassandra.drivers.datastax import (  # noqa: PLC0415  # may be missing
        DatastaxSession,
    )

    return await DatastaxSession.connect(settings, keyspace)


def silence() -> None:
    """Have the drivers log nothing: for programs that tell a failed attempt once, as an error."""
    for name in _MODULES.values():
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _is_installed(name: DriverName) -> bool:
    return find_spec(_MODULES[name]) is not None
