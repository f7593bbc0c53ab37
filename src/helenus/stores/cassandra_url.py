"""The URL that names a keyspace of a Cassandra cluster: ``cassandra://HOST,HOST:PORT/KEYSPACE``.

It can be read where the driver is not installed.
"""

from __future__ import annotations

import re

import msgspec

SCHEME = "cassandra://"
FORM = "cassandra://HOST,HOST:PORT/KEYSPACE"
DEFAULT_PORT = 9042
DEFAULT_KEYSPACE = "helenus"

_NODE = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?")
_KEYSPACE = re.compile(r"[a-z][a-z0-9_]{0,47}")


class CassandraUrl(msgspec.Struct, frozen=True):
    """Where a keyspace is.

    Attributes:
        contact_points: names or addresses of some nodes.
        port: of all of them.
        keyspace: its name.
    """

    contact_points: tuple[str, ...]
    port: int
    keyspace: str

    @classmethod
    def parse(cls, url: str, *, keyspace: str = DEFAULT_KEYSPACE) -> CassandraUrl:
        """Take a URL apart.

        Args:
            url: of the form ``cassandra://HOST,HOST:PORT/KEYSPACE``.
            keyspace: the one that a URL without any means.

        Raises:
            ValueError: it is not of the form; the message says what is wrong.
        """
        if not url.startswith(SCHEME):
            raise ValueError(f"should be {FORM}")
        nodes, _, named = url.removeprefix(SCHEME).partition("/")
        if "@" in nodes:
            raise ValueError("a user belongs into the settings username and password")
        found = [_NODE.fullmatch(node) for node in nodes.split(",")]
        matches = [match for match in found if match]
        if len(matches) < len(found):
            raise ValueError(f"has a node that is none; the form is {FORM}")
        ports = {int(match[3]) for match in matches if match[3]} or {DEFAULT_PORT}
        if len(ports) > 1 or not all(1 <= port <= 65_535 for port in ports):
            raise ValueError("all nodes share one port, from 1 to 65,535")
        if named and not _KEYSPACE.fullmatch(named):
            raise ValueError(
                "a keyspace is lower-case letters, digits and '_', beginning with a letter, at"
                " most 48"
            )
        contact_points = tuple(match[1] or match[2] for match in matches)
        return cls(contact_points, ports.pop(), named or keyspace)
