"""`onlooker topics`: create or check the topics of a site."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from schemas.topics import TOPICS

if TYPE_CHECKING:
    from producers.brokers.plan import TopicPlan
    from producers.brokers.topics import Topics

_OPTIONS = (
    click.option(
        "--config",
        "config_path",
        type=click.Path(path_type=Path, dir_okay=False),
        help="A configuration (YAML).",
    ),
    click.option("--bootstrap", metavar="HOST:PORT,...", help="Kafka's brokers [127.0.0.1:9092]."),
    click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON."),
)


def _with_options(command: Any) -> Any:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.group()
def topics() -> None:
    """Create or check the topics.

    \b
    Examples:
      onlooker topics create --bootstrap 127.0.0.1:9092
      onlooker topics check --config shop.yaml
    """


@topics.command()
@_with_options
@click.option("--alter", is_flag=True, help="Also set what differs in topics that exist.")
def create(config_path: Path | None, bootstrap: str | None, as_json: bool, alter: bool) -> None:
    """Make the topics that are missing; those that exist are left as they are, and differences are told."""
    with _opened(config_path, bootstrap) as (door, planned):
        plan = planned()
        door.create(plan)
        if alter:
            door.alter(plan)
        after = planned()
    altered = plan.alter if alter else {}
    if as_json:
        made = [topic.name for topic in plan.create]
        click.echo(json.dumps({"created": made, "altered": sorted(altered), "differences": _shown(after)}))
        return
    for topic in plan.create:
        click.echo(f"created {topic.name} ({topic.partitions} partitions, {topic.replication} copies)")
    for name, configs in altered.items():
        click.echo(f"altered {name}: {', '.join(f'{key}={value}' for key, value in configs.items())}")
    _tell(after)


@topics.command()
@_with_options
def check(config_path: Path | None, bootstrap: str | None, as_json: bool) -> None:
    """Compare the topics with what they should be. Exit 1 if they differ."""
    with _opened(config_path, bootstrap) as (_, planned):
        plan = planned()
    if as_json:
        click.echo(json.dumps({"differences": _shown(plan)}))
    else:
        _tell(plan)
    if plan.differences:
        sys.exit(1)


@contextmanager
def _opened(
    config_path: Path | None, bootstrap: str | None
) -> Iterator[tuple["Topics", Callable[[], "TopicPlan"]]]:
    """The door to the topics, and what asks it what is to be done."""
    from onlooker.settings.configuration import load_settings
    from onlooker.wiring.broker import broker_options
    from producers.brokers.plan import plan_topics, wanted_topics
    from producers.brokers.topics import Topics

    settings = load_settings(config_path)
    kafka = broker_options(settings, bootstrap)
    door = Topics(kafka)

    def planned() -> "TopicPlan":
        found = door.found([kafka.topics.name(topic) for topic in TOPICS])
        return plan_topics(
            wanted_topics(settings.topics, kafka.topics, brokers=door.brokers(), found=found), found
        )

    try:
        yield door, planned
    finally:
        door.close()


def _shown(plan: "TopicPlan") -> list[dict[str, Any]]:
    return [{**msgspec.structs.asdict(each), "words": each.words} for each in plan.differences]


def _tell(plan: "TopicPlan") -> None:
    for difference in plan.differences:
        click.echo(difference.words, err=True)
    if not plan.differences:
        click.echo(f"All {len(TOPICS)} topics are as they should be.")
