"""Parameters of paths and queries, held to the same patterns as the ids in bodies."""

from __future__ import annotations

from typing import Annotated

from litestar.params import PathParameter, QueryParameter

from download_licensing.domain.ids import ID_CHARACTERS_MAX, ID_PATTERN, LICENSE_ID_PATTERN

HISTORY_EVENTS_MAX = 10_000
POSITION_MAX = 2**53

CustomerInPath = Annotated[
    str,
    PathParameter(
        pattern=ID_PATTERN,
        max_length=ID_CHARACTERS_MAX,
        description="The customer's id: 1 to 100 of `A-Za-z0-9._~-`, neither `.` nor `..`.",
    ),
]
DeviceInPath = Annotated[
    str,
    PathParameter(pattern=ID_PATTERN, max_length=ID_CHARACTERS_MAX, description="The device's id."),
]
LicenseInPath = Annotated[
    str,
    PathParameter(pattern=LICENSE_ID_PATTERN, description="The licence's id, as a grant gave it."),
]
TitleInPath = Annotated[
    str,
    PathParameter(pattern=ID_PATTERN, max_length=ID_CHARACTERS_MAX, description="The title's id."),
]
SessionInPath = Annotated[
    str,
    PathParameter(
        pattern=ID_PATTERN, max_length=ID_CHARACTERS_MAX, description="The device's id of it."
    ),
]
DeviceInQuery = Annotated[
    str,
    QueryParameter(
        pattern=ID_PATTERN, max_length=ID_CHARACTERS_MAX, description="The device's id."
    ),
]
TitleInQuery = Annotated[
    str,
    QueryParameter(pattern=ID_PATTERN, max_length=ID_CHARACTERS_MAX, description="The title's id."),
]
AfterInQuery = Annotated[
    int, QueryParameter(ge=0, le=POSITION_MAX, description="Position to go on after.")
]
LimitInQuery = Annotated[
    int, QueryParameter(ge=1, le=HISTORY_EVENTS_MAX, description="Most events in the answer.")
]
