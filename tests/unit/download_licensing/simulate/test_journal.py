"""The journal's lines come back customer by customer, also after a crash of their writer."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from download_licensing.simulate.journal import Journal, LinesByOwner
from download_licensing.simulate.oracle import Entry, Mark

BEGIN = Mark(mark="begin", run="test", seed=1, members=2)


def entry(customer_id: str, key: str) -> Entry:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Entry(customer_id=customer_id, call="open", key=key, at=at, began_ns=1, ended_ns=2)


def keys(lines: LinesByOwner, customer_id: str) -> list[str]:
    return [msgspec.json.decode(line, type=Entry).key for line in lines.of(customer_id)]


def written(path: Path) -> None:
    with Journal(path, BEGIN) as journal:
        for customer_id, key in (("anna", "a1"), ("bert", "b1"), ("anna", "a2")):
            journal.write(entry(customer_id, key))


def test_lines_come_back_by_customer_in_order(tmp_path: Path) -> None:
    written(tmp_path / "journal")
    lines = LinesByOwner(tmp_path / "journal")
    assert lines.owners == ["anna", "bert"]
    assert keys(lines, "anna") == ["a1", "a2"]
    assert keys(lines, "bert") == ["b1"]
    assert keys(lines, "carl") == []
    assert lines.ended


def test_a_journal_whose_writer_crashed_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    written(path)
    path.write_bytes(path.read_bytes()[:-100])
    lines = LinesByOwner(path)
    assert not lines.ended
    assert keys(lines, "bert") == ["b1"]


def test_a_run_that_failed_leaves_no_end_mark(tmp_path: Path) -> None:
    def fail() -> None:
        with Journal(tmp_path / "journal", BEGIN) as journal:
            journal.write(entry("anna", "a1"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    lines = LinesByOwner(tmp_path / "journal")
    assert not lines.ended
    assert keys(lines, "anna") == ["a1"]


def test_an_export_is_read_by_stream(tmp_path: Path) -> None:
    path = tmp_path / "export"
    path.write_text('{"stream":"customer/anna","position":1}\n{"stream":"customer/bert"}\n')
    assert LinesByOwner(path).owners == ["anna", "bert"]


def test_a_damaged_line_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "export"
    path.write_text('{"stream":"customer/anna"}\nnonsense\n{"stream":"customer/bert"}\n')
    with pytest.raises(msgspec.DecodeError):
        LinesByOwner(path)
