"""`onlooker schemas`: list the schemas of the events, and check that they only ever gain."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from onlooker.cli.options import Given, json_option, settings_options
from onlooker.cli.output import print_compact_json
from onlooker.settings.flags import Flags, RegistryFlags
from schemas.topics import TopicNames
from schemas.wire.confluent import ConfluentRegistry
from schemas.wire.registry import FileRegistry
from schemas.wire.releases import Comparison, KnownSchema, compare_registered, compare_released, known_schemas

as_json_option = json_option("For programs: JSON on stdout.")
prefix_option = click.option("--prefix", metavar="SITE", help="The site's prefix of all topics.")
path_option = click.Path(path_type=Path, dir_okay=False)


@click.group()
def schemas() -> None:
    """The schemas of the events: Avro, in Confluent wire format, on every topic."""


@schemas.command("list")
@settings_options()
@prefix_option
@as_json_option
def list_schemas(given: Given, prefix: str | None, as_json: bool) -> None:
    """Every schema that messages may carry: subject, id, version, digest, topic.

    The ids are those of the files; a registry gives its own.
    """
    known = known_schemas(FileRegistry(), _names(given.settings().kafka.topics, prefix))
    show = print_compact_json if as_json else _print_table
    show(known)


@schemas.command()
@settings_options()
@click.option("--registry", "url", metavar="URL", help="Also compare with this schema registry.")
@click.option(
    "--username", metavar="NAME", help="Who asks the registry; the password is in ONLOOKER_REGISTRY_PASSWORD."
)
@click.option("--password-file", type=path_option, help="A file with the registry's password.")
@click.option("--ca-file", type=path_option, help="Certificates that sign the registry's.")
@prefix_option
@as_json_option
def check(given: Given, prefix: str | None, as_json: bool, **registry: Any) -> None:
    """Compare the present schemas with every released version. Exit 1 if one is incompatible.

    A new version may only add fields with defaults: then old readers read new messages, and new readers old
    ones.

    \b
    Examples:
      onlooker schemas check
      onlooker schemas check --registry https://registry.example:8081 --username onlooker
    """
    flags = Flags(registry=RegistryFlags(**registry))
    settings = Given(config_path=given.config_path, flags=flags).settings("registry")
    found = compare_released(FileRegistry())
    if settings.registry.url is not None:
        found += compare_registered(
            ConfluentRegistry(settings.registry), _names(settings.kafka.topics, prefix)
        )
    broken = [comparison for comparison in found if comparison.problems]
    if as_json:
        shown = [msgspec.to_builtins(comparison) for comparison in found]
        click.echo(json.dumps({"compatible": not broken, "comparisons": shown}, indent=2))
    else:
        _tell(found, broken)
    if broken:
        sys.exit(1)


def _names(configured: TopicNames, prefix: str | None) -> TopicNames:
    if prefix is None:
        return configured
    try:
        return msgspec.convert({"prefix": prefix}, TopicNames)
    except msgspec.ValidationError:
        raise click.BadParameter("letters, digits, _ and - only, at most 64", param_hint="--prefix") from None


def _tell(found: Sequence[Comparison], broken: Sequence[Comparison]) -> None:
    for comparison in broken:
        for words in comparison.problems:
            click.echo(f"{comparison.record} and {comparison.against}: {words}", err=True)
    if not broken:
        click.echo(f"All {len(found)} versions are compatible with the present schemas.")


def _print_table(known: Sequence[KnownSchema]) -> None:
    """Aligned columns without a frame: names that are copied must not be folded."""
    rows = [("subject", "id", "version", "digest", "topic")]
    rows += [(each.subject, str(each.id), str(each.version), each.digest[:12], each.topic) for each in known]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
