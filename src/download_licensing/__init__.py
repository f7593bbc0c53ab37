"""Licence accounting for offline downloads, built on helenus."""
