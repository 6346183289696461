"""`onlooker replay`: a recording through the embedded core or back into Kafka."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onlooker.cli.options import Given, bootstrap_option, config_option, json_option, stands_option
from onlooker.cli.output import print_json
from schemas.topics import TOPICS

if TYPE_CHECKING:
    from onlooker.recordings.replayed import Replayed
    from onlooker.wiring.replay import ReplayRequest


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--topic",
    type=click.Choice(TOPICS),
    default="observations",
    show_default=True,
    help="What is replayed; plays come along with observations and frames.",
)
@stands_option
@click.option("--from", "since", metavar="TIME", help="Only event times from then on (UTC).")
@click.option("--until", metavar="TIME", help="Only event times before.")
@click.option(
    "--pace", default="fast", show_default=True, metavar="real|xN|fast", help="Real time, N times as fast."
)
@click.option("--loop", is_flag=True, help="Again and again, each round later in event time than the last.")
@click.option("--shift-to-now", is_flag=True, help="As if it happened now, under ids of its own.")
@click.option("--leave-open", is_flag=True, help="Do not end the stands' streams where the recording ends.")
@click.option("--to-kafka", is_flag=True, help="Into Kafka instead of the embedded core.")
@click.option("--prefix", help="Of the topics in Kafka; must differ from the site's own.")
@bootstrap_option
@click.option(
    "--data-dir", type=click.Path(path_type=Path), help="Store what is measured in a ClickHouse there."
)
@click.option("--no-clickhouse", is_flag=True, help="Store nothing; so it is without --data-dir.")
@click.option(
    "--expect",
    type=click.Path(path_type=Path, exists=True),
    help="Compare visits and windows with an earlier --output or a recording; exit 1 where they part.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write visits and windows there as JSON.",
)
@click.option("--gallery", type=click.Path(path_type=Path), help="Recognise its people in recorded frames.")
@config_option("A configuration (YAML) [the one that the recording was made with].", environment=False)
@click.option("--digest", "only_digest", is_flag=True, help="Print the digest of visits and windows only.")
@json_option("Print the summary as JSON.")
def replay(
    *,
    since: str | None,
    until: str | None,
    pace: str,
    config_path: Path | None,
    only_digest: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Replay a recording: measure it again, or send it to Kafka under a prefix of its own.

    From observations the facts are equal byte for byte, run after run, here and in the services; the digest
    says so. SIGUSR1 pauses, SIGUSR2 goes on; on a terminal the keys p and space do.

    \b
    Examples:
      onlooker replay yesterday --digest
      onlooker replay yesterday --config changed.yaml --expect facts.jsonl
      onlooker replay yesterday --stand door --from 2026-11-20T18:00 --until 2026-11-20T19:00 --data-dir seen
      onlooker replay yesterday --to-kafka --prefix trial --pace x10 --shift-to-now --loop
    """
    from onlooker.recordings.replayed import ReplayedHere, lines_of
    from onlooker.recordings.times import instant_us, speed_of
    from onlooker.wiring.replay import ReplayRequest

    if options.pop("no_clickhouse") and options["data_dir"] is not None:
        raise click.UsageError("say either --data-dir or --no-clickhouse, not both")
    if options["to_kafka"]:
        _refuse_for_kafka(options, only_digest)
    from_us, until_us = (None if each is None else instant_us(each) for each in (since, until))
    request = ReplayRequest(from_us=from_us, until_us=until_us, speed=speed_of(pace), **options)
    found = _replayed(config_path, request)
    if only_digest and isinstance(found, ReplayedHere):
        click.echo(found.digest)
    elif as_json:
        print_json(found)
    else:
        click.echo("\n".join(lines_of(found)))


def _replayed(config_path: Path | None, request: "ReplayRequest") -> "Replayed":
    from onlooker.settings.judgement import Needs
    from onlooker.settings.refusals import placed
    from onlooker.wiring.replay import execute_replay

    looks = request.topic == "frames"
    with placed(config_path):
        given = Given(config_path=config_path).settings(needs=Needs(models=looks, people=looks))
        return execute_replay(None if config_path is None else given, request)


def _refuse_for_kafka(options: dict[str, Any], only_digest: bool) -> None:
    asked = [f"--{name.replace('_', '-')}" for name in ("data_dir", "expect", "output") if options[name]]
    asked += ["--digest"] if only_digest else []
    if asked:
        raise click.UsageError(
            f"{asked[0]} is about what is measured here: with --to-kafka the services measure. Record their "
            "visits and campaign_windows, and compare with that."
        )
