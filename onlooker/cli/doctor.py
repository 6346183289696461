"""`onlooker doctor`: what works on this machine and what does not, with the mend."""

import json
import os
import sys
from pathlib import Path

import click

from onlooker.cli.config import CONFIG_OPTION


@click.command()
@CONFIG_OPTION
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
def doctor(config_path: Path | None, as_json: bool) -> None:
    """Try everything Onlooker needs, really: models, decoding, ClickHouse, disk. Exit 1 if a check fails.

    With a configuration also the servers that it names: Kafka with its topics, ClickHouse by URL.

    \b
    Examples:
      onlooker doctor
      onlooker doctor --config onlooker.yaml
    """
    from onlooker.doctor.machine import examine, print_findings

    findings = examine(config_path, os.environ)
    if as_json:
        click.echo(json.dumps([finding.as_json() for finding in findings]))
    else:
        print_findings(findings)
    if not all(finding.good for finding in findings):
        sys.exit(1)
