"""Which driver the settings lead to, and what each driver's errors are said to mean."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import cassandra
import pytest
from acsylla import errors
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionShutdown

from helenus.errors import StoreUnusable
from helenus.stores.cassandra import CassandraSettings, TlsSettings, drivers
from helenus.stores.cassandra.drivers import acsylla, datastax
from helenus.stores.cassandra.session import Kind, MaybeExecuted, NotExecuted

MODULES = {"acsylla": "acsylla", "cassandra-driver": "cassandra"}
Translate = Callable[[Kind, Exception], Exception]
PLAIN = (Kind.READ, Kind.SERIAL_READ, Kind.WRITE)


def test_the_driver_is_the_one_that_is_named() -> None:
    for name in ("acsylla", "cassandra-driver"):
        assert drivers.chosen(CassandraSettings(driver=name)) == name


def test_by_default_it_is_apaches_own_where_that_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert drivers.chosen(CassandraSettings()) == "cassandra-driver"
    monkeypatch.setitem(sys.modules, "cassandra", None)
    assert drivers.chosen(CassandraSettings()) == "acsylla"


@pytest.mark.parametrize(
    ("driver", "extra"), [("acsylla", "acsylla"), ("cassandra-driver", "cassandra")]
)
async def test_a_driver_that_is_missing_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, driver: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, MODULES[driver], None)
    settings = CassandraSettings(driver=driver)  # type: ignore[arg-type]  # one of the two
    with pytest.raises(drivers.DriverMissing, match=rf"{driver}.*helenus\[{extra}\]"):
        await drivers.connect(settings, None)


def test_without_any_driver_both_extras_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in MODULES.values():
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(drivers.DriverMissing, match=r"\[cassandra\].*\[acsylla\]"):
        drivers.chosen(CassandraSettings())


@pytest.mark.parametrize(
    ("translate", "error"),
    [
        (acsylla.execution_error, errors.CassErrorServerUnavailable("1 of 2")),
        (datastax.execution_error, cassandra.Unavailable("1 of 2")),
    ],
)
def test_too_few_replicas_settle_everything_but_a_conditional_statement(
    translate: Translate, error: Exception
) -> None:
    for kind in PLAIN:
        assert isinstance(translate(kind, error), NotExecuted)
    assert isinstance(translate(Kind.CONDITIONAL, error), MaybeExecuted)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    ("translate", "error"),
    [
        (acsylla.execution_error, errors.CassErrorServerInvalidQuery()),
        (acsylla.execution_error, errors.CassErrorServerUnauthorized()),
        (acsylla.execution_error, errors.CassErrorLibNoHostsAvailable()),
        (acsylla.execution_error, errors.CassErrorLibRequestQueueFull()),
        (datastax.execution_error, cassandra.InvalidRequest("no")),
        (datastax.execution_error, cassandra.Unauthorized("no")),
        (datastax.execution_error, NoHostAvailable("none", {})),
    ],
)
def test_what_was_refused_or_never_sent_is_not_executed(
    translate: Translate, error: Exception, kind: Kind
) -> None:
    assert isinstance(translate(kind, error), NotExecuted)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    ("translate", "error"),
    [
        (acsylla.execution_error, errors.CassErrorLibRequestTimedOut()),
        (acsylla.execution_error, errors.CassErrorLibWriteError()),
        (acsylla.execution_error, errors.CassErrorServerWriteTimeout()),
        (acsylla.execution_error, errors.CassErrorServerWriteFailure()),
        (acsylla.execution_error, errors.CassErrorServerServerError()),
        (acsylla.execution_error, errors.CassErrorServerOverloaded()),
        (acsylla.execution_error, errors.CassException(0x02001700)),  # CAS_WRITE_UNKNOWN
        (datastax.execution_error, cassandra.OperationTimedOut()),
        (datastax.execution_error, cassandra.WriteTimeout("late", 3)),
        (datastax.execution_error, cassandra.WriteFailure("failed")),
        (datastax.execution_error, NoHostAvailable("none", {"n1": ConnectionShutdown("lost")})),
        (datastax.execution_error, RuntimeError("anything else")),
    ],
)
def test_all_else_may_have_been_executed_and_says_something(
    translate: Translate, error: Exception, kind: Kind
) -> None:
    found = translate(kind, error)
    assert isinstance(found, MaybeExecuted)
    assert str(found)


@pytest.mark.parametrize("driver", MODULES)
async def test_a_file_for_tls_that_is_missing_is_named(driver: str) -> None:
    tls = TlsSettings(authority=Path("none.pem"))
    settings = CassandraSettings(driver=driver, tls=tls)  # type: ignore[arg-type]  # one of the two
    with pytest.raises(StoreUnusable, match=r"none\.pem"):
        await drivers.connect(settings, None)


async def test_a_certificate_that_cannot_be_read_is_no_mystery(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("nothing")
    settings = CassandraSettings(driver="acsylla", tls=TlsSettings(authority=authority))
    with pytest.raises(StoreUnusable, match="holds no certificate"):
        await drivers.connect(settings, None)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("data_center", ["dc1", None])
@pytest.mark.parametrize("driver", MODULES)
async def test_whoever_gives_up_connecting_can_go_on(driver: str, data_center: str | None) -> None:
    accepted = asyncio.Event()

    class Silent(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            accepted.set()

    server = await asyncio.get_running_loop().create_server(Silent, "127.0.0.1", 0)
    async with server:
        settings = CassandraSettings(
            contact_points=("127.0.0.1",),
            port=server.sockets[0].getsockname()[1],
            data_center=data_center,
            connect_timeout_s=1.0,
            driver=driver,  # type: ignore[arg-type]  # one of the two
        )
        connecting = asyncio.create_task(drivers.connect(settings, None))
        await accepted.wait()
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
