"""One precedence: flag, environment, file, default; in every combination and for every verb."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from itertools import product
from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec
import pytest
from click.testing import CliRunner

import onlooker
from onlooker import demo
from onlooker.cli.root import root
from onlooker.doctor.servers import connection_checks
from onlooker.settings.clickhouse_section import ClickHouseSettings
from onlooker.settings.configuration import Settings, load_settings
from onlooker.settings.flags import Flags, RegistryFlags
from onlooker.settings.precedence import in_force
from onlooker.wiring import database
from schemas.broker import BrokerOptions
from schemas.errors import UsageError
from schemas.wire.registry import RegistryOptions
from sinks.store.address import Address
from tests import recordings

PACKAGE = Path(onlooker.__file__).parent
LEVELS = ("flag", "environment", "file")
URLS = (None, "clickhouse://me@{level}/x", "clickhouse://me:in-url@{level}/x")
CA = Path("/ca.pem")


def private(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def variables(name: str, value: str | None, in_file: Path | None) -> Mapping[str, str]:
    """A variable, or one that names a file."""
    if value is None:
        return {}
    return {name: value} if in_file is None else {f"{name}_FILE": str(private(in_file, value))}


@pytest.mark.parametrize("by_file", [False, True], ids=["variables", "files of variables"])
def test_the_first_url_and_the_first_password_that_are_said_are_in_force(
    tmp_path: Path, by_file: bool
) -> None:
    password_file = private(tmp_path / "password", "of file")
    for *given, own, configured in product(URLS, URLS, URLS, (None, "of environment"), (None, password_file)):
        urls = {level: url and url.format(level=level) for level, url in zip(LEVELS, given, strict=True)}
        at = {name: tmp_path / name if by_file else None for name in ("url", "own")}
        environ = {
            **variables("ONLOOKER_CLICKHOUSE_URL", urls["environment"], at["url"]),
            **variables("ONLOOKER_CLICKHOUSE_PASSWORD", own, at["own"]),
        }
        options = ClickHouseSettings(url=urls["file"], password_file=configured)
        found = in_force(Settings(clickhouse=options), environ, Flags(url=urls["flag"])).clickhouse.address()
        level = next((level for level in LEVELS if urls[level] is not None), None)
        if level is None:
            assert found is None
            continue
        said = {"environment": own, "file": "of file" if configured else None}
        in_url = {level: "in-url" if "in-url" in str(urls[level]) else None}
        passwords = [each.get(at_level) for at_level in LEVELS for each in (said, in_url)]
        assert found is not None
        assert (found.host, found.password) == (level, next(filter(None, passwords), ""))


def test_a_data_directory_that_a_flag_names_voids_all_that_is_said_of_a_server(tmp_path: Path) -> None:
    options = ClickHouseSettings(
        url="clickhouse://file?secure=1", ca_file=CA, password_file=tmp_path / "nowhere", cluster="ads"
    )
    environ = {"ONLOOKER_CLICKHOUSE_URL_FILE": "/nowhere", "ONLOOKER_CLICKHOUSE_PASSWORD_FILE": "/nowhere"}
    found = in_force(Settings(clickhouse=options), environ, Flags(data_dir=tmp_path, replicated=True))
    assert found.data_dir == tmp_path
    assert found.clickhouse == ClickHouseSettings(replicated=True)


def test_a_flag_changes_the_url_and_keeps_what_else_the_file_says_of_the_server() -> None:
    options = ClickHouseSettings(url="clickhouse://file", ca_file=CA, cluster="ads", replicated=True)
    flags = Flags(url="clickhouse://me@flag?secure=1", cluster="others")
    found = in_force(Settings(clickhouse=options), {}, flags).clickhouse
    address = found.address()
    assert address is not None
    assert (address.host, address.tls.ca_file) == ("flag", CA)
    assert (found.dialect().cluster, found.dialect().replicated) == ("others", True)


def test_brokers_and_registry_follow_the_same_precedence(tmp_path: Path) -> None:
    settings = Settings(
        kafka=BrokerOptions(bootstrap="file:1"),
        registry=RegistryOptions(url="https://file", username="file", timeout_s=2),
    )
    named = private(tmp_path / "named", "of flag")
    environ = {"ONLOOKER_REGISTRY_PASSWORD": "of environment"}
    assert in_force(settings, environ).kafka.bootstrap == "file:1"
    assert in_force(settings, environ).registry.password == "of environment"
    flags = Flags(bootstrap="flag:1", registry=RegistryFlags(url="https://flag", password_file=named))
    found = in_force(settings, environ, flags)
    assert found.kafka.bootstrap == "flag:1"
    registry = found.registry
    assert (registry.url, registry.username, registry.password) == ("https://flag", "file", "of flag")
    assert registry.timeout_s == 2


def test_what_is_said_of_servers_that_are_not_needed_is_not_looked_for() -> None:
    kafka = BrokerOptions(security="SASL_SSL", username="sink")
    environ = {"ONLOOKER_CLICKHOUSE_URL_FILE": "/nowhere"}
    assert in_force(Settings(kafka=kafka), {}, servers=("clickhouse",)).kafka == kafka
    assert in_force(Settings(), environ, servers=("kafka",)) == Settings()
    with pytest.raises(UsageError, match="ONLOOKER_KAFKA_PASSWORD"):
        in_force(Settings(kafka=kafka), {}, servers=("kafka",))


class ReachedError(Exception):
    """Which database a verb asks for."""


def reached(place: object) -> NoReturn:
    raise ReachedError(str(place))


@pytest.fixture
def doors(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Nothing is opened: whoever wants to say where. The folder is where verbs are called."""

    def server(address: Address, **_: Any) -> NoReturn:
        reached(address.host)

    def folder(path: Path, **_: Any) -> AbstractContextManager[Any]:
        reached(path)

    monkeypatch.setattr(database, "ClickHouse", server)
    monkeypatch.setattr(database, "asking", folder)
    monkeypatch.setattr(database, "EmbeddedServer", folder)
    monkeypatch.setattr("onlooker.wiring.run.build_networks", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    for name in ("ONLOOKER_CONFIG", "ONLOOKER_CLICKHOUSE_URL", "ONLOOKER_CLICKHOUSE_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "onlooker-data").mkdir()
    return tmp_path


def asked_of(arguments: list[str], environ: Mapping[str, str]) -> str:
    """The database that a verb goes to."""
    result = CliRunner().invoke(root, arguments, env=dict(environ))
    assert isinstance(result.exception, ReachedError), result.output + repr(result.exception)
    return str(result.exception)


LETTER = "6f6e6c6f-6f6b-5e72-8a00-6f6e6c6f6f6b"
VERBS = (
    "run --source 0",
    "sink",
    "query SELECT",
    "report",
    "migrate",
    "migrate --dry-run",
    "dead-letters list",
    f"dead-letters show {LETTER}",
    "dead-letters replay",
    "dead-letters replay --dry-run",
    "reprocess --list",
)
FLAGS = {"": None, "--url clickhouse://flag": "flag", "--data-dir flagged": "flagged"}
FILES = {
    None: None,
    "{}": "file-data",
    "clickhouse: {url: 'clickhouse://file'}": "file",
    "data_dir: kept": "kept",
    "{data_dir: kept, clickhouse: {url: 'clickhouse://file'}}": "file",
}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_goes_where_the_precedence_says(doors: Path, verb: str) -> None:
    (doors / "etc").mkdir()
    config = doors / "etc" / "shop.yaml"
    here = {"file-data": doors / "etc" / "onlooker-data", "kept": doors / "etc" / "kept"}
    for folder in here.values():
        folder.mkdir()
    for flag, environ, text, by_variable in product(
        FLAGS, ({}, {"ONLOOKER_CLICKHOUSE_URL": "clickhouse://environment"}), FILES, (False, True)
    ):
        named: list[str] = []
        if text is not None:
            config.write_text(text, encoding="utf-8")
            named = [] if by_variable else ["--config", str(config)]
        variable = {"ONLOOKER_CONFIG": str(config)} if text is not None and by_variable else {}
        in_file = FILES[text]
        expected = (
            FLAGS[flag]
            or ("environment" if environ else None)
            or (str(here.get(in_file, in_file)) if in_file else "onlooker-data")
        )
        assert asked_of([*verb.split(), *named, *flag.split()], {**environ, **variable}) == expected


@pytest.mark.parametrize("verb", VERBS)
def test_two_places_at_once_are_refused_in_a_sentence(doors: Path, verb: str) -> None:
    result = CliRunner().invoke(root, [*verb.split(), "--url", "clickhouse://x", "--data-dir", "y"])
    assert isinstance(result.exception, UsageError)
    assert str(result.exception) == "say either --data-dir or --url, not both"


def test_a_replay_and_the_demo_store_where_they_are_told_and_nowhere_else(
    doors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recordings.fill(doors / "tape", recordings.observations(3))
    environ = {"ONLOOKER_CLICKHOUSE_URL": "clickhouse://environment"}
    assert asked_of(["replay", "tape", "--data-dir", "flagged"], environ) == "flagged"
    assert CliRunner().invoke(root, ["replay", "tape"], env=environ).exit_code == 0
    monkeypatch.setattr(demo, "_prepared", lambda: dict.fromkeys(demo.SAMPLES, Path("clip")))
    monkeypatch.setattr(demo, "_enrol", lambda *_: None)
    assert asked_of(["demo", "--data-dir", "shown"], environ) == "shown"


def test_the_doctor_tries_the_server_of_the_environment_in_place_of_that_of_the_file(doors: Path) -> None:
    (doors / "shop.yaml").write_text("clickhouse: {url: 'clickhouse://file'}", encoding="utf-8")
    environ = {"ONLOOKER_CLICKHOUSE_URL": "clickhouse://environment"}
    for config, variables_, place in (
        (doors / "shop.yaml", {}, "file"),
        (doors / "shop.yaml", environ, "environment"),
        (None, environ, "environment"),
    ):
        with pytest.raises(ReachedError, match=place):
            connection_checks(config, variables_)["ClickHouse by URL"]()
    assert connection_checks(None, {}) == {}


def test_a_variable_that_names_the_configuration_does_not_change_what_is_reprocessed(
    doors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[Settings | None] = []

    class FakeSite:
        reprocessings = None

        def __enter__(self) -> "FakeSite":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def recompute(self, settings: Settings | None, _: object) -> NoReturn:
            found.append(settings)
            reached("site")

    monkeypatch.setattr("onlooker.wiring.reprocess.open_site", lambda _: FakeSite())
    (doors / "shop.yaml").write_text("measure: {window_s: 30}", encoding="utf-8")
    (doors / "tape").mkdir()
    asked_of(["reprocess", "tape"], {"ONLOOKER_CONFIG": "shop.yaml"})
    asked_of(["reprocess", "tape", "--config", "shop.yaml"], {})
    assert found[0] is None
    assert found[1] is not None
    assert found[1].measure.window_s == 30


def test_services_hand_on_settings_that_are_ready(doors: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = "kafka: {security: SASL_SSL, username: me, bootstrap: 'file:1'}"
    text = f"{kafka}\nstands: [{{stand_id: a, cameras: [{{source: '0'}}]}}]"
    (doors / "shop.yaml").write_text(text, encoding="utf-8")
    found: dict[str, Settings] = {}

    def keep(name: str) -> Callable[..., NoReturn]:
        def execute(settings: Settings, *_: object) -> NoReturn:
            found[name] = settings
            reached(name)

        return execute

    for verb, words in (
        ("capture", "capture"),
        ("record", "record tape"),
        ("sink", "sink"),
        ("work", "work --role measure"),
    ):
        monkeypatch.setattr(f"onlooker.wiring.{verb}.execute_{verb}", keep(verb))
        arguments = [*words.split(), "--config", "shop.yaml", "--bootstrap", "flag:1"]
        asked_of(arguments, {"ONLOOKER_KAFKA_PASSWORD": "sesame"})
    for settings in found.values():
        assert (settings.kafka.bootstrap, settings.kafka.password) == ("flag:1", "sesame")
    assert len(found) == 4


def test_a_gallery_is_that_of_the_flag_then_of_the_file(doors: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (doors / "shop.yaml").write_text("people: {gallery: ours, site_key: keys/site}", encoding="utf-8")
    monkeypatch.setattr("onlooker.cli.people.open_store", lambda *place: reached(place))
    configured = (doors / "ours", doors / "keys" / "site")
    assert asked_of(["people", "list"], {}) == str((Path("gallery"), None))
    assert asked_of(["people", "list", "--config", "shop.yaml"], {}) == str(configured)
    flagged = ["people", "list", "--config", "shop.yaml", "--gallery", "other"]
    assert asked_of(flagged, {}) == str((Path("other"), configured[1]))


def test_settings_that_are_ready_stay_as_they_are() -> None:
    settings = in_force(
        load_settings(None), {"ONLOOKER_CLICKHOUSE_PASSWORD": "x"}, Flags(url="clickhouse://a")
    )
    assert in_force(settings, {}) == settings
    assert msgspec.structs.asdict(settings.clickhouse)["password"] == "x"


def commands(command: click.Command, name: str = "onlooker") -> Iterator[tuple[str, click.Command]]:
    """Every verb with its full name."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for verb in command.list_commands(context):
            inside = command.get_command(context, verb)
            assert inside is not None
            yield from commands(inside, f"{name} {verb}")
    else:
        yield name, command


def test_every_verb_with_a_server_takes_a_configuration_and_one_variable_names_it() -> None:
    for name, command in commands(root):
        options = {str(option.name): option for option in command.params}
        if {"url", "bootstrap", "gallery", "prefix"} & set(options):
            assert "config_path" in options, name
        if "config_path" in options and name != "onlooker replay":
            assert options["config_path"].envvar == "ONLOOKER_CONFIG", name


def test_one_module_opens_the_database() -> None:
    files = [path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py")]
    texts = {str(path): (PACKAGE / path).read_text(encoding="utf-8") for path in files}
    assert [path for path, text in texts.items() if "sinks.store.embedded" in text] == ["wiring/database.py"]
    connecting = [path for path, text in texts.items() if re.search(r"\bClickHouse\(", text)]
    assert [path for path in connecting if not path.startswith("lab/")] == ["wiring/database.py"]
    resolving = {path for path, text in texts.items() if "in_force(" in text and not path.startswith("lab/")}
    assert resolving == {
        "settings/precedence.py",
        "cli/options.py",
        "demo.py",
        "doctor/servers.py",
        "wiring/replay.py",
    }
