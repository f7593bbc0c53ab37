"""What msgspec says about an entry of a policy, for people who do not read regular expressions."""

from __future__ import annotations


def readable(name: str, error: str) -> str:
    """What is wrong with the value of an entry.

    Args:
        name: of the entry.
        error: what msgspec says.
    """
    if "datetime" in error or "RFC3339" in error:
        return f"must be a time with its zone, as {name}: 2026-12-01T00:00:00Z"
    if "regex" in error:
        return "must be 1 to 64 characters of A-Z a-z 0-9 . _ -, and not begin with a dot"
    if "Expected `str" in error and ("got `int`" in error or "got `float`" in error):
        return f"{error}; put it in quotes"
    return error
