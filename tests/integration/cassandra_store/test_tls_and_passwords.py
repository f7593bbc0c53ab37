"""A real node that asks for TLS, a client certificate and a password: let in, or told why not."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from download_licensing.catalogue import Catalogue
from download_licensing.composition import open_api
from download_licensing.settings import Settings, SettingsError
from helenus import Head
from helenus.cli import app
from helenus.errors import HelenusError, StoreUnavailable, StoreUnusable
from helenus.stores.cassandra import CassandraSettings, CassandraStore, TlsSettings
from helenus.stores.cassandra.drivers import DriverName
from helenus.stores.cassandra.drivers.datastax import DatastaxSession
from helenus.stores.cassandra.schema import migrate
from helenus.testing.cassandra import ClientTls, Cluster, ClusterOptions
from helenus.testing.cassandra.fixtures import Contact
from helenus.testing.conformance.fixtures import commits, pages
from tests.conftest import DRIVERS
from tests.integration.api.asgi_client import AsgiClient
from tests.integration.cassandra_store.tls_server import forwarding, serving_tls
from tests.unit.helenus.certificates import STORE_PASSWORD, Authority, Pair

ADDRESS = "127.0.0.1"
SECRET = "never-to-be-shown"
NOT_YET = ("is being opened", "Which policy is in force")
CATALOGUE = b"""
plans:
  tight: {name: Tight}
titles:
  capped: {name: Capped, studio: S}
