"""`onlooker doctor`: what works on this machine and what does not, with the mend."""

import json
import sys

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
def doctor(as_json: bool) -> None:
    """Try everything Onlooker needs, really: models, decoding, ClickHouse, disk. Exit 1 if a check fails."""
    from onlooker.doctor import examine, print_findings

    findings = examine()
    if as_json:
        click.echo(json.dumps([finding.as_json() for finding in findings]))
    else:
        print_findings(findings)
    if not all(finding.good for finding in findings):
        sys.exit(1)
