"""Drivers behind the session protocol."""
