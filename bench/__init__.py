"""Measurements: ours and a peer's on the same machine, in the same run, on the same file system."""
