"""A Confluent-compatible schema registry, asked over its REST API; each answer is kept."""

import base64
import json
import ssl
import time
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any, NoReturn
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import (
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    build_opener,
)

from schemas.errors import DependencyAwayError, UndecodableError, UsageError
from schemas.wire.avsc import digest
from schemas.wire.registry import RegistryOptions

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
SUBJECT_UNKNOWN, VERSION_UNKNOWN, SCHEMA_UNKNOWN = 40401, 40402, 40403
"""Error codes of the REST API. Source: Confluent, Schema Registry API reference."""
MOST_ANSWER_BYTES = 4 * 1024 * 1024
MOST_UNKNOWN = 10_000


class ConfluentRegistry:
    """Registers schemas and looks them up by id.

    Args:
        options: where the registry is and who asks; `url` is set.
        clock_s: a monotonic clock, s; tells when an unknown id may be asked for again.
    """

    def __init__(self, options: RegistryOptions, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._url = checked_url(options.url or "")
        self._options = options
        self._clock_s = clock_s
        self._opener = _opener(options.ca_file, tls=self._url.startswith("https:"))
        self._ids: dict[tuple[str, str], int] = {}
        self._texts: dict[int, str] = {}
        self._unknown_until_s: dict[int, float] = {}

    def id_of(self, subject: str, schema: str) -> int:
        """Register a schema; one that is there already keeps its id. As `SchemaRegistry.id_of`."""
        key = (subject, digest(schema))
        if key not in self._ids:
            path = f"/subjects/{quote(subject, safe='')}/versions"
            answer = self._ask(path, {"schema": schema, "schemaType": "AVRO"})
            schema_id = self._field(answer, "id", int)
            if not 0 <= schema_id < 2**32:
                self._away(f"its id {schema_id} fits no message")
            self._ids[key] = schema_id
        return self._ids[key]

    def schema_of(self, schema_id: int) -> str:
        """The schema of an id, as `SchemaRegistry.schema_of`; a client that is refused is a UsageError."""
        if schema_id not in self._texts:
            if self._clock_s() < self._unknown_until_s.get(schema_id, 0):
                raise _unknown(schema_id)
            answer = self._ask(f"/schemas/ids/{schema_id}")
            if answer is None:
                self._remember_unknown(schema_id)
                raise _unknown(schema_id)
            self._texts[schema_id] = self._field(answer, "schema", str)
        return self._texts[schema_id]

    def latest(self, subject: str) -> str | None:
        """The newest schema of a subject as JSON; None when nothing is registered.

        Raises:
            UsageError: The registry refuses this client.
            DependencyAwayError: It is away.
        """
        answer = self._ask(f"/subjects/{quote(subject, safe='')}/versions/latest")
        return None if answer is None else self._field(answer, "schema", str)

    def _remember_unknown(self, schema_id: int) -> None:
        """Noise with a new id in every message must not become a request for every message."""
        if len(self._unknown_until_s) >= MOST_UNKNOWN:
            self._unknown_until_s.clear()
        self._unknown_until_s[schema_id] = self._clock_s() + self._options.ask_again_s

    def _ask(self, path: str, content: dict[str, str] | None = None) -> dict[str, Any] | None:
        """The answer to one request; None when what was asked for is not there."""
        data = None if content is None else json.dumps(content).encode()
        request = Request(self._url + path, data=data, headers=self._headers())  # noqa: S310
        try:
            with self._opener.open(request, timeout=self._options.timeout_s) as response:
                return self._read(response.read(MOST_ANSWER_BYTES))
        except HTTPError as error:
            with error:
                self._check_absent(error.code, error.read(MOST_ANSWER_BYTES), path)
                return None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise UsageError(
                    f"The certificate of the schema registry {self._url} is not trusted "
                    f"({reason.verify_message}): check `ca_file` and the name in the URL."
                ) from error
            self._away(str(reason) or type(reason).__name__)

    def _check_absent(self, status: int, body: bytes, path: str) -> None:
        """Raise what a status means, unless it says that a thing is not there."""
        if status in (408, 429) or status >= 500:
            self._away(f"it answers {status}")
        code, words = _error_of(body)
        if status == 404 and code in (SUBJECT_UNKNOWN, VERSION_UNKNOWN, SCHEMA_UNKNOWN):
            return
        if status in (401, 403):
            who = self._options.username or "a client without a name"
            raise UsageError(
                f"The schema registry {self._url} refuses {who}: check the registry's username and password."
            )
        if status in (409, 422):
            raise UsageError(f"The schema registry {self._url} refuses the schema of {path}: {words}")
        raise UsageError(f"{self._url}{path} answers {status}: check the URL of the schema registry.")

    def _read(self, body: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            self._away("its answer is no JSON")
        if not isinstance(answer, dict):
            self._away("its answer is no JSON object")
        return answer

    def _field(self, answer: dict[str, Any] | None, name: str, kind: type[Any]) -> Any:
        value = None if answer is None else answer.get(name)
        if not isinstance(value, kind):
            self._away(f"its answer has no {name}")
        return value

    def _away(self, reason: str) -> NoReturn:
        raise DependencyAwayError(f"The schema registry {self._url} cannot be asked ({reason}).")

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": CONTENT_TYPE, "Accept": CONTENT_TYPE}
        if self._options.username is not None:
            pair = f"{self._options.username}:{self._options.password or ''}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return headers


class _NoRedirect(HTTPRedirectHandler):
    """A password is sent to the place that was named, and to no other."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


def _opener(ca_file: Path | None, *, tls: bool) -> OpenerDirector:
    if not tls:
        return build_opener(ProxyHandler({}), _NoRedirect())
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except OSError as error:
        raise UsageError(f"The registry's ca_file {ca_file} cannot be used: {error}.") from error
    return build_opener(ProxyHandler({}), _NoRedirect(), HTTPSHandler(context=context))


def checked_url(url: str) -> str:
    """The URL of a registry, without a stroke at its end.

    Raises:
        UsageError: it has another form, or a password in it.
    """
    if not _is_usable(url):
        raise UsageError(
            "The registry's url must be http://HOST:PORT or https://HOST:PORT, without a password in it."
        )
    return url.rstrip("/")


def _is_usable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return usable and parts.username is None and url.isascii() and url.isprintable() and " " not in url


def _unknown(schema_id: int) -> UndecodableError:
    return UndecodableError("unknown_schema", f"The schema registry has no schema {schema_id}.")


def _error_of(body: bytes) -> tuple[int | None, str]:
    """Code and words of an error as registries send it."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None, ""
    if not isinstance(answer, dict):
        return None, ""
    code = answer.get("error_code")
    return code if isinstance(code, int) else None, str(answer.get("message", ""))[:300]
