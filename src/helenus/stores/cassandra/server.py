"""What the cluster is: its nodes, their releases, and how they carry out conditional writes."""

from __future__ import annotations

import logging
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from helenus.errors import StoreUnusable
from helenus.stores.cassandra import cql
from helenus.stores.cassandra.session import NotExecuted, Session

logger = logging.getLogger(__name__)

_LOOKS_MAX = 32
_RELEASE = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?[^-]*(-.+)?")


class Node(msgspec.Struct, frozen=True):
    """A node as it tells of itself, or others of it."""

    data_center: str
    release: str


class Nodes(msgspec.Struct, frozen=True):
    """The nodes of a cluster, whether they are up or not.

    Attributes:
        all: by their ids.
        local_data_center: the one that answers.
    """

    all: Mapping[uuid.UUID, Node]
    local_data_center: str

    @property
    def per_data_center(self) -> Counter[str]:
        """How many there are in each."""
        return Counter(node.data_center for node in self.all.values())


async def read_nodes(session: Session) -> Nodes:
    """All nodes.

    Each knows itself and its peers, and which one answers is the driver's choice. So nodes are
    asked about themselves until there is one more than one of them has peers.

    Raises:
        MaybeExecuted, NotExecuted: a read failed.
    """
    found: dict[uuid.UUID, Node] = {}
    peers = (await session.execute(cql.READ_PEERS)).rows
    found.update(_known(peers))
    local = ""
    for _ in range(_LOOKS_MAX):
        rows = (await session.execute(cql.READ_LOCAL)).rows
        found.update(_known(rows))
        local = rows[0][1]
        if len(found) > len(peers):
            break
    return Nodes(found, local)


def _known(rows: Iterable[tuple[uuid.UUID, str | None, str | None]]) -> dict[uuid.UUID, Node]:
    # A node that is about to join or to leave may not be described in full.
    return {key: Node(centre, release) for key, centre, release in rows if centre and release}


def require_release(nodes: Nodes) -> None:
    """Refuse nodes whose conditional writes are not safe enough.

    Raises:
        StoreUnusable: one is older than 4.1.6, or than 5.0 where it is not of 4.1.
    """
    for release in sorted({node.release for node in nodes.all.values()}):
        if not is_new_enough(release):
            raise StoreUnusable(
                f"A node runs Cassandra {release}; its conditional writes are not safe enough.",
                remedy="Use Cassandra 5.0, or 4.1.6 and later 4.1.",
            )


def is_new_enough(release: str) -> bool:
    """Whether a release has what the store relies on.

    Paxos v2 came with 4.1; until 4.1.6 and 5.0 it could revive old commits (CASSANDRA-19617). A
    release is older with a suffix (`5.0-beta1`, `4.1.6-SNAPSHOT`) than without.
    """
    match = _RELEASE.fullmatch(release)
    if match is None:
        return False
    major, minor, patch = (int(part or 0) for part in match.groups()[:3])
    oldest = (4, 1, 6) if (major, minor) == (4, 1) else (5, 0, 0)
    return (major, minor, patch, match[4] is None) >= (*oldest, True)


def is_before_5(nodes: Nodes) -> bool:
    """Whether a node is of 4.1, which lacks the unified compaction."""
    return any(node.release.startswith("4.") for node in nodes.all.values())


async def require_paxos_v2(session: Session) -> None:
    """Refuse a node that carries out conditional writes by another variant than v2.

    Who may not see it goes on, and is warned.

    Raises:
        StoreUnusable: it is another.
        MaybeExecuted: the read failed.
    """
    try:
        rows = (await session.execute(cql.READ_PAXOS_VARIANT)).rows
    except NotExecuted:
        rows = ()
    if not rows:
        logger.warning(
            "Whether the Cassandra nodes have paxos_variant: v2 cannot be seen. Allow it by: GRANT"
            " SELECT ON system_views.settings"
        )
    elif rows[0][0] != "v2":
        raise StoreUnusable(
            f"A node has paxos_variant: {rows[0][0]}. Without v2, commits can be lost while nodes"
            " join or leave, and take twice the round trips.",
            remedy="Set paxos_variant: v2 in cassandra.yaml on all nodes, and restart them.",
        )
