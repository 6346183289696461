"""Secrets: found in variables and files, in a settled order, and never shown."""

from pathlib import Path

import pytest

from onlooker.settings.clickhouse_section import ClickHouseSettings
from onlooker.settings.configuration import Settings, load_settings, without_secrets
from onlooker.settings.passwords import secrets_of
from onlooker.settings.precedence import in_force
from schemas.broker import BrokerOptions
from schemas.errors import UsageError


def sasl(**options: Path | str) -> Settings:
    fields: dict[str, object] = {"security": "SASL_SSL", "username": "sink", **options}
    return Settings(kafka=BrokerOptions(**fields))  # type: ignore[arg-type]


def private(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def warnings_of(settings: Settings, environ: dict[str, str]) -> tuple[Settings, list[str]]:
    warned: list[str] = []
    return in_force(settings, environ, warn=warned.append), warned


def test_the_order_is_variable_then_file_of_a_variable_then_file_of_the_configuration(tmp_path: Path) -> None:
    settings = sasl(password_file=private(tmp_path, "configured", "three\n"))
    environ = {
        "ONLOOKER_KAFKA_PASSWORD_FILE": str(private(tmp_path, "named", "two")),
        "ONLOOKER_KAFKA_PASSWORD": "one",
    }
    found = []
    for variable in ("", "ONLOOKER_KAFKA_PASSWORD", "ONLOOKER_KAFKA_PASSWORD_FILE"):
        environ.pop(variable, None)
        filled, warned = warnings_of(settings, environ)
        found.append(filled.kafka.password)
        assert warned == []
    assert found == ["one", "two", "three"]


def test_a_password_keeps_its_spaces(tmp_path: Path) -> None:
    settings = sasl(password_file=private(tmp_path, "p", " a b \r\n"))
    assert in_force(settings, {}).kafka.password == " a b "


def test_a_password_that_is_needed_and_nowhere_names_every_place() -> None:
    with pytest.raises(UsageError) as caught:
        in_force(sasl(), {})
    for place in ("ONLOOKER_KAFKA_PASSWORD", "ONLOOKER_KAFKA_PASSWORD_FILE", "kafka.password_file"):
        assert place in str(caught.value)


def test_a_missing_user_is_named() -> None:
    settings = Settings(kafka=BrokerOptions(security="SASL_SSL"))
    with pytest.raises(UsageError, match=r"kafka\.username"):
        in_force(settings, {"ONLOOKER_KAFKA_PASSWORD": "x"})


def test_without_sasl_no_password_is_asked_for() -> None:
    assert in_force(Settings(), {}) == Settings()


def test_a_missing_file_is_named_with_who_named_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere \(kafka.password_file\).*No such file"):
        in_force(sasl(password_file=tmp_path / "nowhere"), {})
    with pytest.raises(UsageError, match="ONLOOKER_KAFKA_PASSWORD_FILE"):
        in_force(sasl(), {"ONLOOKER_KAFKA_PASSWORD_FILE": str(tmp_path)})


@pytest.mark.parametrize("content", [b"", b"\n", b"one\ntwo\n", b"\xff\xfe", b"x" * 70_000])
def test_a_file_that_holds_no_secret_is_refused_and_not_shown(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "p").write_bytes(content)
    with pytest.raises(UsageError) as caught:
        in_force(sasl(password_file=tmp_path / "p"), {})
    assert "one" not in str(caught.value).replace("one line", "")
    assert "xxx" not in str(caught.value)


def test_a_file_that_everybody_can_read_is_warned_of(tmp_path: Path) -> None:
    path = private(tmp_path, "p", "hunter2")
    path.chmod(0o644)
    filled, warned = warnings_of(sasl(password_file=path), {})
    assert filled.kafka.password == "hunter2"
    assert len(warned) == 1
    assert f"chmod 600 {path}" in warned[0]
    assert "hunter2" not in warned[0]


def test_clickhouse_is_reached_by_variables_alone() -> None:
    environ = {
        "ONLOOKER_CLICKHOUSE_URL": "clickhouse://sink@db:9440/adverts?secure=1",
        "ONLOOKER_CLICKHOUSE_PASSWORD": "hunter2",
    }
    address = in_force(Settings(), environ).clickhouse.address()
    assert address is not None
    assert (address.host, address.user, address.password) == ("db", "sink", "hunter2")


def test_a_password_of_its_own_wins_over_that_of_the_url() -> None:
    settings = Settings(clickhouse=ClickHouseSettings(url="clickhouse://sink:old@db"))
    address = in_force(settings, {"ONLOOKER_CLICKHOUSE_PASSWORD": "new"}).clickhouse.address()
    assert address is not None
    assert address.password == "new"
    unchanged = in_force(settings, {}).clickhouse.address()
    assert unchanged is not None
    assert unchanged.password == "old"


def test_no_secret_is_in_what_is_shown(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(
        "stands: [{stand_id: a, cameras: [{source: 'rtsp://u:sesam1@c/1'}]}]\n"
        "kafka: {security: SASL_SSL, username: sink}\n"
        "clickhouse: {url: 'clickhouse://u:sesam2@db'}\n"
        "registry: {url: 'https://registry:8081', username: u}\n"
    )
    environ = {
        "ONLOOKER_KAFKA_PASSWORD": "sesam3",
        "ONLOOKER_CLICKHOUSE_PASSWORD": "sesam4",
        "ONLOOKER_REGISTRY_PASSWORD": "sesam5",
    }
    settings = in_force(load_settings(tmp_path / "shop.yaml"), environ)
    assert set(secrets_of(settings)) == {"sesam1", "sesam2", "sesam3", "sesam4", "sesam5"}
    for shown in (
        without_secrets(settings),
        settings.kafka,
        settings.clickhouse,
        settings.clickhouse.address(),
        settings.registry,
    ):
        assert "sesam" not in f"{shown!r} {shown}"
