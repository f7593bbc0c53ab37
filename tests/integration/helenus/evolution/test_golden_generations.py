"""What three releases of a program recorded is read by the last of them, from the bytes on file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from helenus.testing.golden import GoldenCommit, check
from helenus.testing.golden.files import paths, read
from tests.integration.helenus.evolution import third

ROOT = Path(__file__).parents[4]
GOLDEN = Path(__file__).parent / "golden"
PACKAGE = "tests.integration.helenus.evolution"


def test_every_generation_is_read_as_what_it_meant() -> None:
    checked = check(GOLDEN, third.AGGREGATES)
    assert (checked.histories, checked.events) == (3, 14)
    assert checked.kinds == {
        *("evolving-joined", "evolving-joined@2", "evolving-joined@3"),
        *("evolving-moved", "evolving-moved@2"),
        *("evolving-paid", "evolving-paid@2"),
        *("evolving-nicknamed", "evolving-noted"),
    }


@pytest.mark.parametrize(
    ("generation", "state"),
    [
        (
            1,
            {
                "last_name": "Lovelace",
                "tier": "basic",
                "country": "GB",
                "city": "London",
                "postcode": None,
                "cents": 1_005,
                "notes": [],
            },
        ),
        (
            2,
            {
                "last_name": "Somerville",
                "tier": "gold",
                "country": "IT",
                "city": "Naples",
                "postcode": None,
                "cents": 2_000,
                "notes": [],
            },
        ),
        (
            3,
            {
                "last_name": "du Châtelet",
                "tier": "gold",
                "country": "GB",
                "city": "Cirey",
                "postcode": "52110",
                "cents": 1_050,
                "notes": ["translates Newton"],
            },
        ),
    ],
)
def test_the_states_on_file_are_those_that_a_person_expects(
    generation: int, state: dict[str, object]
) -> None:
    history = read(GOLDEN / f"member.{generation}.json")
    assert history.commits[-1].states == {"evolving-member/ada": state}


@pytest.mark.parametrize(("generation", "release"), [(1, "first"), (2, "second"), (3, "third")])
def test_the_bytes_on_file_are_those_that_the_release_writes(
    generation: int, release: str, tmp_path: Path
) -> None:
    module = f"{PACKAGE}.{release}"
    command = ["record", "--aggregates", f"{module}:AGGREGATES", "--samples", f"{module}:SAMPLES"]
    subprocess.run(
        [sys.executable, "-W", "error", "-m", "helenus.testing.golden", *command, str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=60,
    )
    [written] = paths(tmp_path)
    on_file = read(GOLDEN / f"member.{generation}.json").commits
    assert [stored(one) for one in read(written).commits] == [stored(one) for one in on_file]


def stored(commit: GoldenCommit) -> tuple[object, ...]:
    return commit.first, commit.last, commit.kinds, commit.meta, commit.body, commit.checksum
