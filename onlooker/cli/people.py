"""`onlooker people`: enrol, list and forget the people who asked to be recognised."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from onlooker.cli.options import Given, gathered, json_option, settings_options
from onlooker.cli.output import print_compact_json
from onlooker.foreground.progress import progress
from onlooker.foreground.terminal import Terminal
from onlooker.people.enrolment import EnrolmentReport
from onlooker.people.plan import read_plan
from onlooker.people.records import PersonRecord, checked_person_id
from onlooker.people.store import Damaged, open_or_create_store, open_store
from schemas.errors import CheckFailedError
from schemas.names import quoted
from schemas.units import US_PER_S

_json = json_option("Print JSON.")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says about the settings and the gallery."""

    given: Given
    gallery: Path | None
    site_key: Path | None

    def place(self) -> tuple[Path, Path | None]:
        """The gallery and its key: those of flags, else of the configuration, else the defaults."""
        people = self.given.settings().people
        return self.gallery or people.gallery or Path("gallery"), self.site_key or people.site_key


_options = gathered(
    "asked",
    Asked,
    given=settings_options(),
    gallery=click.option(
        "--gallery",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder of the gallery.  [default: gallery]",
    ),
    site_key=click.option(
        "--site-key",
        type=click.Path(path_type=Path, dir_okay=False),
        help="The key file that opens the gallery; by default site.key inside it.",
    ),
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def people() -> None:
    """Enrol, list and forget the people who asked to be recognised.

    Only templates are kept, sealed with a key for each person; see docs/privacy.md.
    """


@people.command()
@click.argument("path", type=click.Path(path_type=Path))
@_options
@click.option("--allow-duplicates", is_flag=True, help="Enrol people who look like another one (twins).")
@_json
def enrol(path: Path, asked: Asked, *, allow_duplicates: bool, as_json: bool) -> None:
    """Enrol people from PATH; who was enrolled before is replaced.

    PATH is a folder with one folder a person (PATH/Jane_Doe/1.jpg), or a .csv table with the columns
    person_id, path (relative to the table) and any labels. Every picture that is left out is named with
    the reason. Exit code 1 when nobody could be enrolled.

    \b
    Examples:
      onlooker people enrol photos/ --gallery gallery/
      onlooker people enrol members.csv --gallery gallery/ --json
    """
    from onlooker.settings.judgement import Needs
    from onlooker.wiring.people import build_enroller

    plan = read_plan(path)
    enroller = build_enroller(asked.given.settings(needs=Needs(models=True)))
    gallery, site_key = asked.place()
    store = open_or_create_store(gallery, site_key)
    total = sum(len(person.pictures) for person in plan.people)
    with progress("Enrolling", total=total, unit="pictures") as advance:
        report = enroller.enrol(plan, store, allow_duplicates=allow_duplicates, advance=advance)
    if as_json:
        print_compact_json(report.as_json())
    else:
        _print_report(report, gallery)
    if report.enrolled == 0:
        raise CheckFailedError("Nobody could be enrolled; the reasons are listed with each picture.")


@people.command("list")
@_options
@_json
def list_people(asked: Asked, as_json: bool) -> None:
    """List who is enrolled, with labels, number of pictures and dates."""
    gallery, site_key = asked.place()
    store = open_store(gallery, site_key)
    store.check_site_key()
    contents = store.contents()
    if as_json:
        people = [_as_json(person) for person in contents.people]
        print_compact_json({"people": people, "damaged": contents.damaged})
        return
    table = Table("person", "labels", "pictures", "enrolled", "last changed", box=SIMPLE_HEAD)
    for person in contents.people:
        labels = ", ".join(f"{name}={text}" for name, text in sorted(person.labels.items()))
        times = _instant(person.created_us)[:10], _instant(person.updated_us)[:10]
        table.add_row(person.person_id, labels, str(person.pictures), *times)
    Terminal().print(table)
    count = len(contents.people)
    click.echo(f"{count} {'person' if count == 1 else 'people'} in {quoted(gallery)}")
    _warn_of_damage(contents.damaged)


@people.command()
@click.argument("person_id", metavar="ID")
@_options
@_json
def forget(person_id: str, asked: Asked, as_json: bool) -> None:
    """Erase a person: the key first, so that no copy of the templates can be read any more."""
    person_id = checked_person_id(person_id)
    gallery, site_key = asked.place()
    store = open_store(gallery, site_key)
    forgotten = store.forget(person_id)
    if not forgotten:
        store.check_site_key()
    if as_json:
        print_compact_json({"person_id": person_id, "forgotten": forgotten})
    if not forgotten:
        raise CheckFailedError(
            f"Nobody called {person_id!r} is enrolled in {quoted(gallery)}. "
            f"`onlooker people list --gallery {quoted(gallery)}` shows who is."
        )
    if not as_json:
        click.echo(
            f"{person_id} is forgotten: the key was destroyed and the templates and labels erased from "
            f"{quoted(gallery)}. A running program forgets at its next start; visits already counted keep "
            "the id as a word, nothing by which a face could be recognised."
        )


def _print_report(report: EnrolmentReport, gallery: Path) -> None:
    console = Terminal()
    table = Table("person", "enrolled", "pictures", "remarks", box=SIMPLE_HEAD)
    for person in report.people:
        done = Text("yes") if person.enrolled else Text("no", style="red")
        table.add_row(person.person_id, done, f"{person.used} of {person.given}", person.detail)
    console.print(table)
    for picture in report.pictures:
        if picture.outcome != "used":
            words = f"{picture.path}: {picture.outcome.replace('_', ' ')}: {picture.detail}"
            console.say(words)
    for sentence in report.left_out:
        console.say(f"left out: {sentence}")
    click.echo(f"{report.enrolled} of {len(report.people)} people enrolled in {quoted(gallery)}")
    _warn_of_damage(report.damaged)


def _warn_of_damage(damaged: tuple[Damaged, ...]) -> None:
    for file in damaged:
        click.echo(file.sentence, err=True)


def _as_json(person: PersonRecord) -> dict[str, Any]:
    return {
        "person_id": person.person_id,
        "labels": person.labels,
        "pictures": person.pictures,
        "created": _instant(person.created_us),
        "updated": _instant(person.updated_us),
    }


def _instant(t_us: int) -> str:
    return datetime.fromtimestamp(t_us / US_PER_S, tz=UTC).isoformat()
