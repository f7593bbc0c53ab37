"""The commands: what keeps them from running is said in a sentence; what they found is printed."""

from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from download_licensing.simulate.command import FAILED, UNUSABLE, app
from download_licensing.simulate.options import CheckOptions, InvalidOptions
from tests.unit.download_licensing.simulate.stories import Story

CATALOGUE = """
plans:
  basic: {name: Basic}
  standard: {name: Standard}
titles:
  free: {name: Free, studio: Tests, agreement: tide}
"""
POLICY = """
version: v1
default:
  operator-block: on
  account-standing: {past_due_allowed: false}
  title-plays-per-year: {plays_max: 1}
plans:
  standard: {device-limit: {devices_max: 2}}
templates:
  long: {license-duration: {hours: 720}}
titles:
  free:
    extends: templates.long
    title-plays-per-year: off
    countries: {"NO": {title-availability: {offered: false}}}
"""


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A story on file, as `download-licensing export` writes it."""
    story = Story().request(0).renew(1, "lic-k2").release(2, "lic-k2")
    lines = [
        msgspec.json.encode(msgspec.structs.replace(event, stream="customer/anna")) + b"\n"
        for event in story.events
    ]
    (tmp_path / "catalogue.yaml").write_text(CATALOGUE)
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "export").write_bytes(b"".join(lines))
    return tmp_path / "export"


def run_oracle(export: Path, *more: str) -> tuple[int, str]:
    arguments = [
        *("oracle", "--export", str(export)),
        *("--catalogue", f"{export.parent}/catalogue.yaml"),
        *("--policy", f"{export.parent}/policy.yaml"),
    ]
    result = CliRunner().invoke(app, [*arguments, *more])
    return result.exit_code, result.output


def test_an_export_that_is_right_is_accepted(export: Path) -> None:
    code, output = run_oracle(export)
    assert (code, "nothing lost" in output) == (0, True)


def test_streams_of_others_than_customers_are_left_out(export: Path) -> None:
    line = export.read_text().splitlines()[0].replace("customer/anna", "policy/downloads")
    export.write_text(export.read_text() + line + "\n")
    assert run_oracle(export)[0] == 0


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ("agreements: {tide: {extends: agreements.tide}}\n", "without end"),
        ("agreements: {tide: {extends: plans.gold}}\n", "plans.gold"),
        ("agreements: {tide: {device-limit: 3}}\n", "no clause"),
        ("default: [\n", "policy.yaml"),
    ],
)
def test_a_policy_that_cannot_be_read_is_named(export: Path, more: str, named: str) -> None:
    with (export.parent / "policy.yaml").open("a") as policy:
        policy.write(more)
    code, output = run_oracle(export)
    assert (code, named in output) == (UNUSABLE, True), output


def test_later_policies_need_their_dates_in_order(export: Path) -> None:
    code, output = run_oracle(export, "--policy", f"{export.parent}/policy.yaml")
    assert (code, "effective_from" in output) == (UNUSABLE, True), output


def test_an_export_that_is_wrong_is_rejected_with_customer_position_and_reason(
    export: Path,
) -> None:
    export.write_text(export.read_text().replace('"refresh":false', '"refresh":true'))
    code, output = run_oracle(export)
    assert code == FAILED
    assert "anna at 6: " in output


def test_a_verdict_can_be_had_as_json(export: Path) -> None:
    code, output = run_oracle(export, "--json")
    assert code == 0
    assert msgspec.json.decode(output)["oracle"]["events"] == 9


@pytest.mark.parametrize(
    "arguments",
    [
        ["oracle"],
        ["oracle", "--export", "/no/such/file"],
        ["oracle", "--journal", "/no/such/file"],
        ["simulate", "--members", "0"],
        ["simulate", "--url", "ftp://here"],
        ["simulate", "--run", "with space"],
        ["simulate", "--catalogue", "/no/such/file", "--run", "test"],
        ["simulate", "--policy", "/no/such/file", "--run", "test"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_run_is_explained(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == UNUSABLE
    assert isinstance(result.exception, SystemExit)
    assert result.output.strip()


def test_a_service_that_is_not_there_is_explained(tmp_path: Path) -> None:
    # Port 1 is reserved; nothing listens there.
    arguments = ["simulate", "--url", "http://127.0.0.1:1", "--patience-s", "0"]
    result = CliRunner().invoke(app, [*arguments, "--journal", str(tmp_path / "journal")])
    assert result.exit_code == UNUSABLE
    assert "gave no answer" in result.output


def test_a_check_needs_something_to_check() -> None:
    with pytest.raises(InvalidOptions):
        CheckOptions()
