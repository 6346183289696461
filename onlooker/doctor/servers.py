"""Tries the servers that a configuration names: Kafka and its topics, ClickHouse by URL."""

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from onlooker.settings.configuration import Settings, load_settings
from onlooker.settings.passwords import Finder
from onlooker.settings.precedence import in_force
from onlooker.settings.refusals import placed
from onlooker.settings.yaml_text import read_yaml
from schemas.errors import OnlookerError
from schemas.names import quoted
from schemas.topics import TOPICS

PATIENCE_S = 10.0
_MAKE_THEM = "`onlooker topics create` makes them."


def connection_checks(config: Path | None, environ: Mapping[str, str]) -> dict[str, Callable[[], str]]:
    """What to try of a configuration and the environment.

    Args:
        config: its file; None: only what the environment names.
        environ: of this process: URL and secrets.

    Returns:
        Checks by name. A check returns words about what works and raises OnlookerError with those about
        what does not. Servers that nobody names are not tried.
    """
    checks: dict[str, Callable[[], str]] = {}
    if config is not None:
        checks["configuration"] = lambda: _configuration(config, environ)
    try:
        settings = load_settings(config)
    except OnlookerError:
        return checks
    if config is not None and "kafka" in read_yaml(config).value:
        checks["Kafka"] = lambda: _kafka(in_force(settings, environ, servers=("kafka",)))
    if settings.clickhouse.url is not None or Finder(environ).named_by("clickhouse.url"):
        checks["ClickHouse by URL"] = lambda: _clickhouse(
            in_force(settings, environ, servers=("clickhouse",))
        )
    if {"Kafka", "ClickHouse by URL"} <= checks.keys():
        checks["the sinks' database"] = lambda: _binding(
            in_force(settings, environ, servers=("kafka", "clickhouse"))
        )
    return checks


def _binding(settings: Settings) -> str:
    from onlooker.wiring.rebind import bound_to

    group, database, is_bound = bound_to(settings)
    if is_bound:
        return f"the group {group} is bound to this one, {database}"
    return f"the group {group} is bound to none yet: its first sink binds it; this one is {database}"


def _configuration(config: Path, environ: Mapping[str, str]) -> str:
    from onlooker.settings.judgement import EVERYTHING, judge_here
    from onlooker.wiring.perception import model_files

    with placed(config):
        settings = in_force(load_settings(config), environ)
        judge_here(settings, EVERYTHING)
    model_files(settings)
    return f"{quoted(config)} is good: {len(settings.stands)} stands"


def _kafka(settings: Settings) -> str:
    from producers.brokers.plan import plan_topics, wanted_topics
    from producers.brokers.topics import Topics

    options = settings.kafka
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


def _clickhouse(settings: Settings) -> str:
    from onlooker.wiring.database import opened

    address = settings.clickhouse.address()
    assert address is not None, "only tried when there is a URL"
    with opened(settings, timeout_s=PATIENCE_S) as store:
        version = store.check_version()
        tables = store.rows("SELECT count() FROM system.tables WHERE database = currentDatabase()")[0][0]
    if not tables:
        raise OnlookerError(f"the database {address.database!r} has no tables: run `onlooker migrate`.")
    tls = "over TLS" if address.secure else "unencrypted"
    return f"{version} at {address}, {tls}, user {address.user!r}; {tables} tables in {address.database!r}"
