"""`onlooker topics`: create or check the topics of a site."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

if TYPE_CHECKING:
    from producers.topic_plan import TopicPlan, TopicState
    from producers.topics import Topics

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
    with _opened(config_path, bootstrap) as (door, wanted):
        plan = _plan(door, wanted)
        door.create(plan)
        if alter:
            door.alter(plan)
        after = _plan(door, wanted)
    made = [topic.name for topic in plan.create]
    altered = sorted(plan.alter) if alter else []
    if as_json:
        click.echo(json.dumps({"created": made, "altered": altered, "differences": _shown(after)}))
        return
    partitions = plan.create[0].partitions if plan.create else 0
    copies = plan.create[0].replication if plan.create else 0
    for name in made:
        click.echo(f"created {name} ({partitions} partitions, {copies} copies)")
    for name in altered:
        click.echo(f"altered {name}: {', '.join(f'{k}={v}' for k, v in plan.alter[name].items())}")
    _tell(after, total=len(wanted))


@topics.command()
@_with_options
def check(config_path: Path | None, bootstrap: str | None, as_json: bool) -> None:
    """Compare the topics with what they should be. Exit 1 if they differ."""
    with _opened(config_path, bootstrap) as (door, wanted):
        plan = _plan(door, wanted)
    if as_json:
        click.echo(json.dumps({"differences": _shown(plan)}))
    else:
        _tell(plan, total=len(wanted))
    if plan.differences:
        sys.exit(1)


@contextmanager
def _opened(config_path: Path | None, bootstrap: str | None) -> Iterator[tuple["Topics", list["TopicState"]]]:
    """The door to the topics, and what they should be."""
    from onlooker.settings import load_settings
    from onlooker.wiring.broker import broker_options
    from producers.topic_plan import wanted_topics
    from producers.topics import Topics

    settings = load_settings(config_path)
    kafka = broker_options(settings, bootstrap)
    door = Topics(kafka)
    try:
        yield door, list(wanted_topics(settings.topics, kafka.topics, brokers=door.brokers()))
    finally:
        door.close()


def _plan(door: "Topics", wanted: list["TopicState"]) -> "TopicPlan":
    from producers.topic_plan import plan_topics

    return plan_topics(wanted, door.found([topic.name for topic in wanted]))


def _shown(plan: "TopicPlan") -> list[dict[str, Any]]:
    return [{**msgspec.structs.asdict(each), "words": each.words} for each in plan.differences]


def _tell(plan: "TopicPlan", *, total: int) -> None:
    for difference in plan.differences:
        click.echo(difference.words, err=True)
    if not plan.differences:
        click.echo(f"All {total} topics are as they should be.")
