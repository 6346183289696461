"""Registries: ids pinned in files, and a Confluent-compatible one that answers, refuses or is away."""

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from onlooker.settings.configuration import Settings
from onlooker.settings.precedence import in_force
from onlooker.wiring.schemas import build_codec, build_registry
from schemas.errors import DependencyAwayError, UndecodableError, UsageError
from schemas.events import FaceObservations, Play, StreamEnded
from schemas.topics import TopicNames
from schemas.wire.avsc import EVENTS, FOLDER, digest, record_name, schema_text
from schemas.wire.codec import AvroCodec
from schemas.wire.confluent import ConfluentRegistry
from schemas.wire.registry import FileRegistry, RegistryOptions, subject_of
from tests.event_samples import PLAY, samples


class Registry:
    """Behaves like a schema registry, or as badly as it is told to."""

    def __init__(self) -> None:
        self.schemas: dict[int, str] = {}
        self.subjects: dict[str, list[int]] = {}
        self.requests: list[str] = []
        self.headers: dict[str, str] = {}
        self.answer: tuple[int, bytes] | None = None

    def post(self, subject: str, content: dict[str, Any]) -> tuple[int, Any]:
        known = {text: number for number, text in self.schemas.items()}
        number = known.get(content["schema"], len(self.schemas) + 100_001)
        self.schemas[number] = content["schema"]
        self.subjects.setdefault(subject, []).append(number)
        return 200, {"id": number}

    def get(self, parts: list[str]) -> tuple[int, Any]:
        if parts[:2] == ["schemas", "ids"]:
            if int(parts[2]) not in self.schemas:
                return 404, {"error_code": 40403, "message": "Schema not found"}
            return 200, {"schema": self.schemas[int(parts[2])]}
        if parts[1] not in self.subjects:
            return 404, {"error_code": 40401, "message": "Subject not found"}
        number = self.subjects[parts[1]][-1]
        return 200, {"subject": parts[1], "id": number, "version": 1, "schema": self.schemas[number]}


