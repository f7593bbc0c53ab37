"""All settings of the service, each with its unit in its name, its default and its range.

They come from, strongest first: the command line, the environment (``DOWNLOAD_LICENSING_`` and the
name in capitals), and a TOML file named by ``--config`` or ``DOWNLOAD_LICENSING_CONFIG``.
``docs/settings.md`` is generated from this module.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from helenus.settings import RepositorySettings
from helenus.store import COMMIT_BYTES_MAX
from helenus.stores.cassandra_url import FORM, SCHEME, CassandraUrl
from helenus.stores.sqlite import SqliteSettings

if TYPE_CHECKING:
    from helenus.stores.cassandra.settings import CassandraSettings, TlsSettings

ENVIRONMENT_PREFIX = "DOWNLOAD_LICENSING_"
CONFIG_VARIABLE = f"{ENVIRONMENT_PREFIX}CONFIG"
STORE_FILE = "download-licensing.sqlite3"
TOKEN_KEYS = "token-keys"
KEYSPACE = "download_licensing"

_repository = RepositorySettings()
_sqlite = SqliteSettings()
_MIB = 1024 * 1024
_ALLOWED = "allowed"


def _setting(default: Any, description: str, *, allowed: str | None = None) -> Any:
    return Field(
        default, description=description, json_schema_extra={_ALLOWED: allowed} if allowed else None
    )


class Settings(BaseSettings):
    """The settings of one process."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        validate_default=True,
    )

    host: Annotated[str, Field(min_length=1, max_length=255)] = _setting(
        "127.0.0.1", "Address to listen on; 0.0.0.0 or :: for all."
    )
    port: Annotated[int, Field(ge=0, le=65_535)] = _setting(
        8080, "Port to listen on; 0: any free one."
    )
    data_directory: Path = _setting(
        Path("download-licensing-data"),
        "Directory of the store and of the keys that sign; made if it is not there.",
    )
    store: Annotated[str, Field(min_length=1, max_length=4_096)] | None = _setting(
        None,
        f"The store: a file, if not {STORE_FILE} in the data directory; or a keyspace of a"
        " Cassandra cluster.",
        allowed=f"a path, {FORM}",
    )
    catalogue: Path | None = _setting(
        None, "YAML file of plans and titles, if not the one shipped."
    )
    token_keys_directory: Path | None = _setting(
        None,
        "Directory of the keys that sign licence tokens, which must be there; if it is not named,"
        f" {TOKEN_KEYS} in the data directory, made with a first key.",
    )
    token_keys_refresh_s: Annotated[int, Field(ge=0, le=86_400)] = _setting(
        30, "Age from which on that directory is looked at again when a key is needed."
    )
    token_issuer: Annotated[str, Field(min_length=1, max_length=200)] = _setting(
        "download-licensing", "The issuer (iss) of licence tokens."
    )
    key_set_max_age_s: Annotated[int, Field(ge=0, le=30 * 86_400)] = _setting(
        3_600, "How long others may cache the key set that verifies licence tokens."
    )
    policy: Path | None = _setting(
        None, "YAML file of the policy, which is watched and published; else the one shipped."
    )
    policy_poll_s: Annotated[float, Field(ge=0.1, le=3_600)] = _setting(
        2.0, "How often the policies published and that file are looked at."
    )
    policy_lead_s: Annotated[float, Field(ge=0, le=86_400)] = _setting(
        10.0, "How long after its publication a policy takes effect; longer than policy_poll_s."
    )
    policy_document_bytes_max: Annotated[int, Field(ge=1_024, le=4 * _MIB)] = _setting(
        512 * 1_024, "Largest policy document."
    )
    withdrawals_poll_s: Annotated[float, Field(ge=0.1, le=3_600)] = _setting(
        2.0, "How often titles that other processes withdrew are looked for."
    )
    rehearsal: bool = _setting(
        False, "Take the time of a decision from the header Rehearsal-Time. Never in production."
    )

    refusals_noted: bool = _setting(
        True, "Note refusals, so that they can be explained and judged by another policy."
    )
    refusals_note_interval_s: Annotated[float, Field(ge=0.1, le=3_600)] = _setting(
        5.0, "How often refusals that wait are noted."
    )
    refusals_waiting_max: Annotated[int, Field(ge=1, le=1_000_000)] = _setting(
        10_000, "Refusals that may wait to be noted; a further one is not noted."
    )
    refusals_per_day_max: Annotated[int, Field(ge=1, le=10_000)] = _setting(
        100, "Most refusals that are noted of one customer and day."
    )

    bundle_key: Annotated[SecretStr, Field(min_length=16, max_length=1_000)] | None = _setting(
        None,
        "Key of the pseudonyms in bundles of customers, so that bundles fit together; if there is"
        " none, each has a key of its own. Never shown.",
        allowed="16 to 1,000 characters",
    )

    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "info", "Least severe log lines written."
    )
    log_format: Literal["json", "text"] = _setting(
        "json", "One JSON object per line, or text for people."
    )
    access_log: bool = _setting(False, "Write a line for each request.")

    requests_in_flight_max: Annotated[int, Field(ge=1, le=100_000)] = _setting(
        1_000, "Requests carried out at once; a further one is answered 503."
    )
    request_body_bytes_max: Annotated[int, Field(ge=1_024, le=_MIB)] = _setting(
        64 * 1024, "Largest request body; a larger one is answered 413."
    )
    retry_after_s: Annotated[int, Field(ge=1, le=3_600)] = _setting(
        1, "The Retry-After of answers that say: not now."
    )
    listen_backlog: Annotated[int, Field(ge=1, le=65_535)] = _setting(
        2_048, "Connections the system may hold until they are accepted."
    )
    keep_alive_s: Annotated[int, Field(ge=1, le=3_600)] = _setting(
        75, "How long an idle connection is kept."
    )
    shutdown_grace_s: Annotated[int, Field(ge=1, le=600)] = _setting(
        10, "How long requests in flight may take to finish at the end."
    )
    readiness_timeout_ms: Annotated[int, Field(ge=1, le=60_000)] = _setting(
        1_000, "How long the store may take to answer before the service is not ready."
    )

    sqlite_busy_timeout_s: Annotated[float, Field(ge=0, le=600)] = _setting(
        _sqlite.busy_timeout_s, "How long a write waits for another process."
    )
    sqlite_group_appends_max: Annotated[int, Field(ge=1, le=10_000)] = _setting(
        _sqlite.group_appends_max, "Most appends that share one transaction."
    )
    sqlite_waiting_max: Annotated[int, Field(ge=1, le=1_000_000)] = _setting(
        _sqlite.waiting_max, "Operations that may wait for the store; a further one is refused."
    )
    sqlite_readers: Annotated[int, Field(ge=1, le=64)] = _setting(
        _sqlite.readers, "Threads that read."
    )
    sqlite_cache_bytes: Annotated[int, Field(ge=_MIB, le=16 * 1024 * _MIB)] = _setting(
        _sqlite.cache_bytes, "Page cache of each connection."
    )
    sqlite_check_bytes_max: Annotated[int, Field(ge=0, le=2**50)] = _setting(
        _sqlite.check_bytes_max, "Files up to this size are read whole and checked at start."
    )
    sqlite_thread_switch_us: Annotated[int, Field(ge=0, le=1_000_000)] = _setting(
        _sqlite.thread_switch_us, "Upper bound of the interpreter's switch interval; 0 leaves it."
    )

    cassandra_driver: Literal["auto", "acsylla", "cassandra-driver"] = _setting(
        "auto", "The driver; auto: cassandra-driver where it is installed, else acsylla."
    )
    cassandra_username: Annotated[str, Field(min_length=1, max_length=255)] | None = _setting(
        None, "User, where the cluster asks for one."
    )
    cassandra_password: SecretStr | None = _setting(
        None, "The user's password. Never shown; best given by the environment."
    )
    cassandra_data_center: Annotated[str, Field(min_length=1, max_length=255)] | None = _setting(
        None, "The local data centre, if not that of the first node that answers."
    )
    cassandra_serial_scope: Literal["local", "global"] = _setting(
        "local", "Whether one data centre orders the appends, or all; as the keyspace was made."
    )
    cassandra_tls_authority: Path | None = _setting(
        None, "File of the certificates that sign the nodes' own, PEM; turns TLS on."
    )
    cassandra_tls_certificate: Path | None = _setting(
        None, "File of the certificate to show to the nodes, PEM."
    )
    cassandra_tls_key: Path | None = _setting(
        None, "File of that certificate's key, PEM, if not the same file."
    )
    cassandra_tls_check_hostname: bool = _setting(
        True, "Whether a node's certificate must bear its address."
    )
    cassandra_connect_timeout_s: Annotated[float, Field(ge=0.1, le=600)] = _setting(
        10.0, "How long a connection may take."
    )
    cassandra_request_timeout_s: Annotated[float, Field(ge=0.1, le=600)] = _setting(
        10.0, "How long a statement may take."
    )
    cassandra_speculative_execution_s: Annotated[float, Field(ge=0, le=600)] = _setting(
        0.5, "Another node is asked too where one has not answered for so long; 0: none is."
    )
    cassandra_requests_in_flight_max: Annotated[int, Field(ge=1, le=100_000)] = _setting(
        1_024, "Requests to the cluster at once; a further one is refused."
    )
    cassandra_bucket_bytes: Annotated[int, Field(ge=1_024, le=64 * _MIB)] = _setting(
        _MIB, "Bytes from which on a customer's history goes on in a new partition."
    )
    cassandra_inline_bytes_max: Annotated[int, Field(ge=1_024, le=8 * _MIB)] = _setting(
        64 * 1_024, "Bytes from which on a commit is kept beside its row."
    )

    repository_cache_streams_max: Annotated[int, Field(ge=1, le=100_000_000)] = _setting(
        _repository.cache_streams_max, "Customers whose state is kept in memory."
    )
    repository_cache_bytes_max: Annotated[int, Field(ge=1, le=2**50)] = _setting(
        _repository.cache_bytes_max, "Encoded bytes folded into the states kept in memory."
    )
    repository_waiting_per_stream_max: Annotated[int, Field(ge=1, le=1_000_000)] = _setting(
        _repository.waiting_per_stream_max, "Commands that may wait for one customer."
    )
    repository_waiting_max: Annotated[int, Field(ge=1, le=1_000_000)] = _setting(
        _repository.waiting_max, "Commands that may wait in all."
    )
    repository_group_commands_max: Annotated[int, Field(ge=1, le=10_000)] = _setting(
        _repository.group_commands_max, "Most commands of one customer that share an append."
    )
    repository_group_bytes_max: Annotated[int, Field(ge=1, le=64 * _MIB)] = _setting(
        _repository.group_bytes_max, "Encoded bytes from which on an append takes no more commands."
    )
    repository_commit_events_max: Annotated[int, Field(ge=1_000, le=100_000)] = _setting(
        _repository.commit_events_max, "Most events that one command may record."
    )
    repository_commit_bytes_max: Annotated[int, Field(ge=256 * 1_024, le=COMMIT_BYTES_MAX)] = (
        _setting(_repository.commit_bytes_max, "Most encoded bytes that one command may record.")
    )
    repository_attempts_max: Annotated[int, Field(ge=1, le=1_000)] = _setting(
        _repository.attempts_max, "How often a command is decided before a conflict is reported."
    )
    repository_backoff_s: Annotated[float, Field(ge=0, le=10)] = _setting(
        _repository.backoff_s,
        "Longest wait after a conflict; two appends' time if that is more.",
    )
    repository_snapshot_events: Annotated[int, Field(ge=0, le=1_000_000)] = _setting(
        _repository.snapshot_events, "Events after which a customer gets a snapshot; 0: never."
    )
    repository_snapshot_bytes: Annotated[int, Field(ge=1, le=2**40)] = _setting(
        _repository.snapshot_bytes, "Encoded bytes after which a customer gets one all the same."
    )
    repository_snapshots_waiting_max: Annotated[int, Field(ge=1, le=1_000_000)] = _setting(
        _repository.snapshots_waiting_max, "Snapshots that may wait; a further one is skipped."
    )
    repository_command_window_s: Annotated[int, Field(ge=1, le=400 * 86_400)] = _setting(
        _repository.command_window_s, "How long an idempotency key is remembered."
    )
    repository_command_window_max: Annotated[int, Field(ge=1, le=100_000)] = _setting(
        _repository.command_window_max, "Idempotency keys remembered for each customer."
    )
    repository_page_bytes: Annotated[int, Field(ge=1_024, le=64 * _MIB)] = _setting(
        _repository.page_bytes, "Payload read from the store at once."
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_number_is_a_truth_value(cls, value: object, info: ValidationInfo) -> object:
        field = cls.model_fields[info.field_name or ""]
        if isinstance(value, bool) and field.annotation is not bool:
            raise ValueError("Input should be no truth value")
        return value

    @field_validator("store", mode="before")
    @classmethod
    def _a_path_is_text(cls, value: object) -> object:
        return str(value) if isinstance(value, Path) else value

    @field_validator("store")
    @classmethod
    def _no_file_by_mistake(cls, store: str | None) -> str | None:
        if store is not None and ("://" in store or store == "cassandra"):
            if store.startswith(SCHEME) and "@" in store:
                raise ValueError("a user belongs into cassandra_username and cassandra_password")
            CassandraUrl.parse(store, keyspace=KEYSPACE)
        return store

    @property
    def on_cassandra(self) -> bool:
        """Whether the store is on a Cassandra cluster."""
        return self.store is not None and self.store.startswith(SCHEME)

    @property
    def store_path(self) -> Path:
        """Where the store's file is, if it is one."""
        return Path(self.store) if self.store else self.data_directory / STORE_FILE

    @property
    def token_keys_path(self) -> Path:
        """Where the keys that sign tokens are."""
        return self.token_keys_directory or self.data_directory / TOKEN_KEYS

    @property
    def store_shown(self) -> str:
        """Which store it is, for people."""
        return str(self.store if self.on_cassandra else self.store_path)

    def cassandra(self) -> CassandraSettings:
        """The part that the store takes, if it is on a Cassandra cluster.

        Raises:
            SettingsError: the driver is not installed, or TLS lacks a file.
        """
        from helenus.stores.cassandra import (  # noqa: PLC0415  # for this store alone
            CassandraSettings,
            TlsSettings,
            drivers,
        )

        url = CassandraUrl.parse(self.store or "", keyspace=KEYSPACE)
        part = self._part("cassandra_")
        tls = {name: part.pop(name) for name in list(part) if name.startswith("tls_")}
        password: SecretStr | None = part.pop("password")
        chosen = CassandraSettings(
            **part,
            **msgspec.structs.asdict(url),
            password=None if password is None else password.get_secret_value(),
            tls=self._tls(TlsSettings, tls),
        )
        try:
            drivers.chosen(chosen)
        except drivers.DriverMissing as error:
            raise SettingsError(f"cassandra_driver: {error}") from None
        return chosen

    def _tls(self, make: type[TlsSettings], given: dict[str, Any]) -> TlsSettings | None:
        files = {name: path for name, path in given.items() if isinstance(path, Path)}
        for name, path in files.items():
            if not path.is_file():
                raise SettingsError(f"cassandra_{name}: there is no file {path}.")
        if files and "tls_authority" not in files:
            raise SettingsError("TLS needs cassandra_tls_authority.")
        if "tls_key" in files and "tls_certificate" not in files:
            raise SettingsError("cassandra_tls_key needs cassandra_tls_certificate.")
        if not files:
            return None
        return make(**{name.removeprefix("tls_"): value for name, value in given.items()})

    def sqlite(self) -> SqliteSettings:
        """The part that the store takes."""
        return msgspec.convert(self._part("sqlite_"), SqliteSettings)

    def repository(self) -> RepositorySettings:
        """The part that the repository takes."""
        return msgspec.convert(self._part("repository_"), RepositorySettings)

    def _part(self, prefix: str) -> dict[str, Any]:
        return {
            name.removeprefix(prefix): getattr(self, name)
            for name in type(self).model_fields
            if name.startswith(prefix)
        }


class SettingsError(Exception):
    """The settings cannot be used; the message fits one screen and says what to change."""


def load(
    config: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Settings:
    """Put the settings together.

    Args:
        config: a TOML file; by default the one that the environment names, if any.
        overrides: what the command line said; None means that it did not.
        environment: as it is consulted for the file's name.

    Raises:
        SettingsError: a value out of range, an unknown key, a file that cannot be read.
    """
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    if config is None and environment.get(CONFIG_VARIABLE):
        config = Path(environment[CONFIG_VARIABLE])
    from_file = _read(config) if config else {}

    class Loaded(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, from_file)

    try:
        loaded = Loaded(**given)
    except ValidationError as error:
        raise SettingsError(_explain(error, given, from_file, config)) from None
    return Settings.model_construct(**dict(loaded))


def unknown_variables(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Variables with our prefix that set nothing: misspelt, or meant for another release."""
    known = {variable_of(name) for name in Settings.model_fields} | {CONFIG_VARIABLE}
    return sorted(
        name
        for name in environment
        if name.upper().startswith(ENVIRONMENT_PREFIX) and name.upper() not in known
    )


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return f"{ENVIRONMENT_PREFIX}{name.upper()}"


def range_of(field: FieldInfo) -> str:
    """What a setting may be, in words."""
    if isinstance(field.json_schema_extra, dict) and _ALLOWED in field.json_schema_extra:
        return str(field.json_schema_extra[_ALLOWED])
    bounds = [
        f"{bound:,}"
        for constraint in field.metadata
        for name in ("ge", "le")
        if (bound := getattr(constraint, name, None)) is not None
    ]
    if bounds:
        return " – ".join(bounds)
    match field.annotation:
        case builtin if builtin is bool:
            return "true, false"
        case annotation if (choices := getattr(annotation, "__args__", ())) and all(
            isinstance(choice, str) for choice in choices
        ):
            return ", ".join(choices)
        case annotation if "Path" in str(annotation):
            return "a path"
        case _:
            return "text"


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"The settings file {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"The settings file {path} is not TOML: {error}.") from None


def _explain(
    error: ValidationError,
    given: Mapping[str, Any],
    from_file: Mapping[str, Any],
    config: Path | None,
) -> str:
    lines = list(_complaints(error, given, from_file, config))
    shown = lines[:20]
    if len(lines) > len(shown):
        shown.append(f"… and {len(lines) - len(shown)} more.")
    hint = "`download-licensing settings` lists all settings with their ranges."
    return "\n".join(["These settings cannot be used:", *(f"  {line}" for line in shown), hint])


def _complaints(
    error: ValidationError,
    given: Mapping[str, Any],
    from_file: Mapping[str, Any],
    config: Path | None,
) -> Iterator[str]:
    for detail in error.errors(include_url=False):
        name = str(detail["loc"][0]) if detail["loc"] else "settings"
        field = Settings.model_fields.get(name)
        if field is None:
            yield f"{name}: there is no such setting ({config})"
            continue
        if name in given:
            origin = f"option --{name.replace('_', '-')}"
        elif name in from_file and variable_of(name) not in os.environ:
            origin = str(config)
        else:
            origin = variable_of(name)
        value = "…" if "SecretStr" in str(field.annotation) else repr(str(detail["input"])[:80])
        yield f"{name} = {value} ({origin}): {detail['msg']}; allowed: {range_of(field)}"
