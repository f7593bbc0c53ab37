"""Listing the streams of the file: from name to name along the index, never over their commits."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

# SQLite has no skip scan for DISTINCT without statistics: each step seeks the next name itself.
_NAMES = """
WITH RECURSIVE names (stream) AS (
    SELECT min(stream) FROM commits WHERE stream > :after AND stream >= :prefix
    UNION ALL
    SELECT (SELECT min(stream) FROM commits WHERE stream > names.stream)
    FROM names WHERE stream IS NOT NULL
)
SELECT stream FROM names WHERE stream IS NOT NULL LIMIT :page
"""


def names_query(
    prefix: str, after: str, page_streams: int
) -> Callable[[sqlite3.Connection], list[str]]:
    """The next names after one, in the order of their code points."""
    values = {"prefix": prefix, "after": after, "page": page_streams}

    def query(connection: sqlite3.Connection) -> list[str]:
        names = [name for (name,) in connection.execute(_NAMES, values)]
        return [name for name in names if name.startswith(prefix)]

    return query
