"""Each cell of the tables of states and messages is carried out; the diagram is theirs."""

import pytest

from tests.integration.download_licensing.lifecycle_cells import TABLES
from tests.integration.download_licensing.lifecycle_page import (
    DIAGRAM,
    PAGE,
    cells_of,
    diagram,
    drawn,
    edges,
)

TEXT = PAGE.read_text(encoding="utf-8")
CELLS = [
    (heading, state, message, text)
    for heading in TABLES
    for (state, message), text in cells_of(TEXT, heading).items()
]
LICENCE = "Every state and message of a licence"


@pytest.mark.parametrize(
    ("heading", "state", "message", "text"),
    CELLS,
    ids=[f"{heading.split()[-1]}: {state} and {message}" for heading, state, message, _ in CELLS],
)
async def test_a_message_does_in_a_state_what_the_page_says(
    heading: str, state: str, message: str, text: str
) -> None:
    assert await TABLES[heading].cell(state, message) == text


@pytest.mark.parametrize("heading", TABLES)
def test_the_page_has_every_state_and_every_message(heading: str) -> None:
    table = TABLES[heading]
    assert list(cells_of(TEXT, heading)) == [
        (state, message) for message in table.messages for state in table.states
    ]


def test_the_diagram_is_drawn_from_the_table() -> None:
    assert DIAGRAM.read_text(encoding="utf-8") == diagram(cells_of(TEXT, LICENCE))


def test_the_diagram_has_a_line_for_each_change_in_the_table_and_no_other() -> None:
    assert drawn() == edges(cells_of(TEXT, LICENCE))
