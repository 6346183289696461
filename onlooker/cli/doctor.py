"""`onlooker doctor`: what works on this machine and what does not, with the mend."""

import json
import os
import sys
from pathlib import Path

import click

from onlooker.cli.options import config_option, json_option


@click.command()
@config_option("The file; default: none.")
@json_option("JSON instead of a table.")
def doctor(config_path: Path | None, as_json: bool) -> None:
    """Try everything Onlooker needs, really: models, decoding, ClickHouse, disk. Exit 1 if a check fails.

    Also the servers that the configuration or ONLOOKER_CLICKHOUSE_URL names: Kafka with its topics,
    ClickHouse by URL.

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
