"""The tables and the diagram of the lifecycle's page, as the code makes them.

``python -m tests.integration.download_licensing.lifecycle_page`` writes them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.integration.download_licensing.lifecycle_cells import LICENCES, TABLES, Table

PAGE = Path(__file__).parents[3] / "docs" / "licensing" / "lifecycle.md"
DIAGRAM = PAGE.with_suffix(".svg")

Cells = Mapping[tuple[str, str], str]


def cells_of(page: str, heading: str) -> Cells:
    """The cells of the table below a heading, by state and message."""
    lines = re.findall(r"^\|(.*)\|$", _section(page, heading), re.MULTILINE)
    rows = [[part.strip() for part in line.split("|")] for line in lines]
    (_, *states), _, *messages = rows
    return {
        (state, message): text
        for message, *texts in messages
        for state, text in zip(states, texts, strict=True)
    }


async def carried_out(table: Table) -> Cells:
    """All cells of a table, as they come out."""
    return {
        (state, message): await table.cell(state, message)
        for message in table.messages
        for state in table.states
    }


def with_table(page: str, heading: str, cells: Cells) -> str:
    """The page with another table below a heading."""
    states = list(dict.fromkeys(state for state, _ in cells))
    messages = list(dict.fromkeys(message for _, message in cells))
    lines = [_row("message", *states), _row(*["---"] * (len(states) + 1), gap="")]
    lines += [_row(each, *[cells[state, each] for state in states]) for each in messages]
    section = _section(page, heading)
    table = "\n".join(["", *lines, ""])
    written = re.sub(r"\n\|.*\|\n(?!\|)", lambda _: table, section, flags=re.DOTALL)
    return page.replace(section, written)


def _row(*texts: str, gap: str = " ") -> str:
    return "|" + "|".join(f"{gap}{text}{gap}" for text in texts) + "|"


def _section(page: str, heading: str) -> str:
    start = page.index(f"\n## {heading}\n") + 1
    end = page.find("\n## ", start)
    return page[start:] if end < 0 else page[start:end]


# Places in the diagram; "ended" stands for all that has expired, for whatever reason.
_GROUPS = {
    "none": "none",
    "unplayed": "unplayed",
    "playing": "playing",
    "expired": "ended",
    "withdrawn": "ended",
    "cancelled": "ended",
    "released": "released",
    "revoked": "revoked",
}
_BOXES = {
    "none": (20, 105, 90, 40),
    "unplayed": (270, 105, 110, 40),
    "playing": (530, 105, 110, 40),
    "ended": (890, 97, 160, 56),
    "released": (400, 370, 120, 40),
    "revoked": (890, 370, 160, 40),
}
_TITLES = {"ended": "expired, withdrawn, cancelled"}
# From, to, the line, where its label begins; "active" is the frame around unplayed and playing.
_EDGES = (
    ("none", "unplayed", "M110,125 H266", (122, 115)),
    ("unplayed", "playing", "M380,125 H526", (394, 105)),
    ("active", "ended", "M670,125 H886", (684, 88)),
    ("ended", "unplayed", "M970,97 C970,10 325,10 325,101", (600, 28)),
    ("active", "released", "M460,190 V366", (468, 270)),
    ("active", "revoked", "M640,190 L886,366", (700, 300)),
    ("ended", "released", "M930,153 C880,260 700,390 524,390", (640, 408)),
    ("ended", "revoked", "M990,153 V366", (998, 270)),
)


def diagram(cells: Cells) -> str:
    """The state diagram that the cells of a licence make."""
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1080 440" role="img"'
        ' aria-label="The states of a licence">',
        "<style>text{font:13px sans-serif;fill:#333}path{fill:none;stroke:#777;stroke-width:1.4}"
        "rect{fill:#fff;stroke:#333}.frame{stroke-dasharray:4 3;fill:#f6f6f2}</style>",
        '<defs><marker id="end" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" style="fill:#777"/></marker></defs>',
        '<rect width="1080" height="440" style="stroke:none"/>',
        '<rect class="frame" x="240" y="70" width="430" height="120" rx="8"/>',
        '<text x="252" y="182">active</text>',
    ]
    for name, (x, y, width, height) in _BOXES.items():
        parts.append(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6"/>')
        centre = f'x="{x + width // 2}" y="{y + height // 2 + 5}" text-anchor="middle"'
        parts += _text(_TITLES.get(name, name).split(", "), centre, x + width // 2, y + 16)
    for source, target, line, (x, y) in _EDGES:
        parts.append(f'<path d="{line}" marker-end="url(#end)"/>')
        parts += _text(_labels(cells, source, target), f'x="{x}" y="{y}"', x, y)
    return "\n".join([*parts, "</svg>", ""])


def edges(cells: Cells) -> set[tuple[str, str]]:
    """Between which places of the diagram messages lead."""
    return {
        (_GROUPS[state], _GROUPS[after])
        for (state, _), text in cells.items()
        if (after := _after(text)) and _GROUPS[state] != _GROUPS[after]
    }


def drawn() -> set[tuple[str, str]]:
    """Between which places the diagram has lines."""
    return {
        (each, target)
        for source, target, _, _ in _EDGES
        for each in (("unplayed", "playing") if source == "active" else (source,))
    }


def _labels(cells: Cells, source: str, target: str) -> list[str]:
    sources = {"unplayed", "playing"} if source == "active" else {source}
    messages = [
        message
        for (state, message), text in cells.items()
        if _GROUPS[state] in sources and _GROUPS.get(_after(text)) == target
    ]
    return list(dict.fromkeys(message.replace("standing: ", "") for message in messages))


def _after(text: str) -> str:
    """The state that a cell leads to; "" if it stays."""
    return text.partition("→ ")[2].partition(";")[0]


def _text(lines: list[str], single: str, x: int, y: int) -> Iterator[str]:
    if len(lines) == 1:
        yield f"<text {single}>{lines[0]}</text>"
        return
    anchor = ' text-anchor="middle"' if "middle" in single else ""
    for place, line in enumerate(lines):
        yield f'<text x="{x}" y="{y + 15 * place}"{anchor}>{line}</text>'


async def main() -> None:
    """Write tables and diagram."""
    page = PAGE.read_text(encoding="utf-8")
    for heading, table in TABLES.items():
        page = with_table(page, heading, await carried_out(table))
    PAGE.write_text(page, encoding="utf-8")
    DIAGRAM.write_text(diagram(await carried_out(LICENCES)), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
