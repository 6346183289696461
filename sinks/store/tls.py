"""TLS to ClickHouse: whose word is trusted, who we say we are, and what went wrong in plain words."""

import socket
import ssl
from pathlib import Path

import msgspec

from schemas.errors import UsageError
from schemas.files import words_of
from schemas.names import quoted

_HUNG_UP = ("got 21)", "reset by peer", "Unexpected EOF", "Broken pipe")
"""An alert of TLS where ClickHouse would have said hello, or no word at all."""
_PROBE_S = 2.0
_TROUBLES = (
    (
        ("Hostname mismatch", "IP address mismatch"),
        "the certificate of the ClickHouse at {place} is for another name: use that in the URL",
    ),
    (
        ("CERTIFICATE_VERIFY_FAILED",),
        "the certificate of the ClickHouse at {place} is refused ({why}): "
        "name its certificate authority in clickhouse.ca_file",
    ),
    (
        ("CERTIFICATE_REQUIRED", "ALERT_UNKNOWN_CA", "ALERT_BAD_CERTIFICATE", "HANDSHAKE_FAILURE"),
        "the ClickHouse at {place} refuses our TLS certificate, or wants one: "
        "check clickhouse.certificate_file and key_file",
    ),
    (
        ("PEM lib", "NO_CERTIFICATE_OR_CRL_FOUND", "KEY_VALUES_MISMATCH", "NO_START_LINE"),
        "the TLS files for the ClickHouse at {place} are no PEM, or key and certificate do not fit: "
        "check clickhouse.ca_file, certificate_file and key_file",
    ),
    (
        ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL"),
        "the ClickHouse at {place} does not speak TLS there: "
        "leave ?secure=1 out of its URL, or use its TLS port",
    ),
)
"""Signs of OpenSSL's words, and ours for them; the first that fits."""


class TlsOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an encrypted connection is checked."""

    ca_file: Path | None = None
    """Certificates that sign the server's; None: those of the system."""
    certificate_file: Path | None = None
    """This client's own certificate, where the server asks for one."""
    key_file: Path | None = None
    verify: bool = True
    """False: any certificate will do, also that of whoever stands in between."""

    def client_arguments(self) -> dict[str, str | bool]:
        """What clickhouse-driver must be told.

        Raises:
            UsageError: a file cannot be read, or a key has no certificate.
        """
        if self.key_file is not None and self.certificate_file is None:
            raise UsageError("clickhouse.key_file needs clickhouse.certificate_file beside it")
        files = {"ca_certs": self.ca_file, "certfile": self.certificate_file, "keyfile": self.key_file}
        given = {name: _readable(path) for name, path in files.items() if path is not None}
        return {"verify": self.verify, **given}


def _readable(path: Path) -> str:
    try:
        with path.open("rb"):
            return str(path)
    except OSError as error:
        words = words_of(error, path)
        raise UsageError(f"the TLS file {quoted(path)} of ClickHouse cannot be read: {words}") from error


def tls_trouble(words: str, place: str, *, secure: bool) -> UsageError | None:
    """What went wrong with TLS; a server that hung up on plain words is asked whether it speaks TLS.

    Args:
        words: the error of the connection.
        place: `host:port` of the server.
        secure: whether we speak TLS.

    Returns:
        A sentence that names the mend; None when TLS is not what went wrong.
    """
    if not secure:
        if not any(sign in words for sign in _HUNG_UP) or not _speaks_tls(place):
            return None
        mend = "add ?secure=1 to its URL, or use its plain port"
        return UsageError(f"the ClickHouse at {place} speaks TLS there: {mend}")
    why = words.partition("verify failed: ")[2].partition(" (_ssl")[0] or "it is not trusted"
    for signs, sentence in _TROUBLES:
        if any(sign in words for sign in signs):
            return UsageError(sentence.format(place=place, why=why))
    return None


def _speaks_tls(place: str) -> bool:
    """Whether a server answers a greeting of TLS; nothing is told to it, so nothing need be verified."""
    host, _, port = place.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection((host, int(port)), _PROBE_S) as plain, context.wrap_socket(plain):
            return True
    except OSError:
        return False
