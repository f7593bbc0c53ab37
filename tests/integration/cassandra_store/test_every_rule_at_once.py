"""Every rule on a real node: processes of the service are told generated histories at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

from download_licensing.domain.rules import RULES as KNOWN
from helenus.stores.cassandra import CassandraSettings
from tests.integration.download_licensing.interleavings import (
    RULES,
    Households,
    Round,
    histories,
    processes,
    write_terms,
)

PROCESSES = 2
EXAMPLES_MAX = 8


def test_no_interleaving_passes_a_limit_or_is_refused_below_it(
    tmp_path: Path, empty_installation: CassandraSettings
) -> None:
    node = f"{empty_installation.contact_points[0]}:{empty_installation.port}"
    store = f"cassandra://{node}/{empty_installation.keyspace}"
    terms = write_terms(tmp_path, list(RULES))
    kinds = sorted({kind for _, mixed in RULES.values() for kind in mixed})
    with asyncio.Runner() as runner:
        turns = processes(tmp_path, store, PROCESSES)
        households = Households(runner.run(turns.__aenter__()), terms)

        @settings(
            max_examples=EXAMPLES_MAX,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(histories(kinds))
        def live(history: Sequence[Round]) -> None:
            assert runner.run(households.live(history)) == []

        try:
            live()
        finally:
            runner.run(turns.__aexit__(None, None, None))
    assert households.report.done["request"] > 0
    assert set(households.report.refusals) <= {rule.reason for rule in KNOWN}
    assert households.report.refusals
