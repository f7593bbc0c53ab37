"""Times in requests: RFC 3339 with a zone, within the calendar that the service accepts."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

import msgspec
from litestar.openapi.spec.enums import OpenAPIFormat
from litestar.params import QueryParameter

from download_licensing.api.problems import FieldError, ProblemError, invalid_request
from download_licensing.api.wording import readable
from download_licensing.domain.times import utc
from helenus.errors import InvalidArgument

_PLUS_LOST = re.compile(r"T.* \d\d:\d\d$")
"""A time whose zone lost its + to the decoding of queries."""

TimeInQuery = Annotated[
    str | None,
    QueryParameter(
        description="A time with its zone, as 2026-01-31T12:00:00Z; what was recorded up to then"
        " counts.",
        schema_extra={"format": OpenAPIFormat.DATE_TIME},
    ),
]
"""A text, for Litestar takes a number for seconds since 1970. Read it with `time_if_told`."""


def time_told(text: str, field: str) -> datetime:
    """A time as a parameter or a header says it, in UTC.

    Raises:
        ProblemError: it is no time, has no zone, or lies outside the calendar.
    """
    try:
        moment = msgspec.convert(text, datetime)
    except msgspec.ValidationError as error:
        hint = "; in a query, write + as %2B" if _PLUS_LOST.search(text) else ""
        raise _invalid(field, readable(str(error)) + hint) from None
    return in_calendar(moment, field)


def time_if_told(text: str | None, field: str) -> datetime | None:
    """The same for a time that may be left out."""
    return None if text is None else time_told(text, field)


def in_calendar(moment: datetime, field: str) -> datetime:
    """The same moment in UTC.

    Raises:
        ProblemError: it has no zone, or lies outside the calendar that the service accepts.
    """
    try:
        return utc(moment, field)
    except InvalidArgument as error:
        raise _invalid(field, str(error).removeprefix(f"{field} ")) from None


def in_calendar_if_told(moment: datetime | None, field: str) -> datetime | None:
    """The same for a time that may be left out."""
    return None if moment is None else in_calendar(moment, field)


def _invalid(field: str, message: str) -> ProblemError:
    return ProblemError(invalid_request([FieldError(field=field, message=message)]))
