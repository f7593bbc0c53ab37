"""TLS to the nodes: what a connection is made with, and why one cannot be made.

Drivers hide why: a certificate that has expired and one that is not known look like a node that is
away. So after a failure the first steps are taken once more, without a driver, and explained.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator

from helenus.errors import StoreUnavailable, StoreUnusable
from helenus.stores.cassandra.settings import CassandraSettings, TlsSettings

# The smallest request of the native protocol, OPTIONS; a node answers it before any login.
_OPTIONS = bytes((4, 0, 0, 0, 5, 0, 0, 0, 0))
_ALERT_WAIT_S = 0.5

# What OpenSSL's X509_V_ERR_… mean for whoever set this up.
_NOT_YET_VALID, _EXPIRED = 9, 10
_OTHER_NAME = {62, 64}
_UNKNOWN_AUTHORITY = {18, 19, 20, 21}


def tls_context(tls: TlsSettings) -> ssl.SSLContext:
    """What connections are encrypted with.

    Raises:
        StoreUnusable: a file is missing, cannot be read, or does not hold what it should.
    """
    for path in (tls.authority, tls.certificate, tls.key):
        if path is not None:
            try:
                path.read_bytes()
            except OSError as error:
                raise StoreUnusable(
                    f"The file {path} for TLS cannot be read: {error.strerror}.",
                    remedy="Check its name and its permissions.",
                ) from None
    try:
        context = ssl.create_default_context(cafile=str(tls.authority))
    except ssl.SSLError:
        raise StoreUnusable(
            f"The file {tls.authority} for TLS holds no certificate.",
            remedy="It should hold those that sign the nodes' own, in PEM.",
        ) from None
    context.check_hostname = tls.check_hostname
    if tls.certificate is not None:
        _load_certificate(context, tls)
    return context


def _load_certificate(context: ssl.SSLContext, tls: TlsSettings) -> None:
    asked_for_password = False

    def password() -> str:  # without it, OpenSSL asks on the terminal and waits
        nonlocal asked_for_password
        asked_for_password = True
        return ""

    key = tls.key or tls.certificate
    try:
        context.load_cert_chain(str(tls.certificate), str(key), password)
    except ssl.SSLError as error:
        if asked_for_password:
            raise StoreUnusable(
                f"The key in {key} for TLS is encrypted.",
                remedy="Keep it without a passphrase, readable by this program only.",
            ) from None
        matching = "MISMATCH" not in str(error.reason)
        what = "are not both there in PEM" if matching else "belong to different pairs"
        raise StoreUnusable(
            f"The certificate in {tls.certificate} and the key in {key} for TLS {what}.",
            remedy="Give the client's certificate, and the private key that was made with it.",
        ) from None


def tls_trouble(settings: CassandraSettings) -> StoreUnavailable | None:
    """Why no encrypted connection, or none in the clear, can be made; None: that is not why.

    Asks one contact point after another, and blocks while it does.
    """
    for host, address in _addresses(settings):
        try:
            plain = socket.create_connection(
                (address, settings.port), min(settings.connect_timeout_s, 5.0)
            )
        except OSError:
            continue
        with plain:
            trouble = _trouble_at(plain, address, settings.tls)
        if trouble:
            what, remedy = trouble
            node = address if host == address else f"{host} ({address})"
            return StoreUnavailable(
                f"The Cassandra node {node} port {settings.port} {what}.", remedy=remedy
            )
    return None


def _addresses(settings: CassandraSettings) -> Iterator[tuple[str, str]]:
    for host in settings.contact_points:
        try:
            found = socket.getaddrinfo(host, settings.port, type=socket.SOCK_STREAM)
        except OSError:
            continue
        yield from dict.fromkeys((host, str(where[0])) for *_, where in found)


def _trouble_at(
    plain: socket.socket, address: str, tls: TlsSettings | None
) -> tuple[str, str] | None:
    if tls is None:
        asks = "asks for TLS", "Set the TLS authority: the file of certificates that sign its own."
        return asks if _speaks_tls(plain) else None
    context = tls_context(tls)
    try:
        encrypted = context.wrap_socket(
            plain, server_hostname=address if tls.check_hostname else None
        )
    except ssl.SSLCertVerificationError as error:
        return _about_its_certificate(error, tls)
    except ssl.SSLError as error:
        if "ALERT" in str(error.reason):
            return _about_our_certificate(error, tls)
        return "answers, but not in TLS", "Leave the TLS settings out, or turn TLS on there."
    except OSError:
        return None
    with encrypted:
        return _trouble_behind(encrypted, tls)


def _trouble_behind(encrypted: ssl.SSLSocket, tls: TlsSettings) -> tuple[str, str] | None:
    # In TLS 1.3 a node looks at our certificate after the handshake. Its alert is waited for first:
    # whoever writes to a connection that has been closed may lose what was still to be read.
    patience_s = encrypted.gettimeout()
    try:
        with contextlib.suppress(TimeoutError):
            encrypted.settimeout(_ALERT_WAIT_S)
            encrypted.recv(1)
        encrypted.settimeout(patience_s)
        encrypted.sendall(_OPTIONS)
        if encrypted.recv(1):
            return None
    except TimeoutError:
        return None
    except ssl.SSLError as error:
        if "ALERT" in str(error.reason):
            return _about_our_certificate(error, tls)
    except OSError:
        pass
    guess = (
        "it may ask for a client certificate"
        if tls.certificate is None
        else f"it may not trust the certificate in {tls.certificate}"
    )
    return (
        f"ends the connection after the TLS handshake; {guess}",
        "Check whether it is Cassandra that listens there, and what it has logged.",
    )


def _speaks_tls(plain: socket.socket) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is said over it: it only tells TLS from none
    try:
        context.wrap_socket(plain).close()
    except ssl.SSLError as error:
        return "ALERT" in str(error.reason)
    except OSError:
        return False
    return True


def _about_its_certificate(
    error: ssl.SSLCertVerificationError, tls: TlsSettings
) -> tuple[str, str]:
    code = error.verify_code
    if code == _EXPIRED:
        return "shows a certificate that has expired", "Give the node a new one."
    if code == _NOT_YET_VALID:
        return (
            "shows a certificate that is not valid yet",
            "Check this machine's clock, and the node's certificate.",
        )
    if code in _OTHER_NAME:
        return (
            f"shows a certificate for another name: {error.verify_message.rstrip('.')}",
            "Give the node a certificate that bears its address, or turn check_hostname off.",
        )
    if code in _UNKNOWN_AUTHORITY:
        return (
            f"shows a certificate that no authority in {tls.authority} has signed",
            "Check whether it is the right cluster, and the right file.",
        )
    return (
        f"shows a certificate that is refused: {error.verify_message}",
        "Check the node's certificate.",
    )


def _about_our_certificate(error: ssl.SSLError, tls: TlsSettings) -> tuple[str, str]:
    if tls.certificate is None:
        return (
            "asks for a client certificate",
            "Set the TLS certificate and its key, signed by an authority that the node trusts.",
        )
    return (
        f"refuses the certificate in {tls.certificate} ({error.reason})",
        "Use one that is valid, and signed by an authority that the node trusts.",
    )
