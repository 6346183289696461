"""`onlooker topics`: create or check the topics of a site."""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import click
import msgspec

from onlooker.cli.options import Given, json_option, settings_options
from onlooker.cli.output import print_json
from schemas.topics import TOPICS

if TYPE_CHECKING:
    from producers.brokers.plan import TopicPlan
    from producers.brokers.topics import Topics

_as_json = json_option("Print what was found as JSON.")


@click.group()
def topics() -> None:
    """Create or check the topics.

    \b
    Examples:
      onlooker topics create --bootstrap 127.0.0.1:9092
      onlooker topics check --config shop.yaml
    """


@topics.command()
@settings_options("brokers")
@_as_json
@click.option("--alter", is_flag=True, help="Also set what differs in topics that exist.")
def create(given: Given, as_json: bool, alter: bool) -> None:
    """Make the topics that are missing; those that exist are left as they are, and differences are told."""
    with _opened(given) as (door, planned):
        plan = planned()
        door.create(plan)
        if alter:
            door.alter(plan)
        after = planned()
    altered = plan.alter if alter else {}
    if as_json:
        made = [topic.name for topic in plan.create]
        print_json({"created": made, "altered": sorted(altered), "differences": _shown(after)})
        return
    for topic in plan.create:
        click.echo(f"created {topic.name} ({topic.partitions} partitions, {topic.replication} copies)")
    for name, configs in altered.items():
        click.echo(f"altered {name}: {', '.join(f'{key}={value}' for key, value in configs.items())}")
    _tell(after)


@topics.command()
@settings_options("brokers")
@_as_json
def check(given: Given, as_json: bool) -> None:
    """Compare the topics with what they should be. Exit 1 if they differ."""
    with _opened(given) as (_, planned):
        plan = planned()
    if as_json:
        print_json({"differences": _shown(plan)})
    else:
        _tell(plan)
    if plan.differences:
        sys.exit(1)


@contextmanager
def _opened(given: Given) -> Iterator[tuple["Topics", Callable[[], "TopicPlan"]]]:
    """The door to the topics, and what asks it what is to be done."""
    from producers.brokers.plan import plan_topics, wanted_topics
    from producers.brokers.topics import Topics

    settings = given.settings("kafka")
    kafka = settings.kafka
    door = Topics(kafka)

    def planned() -> "TopicPlan":
        found = door.found([kafka.topics.name(topic) for topic in TOPICS])
        return plan_topics(
            wanted_topics(settings.topics, kafka.topics, brokers=door.brokers(), found=found), found
        )

    with closing(door):
        yield door, planned


def _shown(plan: "TopicPlan") -> list[dict[str, Any]]:
    return [{**msgspec.structs.asdict(each), "words": each.words} for each in plan.differences]


def _tell(plan: "TopicPlan") -> None:
    for difference in plan.differences:
        click.echo(difference.words, err=True)
    if not plan.differences:
        click.echo(f"All {len(TOPICS)} topics are as they should be.")