def handler_of(registry: Registry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _reply(self, status: int, body: bytes) -> None:
            registry.requests.append(f"{self.command} {self.path}")
            registry.headers = dict(self.headers.items())
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Location", "http://127.0.0.1:9/")
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, found = registry.post(self.path.split("/")[2], content)
            self._reply(*(registry.answer or (status, json.dumps(found).encode())))

        def do_GET(self) -> None:
            status, found = registry.get(self.path.strip("/").split("/"))
            self._reply(*(registry.answer or (status, json.dumps(found).encode())))

        def log_message(self, *args: object) -> None:
            pass

    return Handler


class QuietServer(HTTPServer):
    """Says nothing when a client hangs up, as one does that does not trust it."""

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@contextmanager
def serving(server: HTTPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def served() -> Iterator[tuple[Registry, str]]:
    registry = Registry()
    with serving(HTTPServer(("127.0.0.1", 0), handler_of(registry))) as port:
        yield registry, f"http://127.0.0.1:{port}"


def certificate(folder: Path) -> Path:
    """A certificate for localhost that signs itself, with its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = folder / "server.pem"
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    return file


def test_a_registry_behind_tls_is_asked_when_its_certificate_is_trusted(tmp_path: Path) -> None:
    file = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = QuietServer(("127.0.0.1", 0), handler_of(Registry()))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server) as port:
        trusting = client(f"https://localhost:{port}", ca_file=file)
        assert trusting.id_of("s", schema_text(Play)) > 0
        with pytest.raises(UsageError, match="ca_file"):
            client(f"https://localhost:{port}").id_of("s", schema_text(Play))
        with pytest.raises(UsageError, match="the name in the URL"):
            client(f"https://127.0.0.1:{port}", ca_file=file).id_of("s", schema_text(Play))


def client(url: str, **options: Any) -> ConfluentRegistry:
    return ConfluentRegistry(RegistryOptions(url=url, timeout_s=5, **options))


def test_every_event_goes_through_a_registry_and_each_schema_is_asked_for_once(
    served: tuple[Registry, str],
) -> None:
    registry, url = served
    writing, reading = AvroCodec(client(url)), AvroCodec(client(url))
    for _ in range(3):
        for event in samples():
            message = writing.encode(event)
            assert int.from_bytes(message[1:5]) > 100_000
            assert reading.decode(message) == event
    posts = [request for request in registry.requests if request.startswith("POST")]
    gets = [request for request in registry.requests if request.startswith("GET")]
    assert len(posts) == len(EVENTS) + 1, "StreamEnded travels on two topics"
    assert len(gets) == len(EVENTS)


def test_subjects_are_named_after_topic_and_record(served: tuple[Registry, str]) -> None:
    registry, url = served
    AvroCodec(client(url), TopicNames(prefix="mall-7")).encode(StreamEnded(stand_id="a"))
    assert set(registry.subjects) == {
        "mall-7.frames.v1-onlooker.v1.StreamEnded",
        "mall-7.observations.v1-onlooker.v1.StreamEnded",
    }
    assert subject_of("plays.v1", record_name(Play)) == "plays.v1-onlooker.v1.Play"


def test_username_and_password_are_sent(served: tuple[Registry, str]) -> None:
    registry, url = served
    client(url, username="onlooker", password="a:b").id_of("s", schema_text(Play))
    assert base64.b64decode(registry.headers["Authorization"].removeprefix("Basic ")) == b"onlooker:a:b"


def test_an_unknown_id_is_set_aside_and_not_asked_for_again_at_once(served: tuple[Registry, str]) -> None:
    registry, url = served
    now_s = [0.0]
    asked = ConfluentRegistry(RegistryOptions(url=url, ask_again_s=60), clock_s=lambda: now_s[0])
    for now_s[0] in (0.0, 59.0, 61.0):
        with pytest.raises(UndecodableError) as caught:
            asked.schema_of(7)
        assert caught.value.cause == "unknown_schema"
    assert len(registry.requests) == 2


def test_an_id_that_becomes_known_is_found_later(served: tuple[Registry, str]) -> None:
    registry, url = served
    asked = ConfluentRegistry(RegistryOptions(url=url, ask_again_s=0))
    with pytest.raises(UndecodableError):
        asked.schema_of(7)
    registry.schemas[7] = schema_text(Play)
    assert asked.schema_of(7) == schema_text(Play)


@pytest.mark.parametrize(
    "answer",
    [
        (500, b'{"error_code": 50001}'),
        (503, b"<html>"),
        (429, b""),
        (200, b"<html>a login page</html>"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"id": "5", "schema": 5}'),
        (200, b'{"id": -1}'),
        (200, b'{"id": 99999999999}'),
        (200, b"\xff\xfe"),
        (200, b"[" * 100_000),
    ],
)
def test_a_registry_that_fails_or_babbles_is_away(
    served: tuple[Registry, str], answer: tuple[int, bytes]
) -> None:
    registry, url = served
    registry.answer = answer
    asked = client(url)
    with pytest.raises(DependencyAwayError, match="cannot be asked"):
        asked.id_of("s", schema_text(Play))
    if b"id" not in answer[1] or b"schema" in answer[1]:
        with pytest.raises(DependencyAwayError, match="cannot be asked"):
            asked.schema_of(1)
    registry.answer = None
    assert asked.id_of("s", schema_text(Play)) > 0, "it is asked again"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((401, b""), "username and password"),
        ((403, b"{}"), "username and password"),
        ((409, b'{"error_code": 409, "message": "incompatible: field x"}'), "incompatible: field x"),
        ((422, b'{"error_code": 42201, "message": "Invalid schema"}'), "Invalid schema"),
        ((404, b"<html>no such page</html>"), "check the URL"),
        ((404, b'"x"'), "check the URL"),
        ((302, b""), "check the URL"),
    ],
)
def test_a_refusal_stops_and_names_the_mend(
    served: tuple[Registry, str], answer: tuple[int, bytes], words: str
) -> None:
    registry, url = served
    registry.answer = answer
    with pytest.raises(UsageError, match=words):
        client(url).id_of("s", schema_text(Play))


def test_a_registry_that_is_not_there_is_away(served: tuple[Registry, str]) -> None:
    codec = AvroCodec(client("http://127.0.0.1:9"))
    with pytest.raises(DependencyAwayError, match=r"127\.0\.0\.1:9"):
        codec.encode(PLAY)
    with pytest.raises(DependencyAwayError, match=r"127\.0\.0\.1:9"):
        codec.decode(b"\x00\x00\x00\x00\x01")


@pytest.mark.parametrize("url", ["127.0.0.1:8081", "file:///etc/passwd", "http://", "https://me:pass@host:1"])
def test_a_url_that_cannot_be_one_is_refused_without_showing_a_password(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        client(url)
    assert "pass@" not in str(caught.value)


def test_a_ca_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ca_file"):
        client("https://localhost:1", ca_file=tmp_path / "missing.pem")


def test_options_do_not_show_a_password() -> None:
    assert "s3cret" not in repr(RegistryOptions(url="http://a", username="me", password="s3cret"))


def changed(event: type[Any], change: Any) -> str:
    schema = json.loads(schema_text(event))
    change(schema["fields"])
    return json.dumps(schema)


def test_a_message_of_a_newer_schema_is_read(served: tuple[Registry, str]) -> None:
    registry, url = served
    registry.schemas[500] = changed(
        Play, lambda fields: fields.insert(2, {"name": "shown_by", "type": "string", "default": ""})
    )
    plain = AvroCodec(FileRegistry()).encode(PLAY)
    stand_ends_at = 5 + 37 + 1 + len(PLAY.stand_id)
    newer = plain[:stand_ends_at] + b"\x06abc" + plain[stand_ends_at:]
    assert AvroCodec(client(url)).decode(b"\x00" + (500).to_bytes(4) + newer[5:]) == PLAY


def test_a_message_of_an_older_schema_is_read(served: tuple[Registry, str]) -> None:
    """As written before `model_version` and `faces` came, which have defaults."""
    registry, url = served
    registry.schemas[501] = changed(FaceObservations, lambda fields: fields.__delitem__(slice(7, 9)))
    nobody = next(event for event in samples() if isinstance(event, FaceObservations))
    nobody = msgspec.structs.replace(nobody, faces=(), model_version="")
    older = b"\x00" + (501).to_bytes(4) + AvroCodec(FileRegistry()).encode(nobody)[5:-2]
    assert AvroCodec(client(url)).decode(older) == nobody


def test_a_message_of_an_incompatible_schema_is_set_aside(served: tuple[Registry, str]) -> None:
    registry, url = served
    registry.schemas[502] = changed(Play, lambda fields: fields.pop())
    with pytest.raises(UndecodableError, match="end_us: is missing and has no default") as caught:
        AvroCodec(client(url)).decode(b"\x00" + (502).to_bytes(4) + b"\x00" * 9)
    assert caught.value.cause == "wrong_type"


def test_pinned_ids_serve_without_a_registry() -> None:
    registry = FileRegistry()
    for event in EVENTS:
        number = registry.id_of("any", schema_text(event))
        assert digest(registry.schema_of(number)) == digest(schema_text(event))


def test_layout_of_a_schema_does_not_matter_to_its_id() -> None:
    text = json.dumps(json.loads(schema_text(Play)))
    assert text != schema_text(Play)
    assert FileRegistry().id_of("any", text) == FileRegistry().id_of("any", schema_text(Play))


def test_a_schema_without_an_id_names_the_mend() -> None:
    with pytest.raises(UsageError, match=r"ids\.json"):
        FileRegistry().id_of("plays.v1-x", '{"type": "record", "name": "x", "fields": []}')


def test_an_older_pinned_version_stays_readable(tmp_path: Path) -> None:
    """Version 2 adds a field; what was written with version 1 is read with its default."""
    (tmp_path / "released").mkdir()
    for path in FOLDER.glob("released/*"):
        (tmp_path / "released" / path.name).write_bytes(path.read_bytes())
    pins = json.loads((FOLDER / "ids.json").read_text())
    later = changed(Play, lambda fields: fields.append({"name": "x", "type": "long", "default": 0}))
    (tmp_path / "released/play.2.avsc").write_text(later)
    pins.append({"id": 8, "record": record_name(Play), "version": 2, "file": "released/play.2.avsc"})
    (tmp_path / "ids.json").write_text(json.dumps(pins))
    codec = AvroCodec(FileRegistry(tmp_path))
    first = AvroCodec(FileRegistry()).encode(PLAY)
    assert codec.decode(first) == PLAY
    assert codec.decode(b"\x00\x00\x00\x00\x08" + first[5:] + b"\x02") == PLAY


def _codec(options: RegistryOptions, environ: dict[str, str]) -> AvroCodec:
    settings = in_force(Settings(registry=options), environ)
    return build_codec(settings.registry, TopicNames())


def test_wiring_takes_the_password_from_the_environment(served: tuple[Registry, str], tmp_path: Path) -> None:
    registry, url = served
    options = RegistryOptions(url=url, username="me")
    _codec(options, {"ONLOOKER_REGISTRY_PASSWORD": "one"}).encode(PLAY)
    assert base64.b64decode(registry.headers["Authorization"].removeprefix("Basic ")) == b"me:one"
    file = tmp_path / "password"
    file.write_text("two\n")
    file.chmod(0o600)
    in_file = msgspec.structs.replace(options, password_file=file)
    _codec(in_file, {}).encode(PLAY)
    assert base64.b64decode(registry.headers["Authorization"].removeprefix("Basic ")) == b"me:two"
    with pytest.raises(UsageError, match="ONLOOKER_REGISTRY_PASSWORD"):
        _codec(options, {})
    assert isinstance(build_registry(RegistryOptions()), FileRegistry)
