"""What msgspec says about a value, for people who do not read regular expressions."""

from __future__ import annotations

_READABLE = {
    "^lic-": "must be lic- and 32 hexadecimal digits, as a grant gave it",
    "^[A-Z]{2}": "must be two capital letters, as in PT (ISO 3166-1 alpha-2)",
    "A-Za-z0-9_+-": "must be an IANA time zone, as in Europe/Lisbon",
    "`str` of length <= 64": "must be an IANA time zone, as in Europe/Lisbon",
    r"regex '\\S'": "must not be blank",
    "`str` of length >= 1": "must not be blank",
    "`str` of length <= 500": "must have at most 500 characters",
    "matching regex": "must be 1 to 100 characters of A-Z a-z 0-9 . _ ~ -, and not . or ..",
    "`str` of length <=": "must be 1 to 100 characters of A-Z a-z 0-9 . _ ~ -, and not . or ..",
    "timezone component": "needs a time zone, as in 2026-01-31T12:00:00Z",
    "RFC3339": "is no RFC 3339 time such as 2026-01-31T12:00:00Z",
    "Expected `datetime": "is no RFC 3339 time such as 2026-01-31T12:00:00Z",
}


def readable(message: str) -> str:
    """What is wrong with a value, in the words of this service."""
    for part, text in _READABLE.items():
        if part in message:
            return text
    return message
