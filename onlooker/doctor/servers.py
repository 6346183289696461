"""Tries the servers that a configuration names: Kafka and its topics, ClickHouse by URL."""

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import yaml

from onlooker.settings.configuration import Settings, load_settings
from onlooker.settings.passwords import CLICKHOUSE_URL, clickhouse_with_secrets, kafka_with_secrets
from schemas.errors import OnlookerError
from schemas.topics import TOPICS

PATIENCE_S = 10.0
_MAKE_THEM = "`onlooker topics create` makes them."


def connection_checks(config: Path, environ: Mapping[str, str]) -> dict[str, Callable[[], str]]:
    """What to try of a configuration.

    Args:
        config: its file.
        environ: of this process, for secrets.

    Returns:
        Checks by name. A check returns words about what works and raises OnlookerError with those about
        what does not. Servers that the file does not name are not tried.
    """
    checks: dict[str, Callable[[], str]] = {"configuration": lambda: _configuration(config)}
    try:
        settings = load_settings(config)
    except OnlookerError:
        return checks
    named = yaml.safe_load(config.read_text(encoding="utf-8")) or {}
    if "kafka" in named:
        checks["Kafka"] = lambda: _kafka(settings, environ)
    if settings.clickhouse.url is not None or environ.get(CLICKHOUSE_URL):
        checks["ClickHouse by URL"] = lambda: _clickhouse(settings, environ)
    return checks


def _configuration(config: Path) -> str:
    from onlooker.wiring.run import check_settings

    settings = load_settings(config)
    check_settings(settings)
    return f"{config} is good: {len(settings.stands)} stands"


def _kafka(settings: Settings, environ: Mapping[str, str]) -> str:
    from producers.brokers.plan import plan_topics, wanted_topics
    from producers.brokers.topics import Topics

    options = kafka_with_secrets(settings.kafka, environ)
    with closing(Topics(options)) as door:
        brokers = door.brokers()
        found = door.found([options.topics.name(topic) for topic in TOPICS])
    wanted = wanted_topics(settings.topics, options.topics, brokers=brokers, found=found)
    plan = plan_topics(wanted, found)
    if plan.create:
        missing = ", ".join(topic.name for topic in plan.create)
        raise OnlookerError(f"{brokers} brokers answer, but topics are missing: {missing}. {_MAKE_THEM}")
    if plan.differences:
        raise OnlookerError(" ".join(difference.words for difference in plan.differences))
    who = f"user {options.username!r}" if options.uses_sasl else "without a user"
    return f"{brokers} brokers at {options.bootstrap} over {options.security}, {who}; all topics are there"


def _clickhouse(settings: Settings, environ: Mapping[str, str]) -> str:
    from sinks.store.clickhouse import ClickHouse

    address = clickhouse_with_secrets(settings.clickhouse, environ).address()
    assert address is not None, "only tried when there is a URL"
    with closing(ClickHouse(address, read_only=True, timeout_s=PATIENCE_S)) as store:
        version = store.check_version()
        tables = store.rows("SELECT count() FROM system.tables WHERE database = currentDatabase()")[0][0]
    if not tables:
        raise OnlookerError(f"the database {address.database!r} has no tables: run `onlooker migrate`.")
    tls = "over TLS" if address.secure else "unencrypted"
    return f"{version} at {address}, {tls}, user {address.user!r}; {tables} tables in {address.database!r}"
