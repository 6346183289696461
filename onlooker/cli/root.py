"""The root of the command line: verbs loaded when called, trouble turned into a sentence and an exit code."""

import errno
import importlib
import io
from typing import NoReturn

import click

from onlooker.foreground.leaving import leave
from onlooker.foreground.streams import drained_streams, opened_streams
from schemas.errors import OnlookerError
from schemas.files import trouble_of
from schemas.names import visible

VERBS = {
    "demo": ("onlooker.cli.demo", "the pipeline on its own sample footage, embedded"),
    "run": ("onlooker.cli.run", "cameras to ClickHouse in one process"),
    "analyze": ("onlooker.cli.analyze", "pictures and videos to one JSON line a picture or frame"),
    "capture": ("onlooker.cli.capture", "service: cameras to Kafka"),
    "work": ("onlooker.cli.work", "service: frames to observations, observations to facts"),
    "sink": ("onlooker.cli.sink", "service: facts from Kafka to ClickHouse"),
    "rebind": ("onlooker.cli.rebind", "give the sinks' group to another database, or a restored one"),
    "record": ("onlooker.cli.record", "topics of Kafka into a recording"),
    "recording": ("onlooker.cli.recording", "show, verify and expire recordings"),
    "replay": ("onlooker.cli.replay", "a recording through the embedded core or back into Kafka"),
    "topics": ("onlooker.cli.topics", "create or check the topics"),
    "dead-letters": ("onlooker.cli.dead_letters", "list, show and replay messages that were set aside"),
    "schemas": ("onlooker.cli.schemas", "list and check the schemas of the events"),
    "people": ("onlooker.cli.people", "enrol, list and forget the people who asked to be recognised"),
    "query": ("onlooker.cli.query", "ask ClickHouse in SQL"),
    "report": ("onlooker.cli.report", "the campaign report as table, HTML page or JSON"),
    "reprocess": ("onlooker.cli.reprocess", "recompute a recording beside the live figures, compare, switch"),
    "models": ("onlooker.cli.models", "list, prepare and verify the neural networks"),
    "migrate": ("onlooker.cli.migrate", "create or update the tables"),
    "config": ("onlooker.cli.config", "show or check a configuration"),
    "doctor": ("onlooker.cli.doctor", "what works here and what does not"),
    "bench": ("onlooker.cli.bench", "benchmarks, next to their floor in the same run"),
}
"""Verb: module that holds a click command of the same name, one line of help."""


class LazyVerbs(click.Group):
    """A group that imports a verb's module when the verb is called: `--help` stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order in which a newcomer meets them."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a verb, None when there is no such verb."""
        del ctx
        if cmd_name not in VERBS:
            return None
        command = getattr(importlib.import_module(VERBS[cmd_name][0]), cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of verbs without importing any."""
        del ctx
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, words) for verb, (_, words) in VERBS.items()])


# The streams show control characters: click must not leave them out, or a told name is another one.
@click.command(cls=LazyVerbs, context_settings={"help_option_names": ["-h", "--help"], "color": True})
@click.version_option(package_name="onlooker", prog_name="onlooker")
def root() -> None:
    """Measure who looks at an advertising stand, and what it was worth.

    \b
    Begin with:
      onlooker demo                      real footage to campaign figures, in a minute
      onlooker analyze face.jpg          what is seen in one picture, as JSON
      onlooker run --source walk.mp4     your own footage into ./onlooker-data
      onlooker report                    what it was worth

    Exit codes: 0 done, 1 a check failed, 2 wrong usage or configuration, 3 a dependency is away,
    4 stopped by a limit.
    """


def main() -> NoReturn:
    """Run the command line and leave with the right exit code."""
    opened_streams()
    code = _ended()
    try:
        drained_streams()
    except OSError as error:
        code = code or _told(error)  # said before, where the command itself has met it
    leave(code if isinstance(code, int) else 0)


def _ended() -> object:
    """What the command line returns, or the exit code of the trouble that ended it."""
    try:
        return root.main(prog_name="onlooker", standalone_mode=False)
    except SystemExit as end:
        # click ends with 1 where the reader of our output has gone (`| head`); that one had what it wanted.
        gone = isinstance(end.__context__, OSError) and end.__context__.errno == errno.EPIPE
        return 0 if gone else end.code
    except click.ClickException as error:
        click.echo(visible(_usage_of(error)), err=True)
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("onlooker: interrupted", err=True)
        return 130
    except OnlookerError as error:
        click.echo(visible(f"onlooker: {error}"), err=True)
        return error.exit_code
    except OSError as error:
        return _told(error)


def _told(error: OSError) -> int:
    """Trouble with a file has its words; all other trouble of the system is a bug and shows itself."""
    trouble = trouble_of(error)
    if trouble is None:
        raise error
    click.echo(visible(f"onlooker: {trouble}"), err=True)
    return trouble.exit_code


def _usage_of(error: click.ClickException) -> str:
    """What click says of wrong usage."""
    said = io.StringIO()
    error.show(said)
    return said.getvalue().rstrip("\n")
