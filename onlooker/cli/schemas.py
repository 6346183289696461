"""`onlooker schemas`: list the schemas of the events, and check that they only ever gain."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from onlooker.settings.passwords import REGISTRY_PASSWORD
from onlooker.wiring.schemas import build_confluent
from schemas.topics import TopicNames
from schemas.wire.registry import FileRegistry, RegistryOptions
from schemas.wire.releases import Comparison, KnownSchema, compare_registered, compare_released, known_schemas

as_json_option = click.option("--json", "as_json", is_flag=True, help="For programs: JSON on stdout.")
prefix_option = click.option("--prefix", default="", metavar="SITE", help="The site's prefix of all topics.")
path_option = click.Path(path_type=Path, dir_okay=False)


@click.group()
def schemas() -> None:
    """The schemas of the events: Avro, in Confluent wire format, on every topic."""


@schemas.command("list")
@prefix_option
@as_json_option
def list_schemas(prefix: str, as_json: bool) -> None:
    """Every schema that messages may carry: subject, id, version, digest, topic.

    The ids are those of the files; a registry gives its own.
    """
    known = known_schemas(FileRegistry(), _names(prefix))
    if as_json:
        click.echo(msgspec.json.encode(known))
        return
    _print_table(known)


@schemas.command()
@click.option("--registry", "url", metavar="URL", help="Also compare with this schema registry.")
@click.option(
    "--username", metavar="NAME", help=f"Who asks the registry; the password is in {REGISTRY_PASSWORD}."
)
@click.option("--password-file", type=path_option, help="A file with the registry's password.")
@click.option("--ca-file", type=path_option, help="Certificates that sign the registry's.")
@prefix_option
@as_json_option
def check(
    url: str | None,
    username: str | None,
    password_file: Path | None,
    ca_file: Path | None,
    prefix: str,
    as_json: bool,
) -> None:
    """Compare the present schemas with every released version. Exit 1 if one is incompatible.

    A new version may only add fields with defaults: then old readers read new messages, and new readers old
    ones.

    \b
    Examples:
      onlooker schemas check
      onlooker schemas check --registry https://registry.example:8081 --username onlooker
    """
    found = compare_released(FileRegistry())
    if url is not None:
        options = RegistryOptions(url=url, username=username, password_file=password_file, ca_file=ca_file)
        found += compare_registered(build_confluent(options, os.environ), _names(prefix))
    broken = [comparison for comparison in found if comparison.problems]
    if as_json:
        shown = [msgspec.to_builtins(comparison) for comparison in found]
        click.echo(json.dumps({"compatible": not broken, "comparisons": shown}, indent=2))
    else:
        _tell(found, broken)
    if broken:
        sys.exit(1)


def _names(prefix: str) -> TopicNames:
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
