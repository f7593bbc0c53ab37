"""The examples on every store, swapped by their one setting."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from helenus.stores.cassandra import CassandraSettings

ROOT = Path(__file__).parents[3]
BANK = ROOT / "examples" / "bank" / "bank.py"
CART = ROOT / "examples" / "cart" / "cart.py"


def run(example: Path, setting: str, store: str, *arguments: str) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-W", "error", str(example), *arguments],
        env=os.environ | {setting: store},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


@pytest.fixture(params=["memory", "sqlite", "cassandra"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "memory":
        return "memory:"
    if request.param == "sqlite":
        return str(tmp_path / "example.sqlite3")
    settings: CassandraSettings = request.getfixturevalue("empty_installation")
    return f"cassandra://{','.join(settings.contact_points)}:{settings.port}/{settings.keyspace}"


def test_the_bank_keeps_what_was_moved(store: str) -> None:
    printed = run(BANK, "BANK_STORE", store, "ada", "+50", "-20", "-40")
    assert printed == [
        "50",
        "30",
        "No -40: the account holds 30.",
        "1 Deposited(amount=50)",
        "2 Withdrawn(amount=20)",
    ]
    kept = run(BANK, "BANK_STORE", store, "ada")
    assert kept == ([] if store == "memory:" else printed[-2:])


def test_points_are_spent_once_whichever_cart_is_first(store: str) -> None:
    assert run(CART, "CART_STORE", store) == [
        "100",
        "At most 1 points can be spent.",
        "6 cart second checked-out",
        "7 loyalty-card card points-spent",
        "8 loyalty-card card points-earned",
    ]


def test_the_bank_has_fewer_than_60_lines_of_code() -> None:
    source = BANK.read_text(encoding="utf-8")
    ast.parse(source)
    assert len([line for line in source.splitlines() if line.strip()]) < 60
