"""Moving streams between stores by a file: export, import, and the file's format.

    async with SqliteStore("a.sqlite3") as store:
        await export_streams(store, "a.jsonl.zst")
    async with CassandraStore(settings) as store:
        await import_streams(store, "a.jsonl.zst")

Commits arrive as they left: positions, commit ids, times and bytes.
"""

from __future__ import annotations

from helenus.transfer.errors import (
    FileDamaged,
    FileTruncated,
    FileUnwritable,
    NewerFormat,
    PartialUnusable,
    TargetDiffers,
)
from helenus.transfer.exporting import Exported, ExportSettings, SourceStore, export_streams
from helenus.transfer.format import FORMAT_VERSION
from helenus.transfer.importing import Imported, ImportSettings, import_streams

__all__ = [
    "FORMAT_VERSION",
    "ExportSettings",
    "Exported",
    "FileDamaged",
    "FileTruncated",
    "FileUnwritable",
    "ImportSettings",
    "Imported",
    "NewerFormat",
    "PartialUnusable",
    "SourceStore",
    "TargetDiffers",
    "export_streams",
    "import_streams",
]
