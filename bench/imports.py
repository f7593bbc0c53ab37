"""How long an import takes, each time in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.harness import Row, alternate

_MEASURE = """
from time import perf_counter
started = perf_counter()
import {module}
print((perf_counter() - started) * 1000)
"""


def run(directory: Path, runs: int) -> list[Row]:
    """The import of the framework, and of what it cannot do without."""
    modules = ("helenus", "helenus.stores.sqlite", "asyncio, msgspec, zstandard")
    for module in modules:
        _milliseconds(directory, module)  # so that compiled files are there
    values = alternate(
        runs, *(lambda module=module: _milliseconds(directory, module) for module in modules)
    )
    wanted = ("≤ 100", "", "")
    return [
        Row("import in a fresh interpreter", module, "ms", measured, target)
        for module, measured, target in zip(modules, values, wanted, strict=True)
    ]


def _milliseconds(directory: Path, module: str) -> float:
    program = _MEASURE.format(module=module)
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=directory, capture_output=True, text=True, check=True
    )
    return float(ran.stdout)