"""


@dataclass(frozen=True)
class Files:
    """All that is signed for these tests; the keys of strangers are signed by another authority."""

    folder: Path
    authority: Authority
    strangers: Authority
    client: Pair

    def client_tls(self) -> TlsSettings:
        return TlsSettings(
            authority=self.authority.path, certificate=self.client.certificate, key=self.client.key
        )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("certificates")
    authority = Authority(folder, "authority")
    return Files(folder, authority, Authority(folder, "strangers"), authority.sign("client"))


@pytest.fixture(scope="module")
def cluster(files: Files) -> Iterator[Cluster]:
    options = ClusterOptions(
        native_port=0,
        storage_port=0,
        jmx_port=0,
        settings={
            "authenticator": "PasswordAuthenticator",
            "authorizer": "CassandraAuthorizer",
            "client_encryption_options": {
                "enabled": True,
                "optional": False,
                "store_type": "PKCS12",
                "keystore": str(files.authority.keystore("node", ADDRESS)),
                "keystore_password": STORE_PASSWORD,
                "require_client_auth": True,
                "truststore": str(files.authority.truststore()),
                "truststore_password": STORE_PASSWORD,
            },
        },
        tls=ClientTls(
            str(files.authority.path), str(files.client.certificate), str(files.client.key)
        ),
    )
    with Cluster(options) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def owner(cluster: Cluster, files: Files) -> CassandraSettings:
    """Whoever may do everything; the keyspace is made."""
    settings = CassandraSettings(
        port=cluster.port,
        keyspace="licensing",
        username="cassandra",
        password="cassandra",
        tls=files.client_tls(),
    )
    asyncio.run(migrate(settings))
    return settings


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> DriverName:
    name: DriverName = request.param
    return name


@pytest.fixture
def settings(user: CassandraSettings, driver: DriverName) -> CassandraSettings:
    """The same user, by each driver."""
    return msgspec.structs.replace(user, driver=driver)


@pytest.fixture(scope="module")
def user(owner: CassandraSettings) -> CassandraSettings:
    """A user who may read and write the keyspace, no more."""
    asyncio.run(
        execute(
            owner,
            f"CREATE ROLE IF NOT EXISTS licensing WITH PASSWORD = '{SECRET}' AND LOGIN = true",
            "GRANT SELECT ON KEYSPACE licensing TO licensing",
            "GRANT MODIFY ON KEYSPACE licensing TO licensing",
            "GRANT SELECT ON system_views.settings TO licensing",
            f"CREATE ROLE IF NOT EXISTS stranger WITH PASSWORD = '{SECRET}' AND LOGIN = true",
        )
    )
    return msgspec.structs.replace(owner, username="licensing", password=SECRET)


async def execute(settings: CassandraSettings, *statements: str) -> None:
    session = await DatastaxSession.connect(settings, None)
    try:
        for statement in statements:
            await session.execute_schema(statement)
    finally:
        await session.close()


async def opened(settings: CassandraSettings) -> None:
    async with CassandraStore(settings):
        pass


async def refused(settings: CassandraSettings) -> str:
    """What is said when a store is opened in vain."""
    with pytest.raises(HelenusError) as caught:
        await opened(settings)
    assert isinstance(caught.value, StoreUnavailable | StoreUnusable)
    assert SECRET not in f"{caught.value!r} {caught.value} {settings!r}"
    return str(caught.value)


def with_tls(settings: CassandraSettings, **changes: object) -> CassandraSettings:
    assert settings.tls is not None
    return msgspec.structs.replace(settings, tls=msgspec.structs.replace(settings.tls, **changes))


async def test_with_its_certificate_and_password_a_user_reads_and_writes(
    settings: CassandraSettings, caplog: pytest.LogCaptureFixture
) -> None:
    stream = f"by-tls/{settings.driver}"
    async with CassandraStore(settings) as store:
        head = await store.append(stream, commits(3), Head(0))
        assert head.position == 3
    async with CassandraStore(settings) as store:
        read = await pages(store, stream)
    assert [commit.last for page in read for commit in page.commits][-1] == 3
    assert "paxos_variant" not in caplog.text


async def test_a_name_is_looked_up_and_the_address_is_what_the_certificate_must_bear(
    settings: CassandraSettings,
) -> None:
    by_name = msgspec.structs.replace(settings, contact_points=("localhost",))
    await opened(by_name)


async def test_without_tls_it_says_that_the_node_asks_for_it(settings: CassandraSettings) -> None:
    said = await refused(msgspec.structs.replace(settings, tls=None))
    assert "asks for TLS" in said
    assert "Set the TLS authority" in said


async def test_without_a_client_certificate_it_says_that_the_node_asks_for_one(
    settings: CassandraSettings,
) -> None:
    said = await refused(with_tls(settings, certificate=None, key=None))
    assert "ask for a client certificate" in said.replace("asks", "ask")


async def test_a_client_certificate_of_a_stranger_is_named(
    settings: CassandraSettings, files: Files
) -> None:
    pair = files.strangers.sign("strange-client")
    said = await refused(with_tls(settings, certificate=pair.certificate, key=pair.key))
    assert "strange-client.pem" in said
    assert ("refuses the certificate in" in said) or ("may not trust" in said)


async def test_an_authority_that_has_not_signed_the_nodes_certificate_is_named(
    settings: CassandraSettings, files: Files
) -> None:
    said = await refused(with_tls(settings, authority=files.strangers.path))
    assert "that no authority in" in said
    assert "strangers.pem" in said


@pytest.mark.parametrize(
    ("username", "password", "says"),
    [
        ("licensing", "a wrong " + SECRET, "refuses user 'licensing' with the password"),
        ("nobody", SECRET, "refuses user 'nobody' with the password"),
        ("licensing", None, "no password is set. Set the password."),
        (None, None, "asks for a user and a password"),
    ],
)
async def test_a_login_that_is_refused_is_said_to_be_that(
    settings: CassandraSettings, username: str | None, password: str | None, says: str
) -> None:
    said = await refused(msgspec.structs.replace(settings, username=username, password=password))
    assert says in said


async def test_a_user_without_rights_is_told_which_are_missing(
    settings: CassandraSettings, caplog: pytest.LogCaptureFixture
) -> None:
    said = await refused(msgspec.structs.replace(settings, username="stranger"))
    assert "stranger has no SELECT permission" in said
    assert "GRANT SELECT ON system_views.settings" in caplog.text


@pytest.mark.parametrize(
    ("days", "addresses", "says"),
    [
        (-1, (ADDRESS,), "has expired. Give the node a new one."),
        (1, ("127.0.0.9",), "for another name"),
        (1, (), "for another name"),
    ],
)
async def test_a_certificate_that_does_not_fit_is_described(
    files: Files, driver: DriverName, days: int, addresses: tuple[str, ...], says: str
) -> None:
    pair = files.authority.sign("unfit", *addresses, days=days)
    with serving_tls(pair) as port:
        said = await refused(CassandraSettings(port=port, tls=files.client_tls(), driver=driver))
    assert says in said
    assert f"{ADDRESS} port {port}" in said


async def test_a_node_at_another_address_than_its_certificate_bears(
    settings: CassandraSettings,
) -> None:
    elsewhere = msgspec.structs.replace(settings, contact_points=("127.0.0.9",))
    async with forwarding("127.0.0.9", ADDRESS, settings.port):
        said = await refused(elsewhere)
        assert "127.0.0.9" in said
        assert "for another name" in said
        assert "turn check_hostname off" in said
        await opened(with_tls(elsewhere, check_hostname=False))


async def test_a_node_without_tls_is_said_to_be_that(
    cassandra: Contact, files: Files, driver: DriverName
) -> None:
    said = await refused(
        CassandraSettings(
            contact_points=cassandra.hosts,
            port=cassandra.port,
            tls=files.client_tls(),
            driver=driver,
        )
    )
    assert "answers, but not in TLS" in said


async def test_a_server_of_another_kind_is_not_taken_for_a_node(
    files: Files, driver: DriverName
) -> None:
    with serving_tls(files.authority.sign("other", ADDRESS)) as port:
        said = await refused(
            CassandraSettings(port=port, tls=files.client_tls(), connect_timeout_s=1, driver=driver)
        )
    assert "ends the connection" in said


def migrated(settings: CassandraSettings, *more: str, password: str | None = "cassandra") -> Result:
    """What the command says, with the options of the settings and some more."""
    tls = settings.tls
    assert tls
    return CliRunner(env={"HELENUS_CASSANDRA_PASSWORD": password}).invoke(
        app,
        [
            *("cassandra", "migrate", "--port", str(settings.port), "--keyspace", "by_command"),
            *("--username", str(settings.username), "--tls-authority", str(tls.authority)),
            *("--tls-certificate", str(tls.certificate), "--tls-key", str(tls.key)),
            *more,
        ],
    )


def test_the_command_makes_a_keyspace_by_tls_and_password(owner: CassandraSettings) -> None:
    result = migrated(owner)
    assert result.exit_code == 0, result.output
    asyncio.run(opened(msgspec.structs.replace(owner, keyspace="by_command")))


@pytest.mark.parametrize(
    ("options", "password", "exit_code", "says"),
    [
        ((), SECRET, 3, "refuses user 'cassandra' with the password that is set"),
        ((), None, 3, "no password is set"),
        (("--username", "stranger"), SECRET, 10, "stranger has no CREATE permission"),
        (("--tls-authority", "none.pem"), SECRET, 10, "none.pem for TLS cannot be read"),
        (("--tls-authority", "{strangers}"), SECRET, 3, "that no authority in"),
        (("--tls-key", "{strangers}"), SECRET, 10, "are not both there in PEM"),
    ],
)
@pytest.mark.usefixtures("user")
def test_the_command_says_in_a_line_what_is_wrong(
    owner: CassandraSettings,
    files: Files,
    *,
    options: tuple[str, ...],
    password: str | None,
    exit_code: int,
    says: str,
) -> None:
    given = [option.format(strangers=files.strangers.path) for option in options]
    result = migrated(owner, *given, password=password)
    assert result.exit_code == exit_code, result.output
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert SECRET not in result.output


def test_the_command_says_that_the_node_asks_for_tls(cluster: Cluster) -> None:
    result = CliRunner().invoke(app, ["cassandra", "migrate", "--port", str(cluster.port)])
    assert result.exit_code == 3
    assert "asks for TLS" in result.stderr


async def test_the_command_can_leave_names_unchecked(owner: CassandraSettings) -> None:
    elsewhere = ("--contact-point", "127.0.0.9")
    async with forwarding("127.0.0.9", ADDRESS, owner.port):
        checked = await asyncio.to_thread(migrated, owner, *elsewhere)
        unchecked = await asyncio.to_thread(migrated, owner, *elsewhere, "--no-tls-check-hostname")
    assert checked.exit_code == 3
    assert "for another name" in checked.stderr
    assert unchecked.exit_code == 0, unchecked.output


def of_the_service(settings: CassandraSettings, **changes: object) -> Settings:
    tls = settings.tls
    assert tls
    given: dict[str, object] = {
        "store": f"cassandra://{ADDRESS}:{settings.port}/{settings.keyspace}",
        "cassandra_username": settings.username,
        "cassandra_password": settings.password,
        "cassandra_tls_authority": tls.authority,
        "cassandra_tls_certificate": tls.certificate,
        "cassandra_tls_key": tls.key,
    }
    return Settings.model_validate({**given, **changes})


async def ready(settings: Settings) -> tuple[int, str]:
    """The status of readiness, and what is said about it, once the store has been tried."""
    async with open_api(settings, Catalogue.parse(CATALOGUE, "test")) as api:
        async with asyncio.timeout(60):
            while True:
                answer = await AsgiClient(api.gate).get("/health/ready")
                if not any(not_yet in str(answer.json()) for not_yet in NOT_YET):
                    return answer.status, str(answer.json())
                await asyncio.sleep(0.05)


async def test_the_service_is_ready_by_tls_and_password(settings: CassandraSettings) -> None:
    assert (await ready(of_the_service(settings)))[0] == 200


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"cassandra_password": f"wrong {SECRET}"}, "refuses user 'licensing'"),
        ({"cassandra_password": None}, "no password is set"),
        (
            {"cassandra_tls_certificate": None, "cassandra_tls_key": None},
            "for a client certificate",
        ),
        (
            {
                "cassandra_tls_authority": None,
                "cassandra_tls_certificate": None,
                "cassandra_tls_key": None,
            },
            "asks for TLS",
        ),
    ],
)
async def test_the_service_starts_and_says_why_it_is_not_ready(
    settings: CassandraSettings, changes: dict[str, object], says: str
) -> None:
    status, said = await ready(of_the_service(settings, **changes))
    assert status == 503
    assert says in said
    assert SECRET not in said


def test_the_service_does_not_start_with_a_key_without_its_certificate(
    settings: CassandraSettings,
) -> None:
    with pytest.raises(SettingsError, match="cassandra_tls_key"):
        of_the_service(settings, cassandra_tls_certificate=None).cassandra()
