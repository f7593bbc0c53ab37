"""How many copies a keyspace has, and where: as it was asked for, as it is, and as it can be."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from helenus.errors import StoreUnusable
from helenus.stores.cassandra.server import Nodes
from helenus.stores.cassandra.settings import CassandraSettings

logger = logging.getLogger(__name__)

_FACTOR = "replication_factor"


def replication_cql(settings: CassandraSettings) -> str:
    """The replication to make a keyspace with: as asked for, or one copy."""
    copies = settings.replication or {"": 1}
    if set(copies) == {""}:
        return f"{{'class': 'SimpleStrategy', '{_FACTOR}': {copies['']}}}"
    centres = ", ".join(f"'{name}': {number}" for name, number in copies.items())
    return f"{{'class': 'NetworkTopologyStrategy', {centres}}}"


def replication_in_words(found: Mapping[str, str]) -> str:
    """A keyspace's replication, without the names of packages."""
    copies = [f"{name} {number}" for name, number in found.items() if name != "class"]
    return f"{found['class'].rpartition('.')[2]}, {', '.join(copies)}"


def require_possible(settings: CassandraSettings, nodes: Nodes) -> None:
    """Refuse to make a keyspace that the cluster has no nodes for.

    Raises:
        StoreUnusable: a data centre is not there, or has too few nodes.
    """
    copies = settings.replication or {"": 1}
    centres = nodes.per_data_center
    if set(copies) == {""}:
        if len(centres) > 1:
            raise StoreUnusable(
                f"The cluster has several data centres: {_listed(centres)}.",
                remedy="Say how many copies each gets.",
            )
        copies = dict.fromkeys(centres, copies[""])
    for name, number in copies.items():
        if name not in centres:
            raise StoreUnusable(
                f"The cluster has no data centre {name!r}; it has {_listed(centres)}.",
                remedy="Change the replication.",
            )
        if number > centres[name]:
            raise StoreUnusable(
                f"The data centre {name!r} has {centres[name]} node(s), too few for {number}"
                " copies.",
                remedy="Ask for fewer, or let further nodes join first.",
            )


def check_replication(settings: CassandraSettings, found: Mapping[str, str], nodes: Nodes) -> None:
    """Refuse a keyspace with another replication than asked for, or with none where it is needed.

    Raises:
        StoreUnusable: it has.
    """
    numbers = {name: value for name, value in found.items() if name != "class"}
    wanted = {name or _FACTOR: str(n) for name, n in (settings.replication or {}).items()}
    if wanted and numbers != wanted:
        raise StoreUnusable(
            f"The keyspace {settings.keyspace!r} has {replication_in_words(found)}, not"
            f" {', '.join(f'{name} {number}' for name, number in wanted.items())}; that was left"
            " as it is.",
            remedy="Change it with ALTER KEYSPACE and repair it, or leave the replication out.",
        )
    local = nodes.local_data_center
    if settings.serial_scope == "local" and not {local, _FACTOR} & numbers.keys():
        raise StoreUnusable(
            f"The keyspace {settings.keyspace!r} has no copy in the data centre {local!r}, the"
            f" local one; it has {replication_in_words(found)}.",
            remedy="Connect to a data centre that has copies.",
        )
    if len(nodes.all) > 1 and any(number in {"1", "2"} for number in numbers.values()):
        logger.warning(
            "The keyspace %s has %s: without three copies, no node may be away.",
            settings.keyspace,
            replication_in_words(found),
        )


def _listed(centres: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({number} nodes)" for name, number in sorted(centres.items()))
