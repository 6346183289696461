"""`onlooker doctor`: what works on this machine and what does not, with the mend."""

import os
import sys
from pathlib import Path

import click

from onlooker.cli.options import config_option, json_option
from onlooker.cli.output import print_json


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
    show = print_json if as_json else print_findings
    show(findings)
    if not all(finding.good for finding in findings):
        sys.exit(1)
