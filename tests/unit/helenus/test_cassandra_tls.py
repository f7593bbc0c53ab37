"""Files for TLS: right ones, and what is said of others; no node is asked."""

from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from helenus.errors import InvalidArgument, StoreUnusable
from helenus.stores.cassandra import CassandraSettings, TlsSettings
from helenus.stores.cassandra.tls import tls_context
from tests.unit.helenus.certificates import Authority, Pair


@dataclass(frozen=True)
class Files:
    authority: Path
    client: Pair
    other: Pair
    nonsense: Path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("certificates")
    authority = Authority(folder, "authority")
    (folder / "nonsense.pem").write_text("This is no certificate.\n")
    return Files(
        authority.path,
        authority.sign("client"),
        authority.sign("other"),
        folder / "nonsense.pem",
    )


def said(tls: TlsSettings) -> str:
    with pytest.raises(StoreUnusable) as caught:
        tls_context(tls)
    return str(caught.value)


def test_a_certificate_and_its_key_may_share_a_file(files: Files, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(files.client.certificate.read_bytes() + files.client.key.read_bytes())
    tls_context(TlsSettings(authority=files.authority, certificate=both))
    tls_context(
        TlsSettings(
            authority=files.authority, certificate=files.client.certificate, key=files.client.key
        )
    )


def test_a_name_is_checked_unless_that_is_turned_off(files: Files) -> None:
    assert tls_context(TlsSettings(authority=files.authority)).check_hostname
    unchecked = tls_context(TlsSettings(authority=files.authority, check_hostname=False))
    assert not unchecked.check_hostname
    assert unchecked.verify_mode.name == "CERT_REQUIRED"


@pytest.mark.parametrize("which", ["authority", "certificate", "key"])
def test_a_missing_file_is_named(files: Files, which: str) -> None:
    whole = TlsSettings(
        authority=files.authority, certificate=files.client.certificate, key=files.client.key
    )
    text = said(msgspec.structs.replace(whole, **{which: Path("/nowhere/none.pem")}))
    assert "/nowhere/none.pem for TLS cannot be read: No such file or directory." in text
    assert "Check its name and its permissions." in text


def test_a_file_that_cannot_be_read_is_named(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whoever runs as root may read any file: permissions alone would not show it.
    def forbidden(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", forbidden)
    text = said(TlsSettings(authority=files.authority))
    assert f"{files.authority} for TLS cannot be read: Permission denied." in text


def test_a_folder_in_place_of_a_file_is_named(files: Files) -> None:
    folder = files.authority.parent
    assert f"{folder} for TLS cannot be read: Is a directory." in said(
        TlsSettings(authority=folder)
    )


def test_an_authority_that_is_no_certificate_is_named(files: Files) -> None:
    assert "nonsense.pem for TLS holds no certificate" in said(
        TlsSettings(authority=files.nonsense)
    )


def test_a_certificate_without_its_key_is_described(files: Files) -> None:
    text = said(TlsSettings(authority=files.authority, certificate=files.client.certificate))
    assert "are not both there in PEM" in text
    assert "client.pem" in text


def test_a_key_of_another_certificate_is_described(files: Files) -> None:
    text = said(
        TlsSettings(
            authority=files.authority, certificate=files.client.certificate, key=files.other.key
        )
    )
    assert "belong to different pairs" in text


def test_an_encrypted_key_is_refused_without_asking_at_the_terminal(
    files: Files, tmp_path: Path
) -> None:
    key = tmp_path / "encrypted.key"
    key.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"passphrase"),
        )
    )
    text = said(
        TlsSettings(authority=files.authority, certificate=files.client.certificate, key=key)
    )
    assert "encrypted.key for TLS is encrypted" in text
    assert "without a passphrase" in text


def test_a_key_without_a_certificate_is_no_setting() -> None:
    with pytest.raises(InvalidArgument, match=r"key client\.key without its certificate"):
        TlsSettings(authority=Path("authority.pem"), key=Path("client.key"))


def test_settings_show_all_but_the_password() -> None:
    settings = CassandraSettings(username="licensing", password="secret")
    assert "secret" not in f"{settings!r} {settings}"
    assert "username='licensing', password='***'" in repr(settings)
    assert "password=None" in repr(CassandraSettings())
