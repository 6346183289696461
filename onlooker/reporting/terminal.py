"""The report in a terminal: figures with small bar charts."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from onlooker.reporting.figures import CampaignReport, Minute, RetentionSecond
from onlooker.reporting.plain import number, percent
from onlooker.reporting.words import CAVEAT, headline, period, provenance

BLOCKS = " ▁▂▃▄▅▆▇█"
BAR_CELLS = 24
GENDER_COLOURS = {"female": "magenta", "male": "cyan", "unknown": "bright_black"}
MOST_MINUTES = 60
WHOLE_SECONDS_FROM = 1000
"""Longer attention is shown without tenths, so that the table stays narrow."""


def bar(share: float, cells: int = BAR_CELLS) -> str:
    """A horizontal bar in eighths of a character: a share (0 to 1) of so many characters."""
    eighths = round(max(0.0, min(1.0, share)) * cells * 8)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def sparkline(values: Sequence[float], highest: float | None = None) -> str:
    """A row of small columns, a character a value (not negative); a full one is `highest`, or theirs."""
    top = highest or max(values, default=0.0)
    return "".join(BLOCKS[round(8 * min(1.0, value / top))] if top > 0 else BLOCKS[0] for value in values)


def render(report: CampaignReport) -> RenderableType:
    """One campaign for the terminal, as rich prints it."""
    blocks = [*_warnings(report), _headline(report), _creatives(report), *_charts(report), *_curves(report)]
    foot = Text(f"{CAVEAT}\n{provenance(report)}\n", style="dim")
    title = Text.assemble((report.totals.campaign_id, "bold"), f"  {period(report)}")
    return Group(Rule(title, align="left", style="bright_black"), Text(), *blocks, foot)


def _warnings(report: CampaignReport) -> Iterator[RenderableType]:
    for sentence in report.warnings:
        yield Text(f"{sentence}\n", style="yellow")


def _headline(report: CampaignReport) -> RenderableType:
    cells = [
        Text.assemble((term + "\n", "dim"), (value, "bold cyan"), f"\n{remark}\n")
        for term, value, remark in headline(report)
    ]
    return Columns(cells, equal=True, expand=True, padding=(0, 2))


def _creatives(report: CampaignReport) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("creative", overflow="fold", min_width=10)
    for name in ("plays", "OTS", "watchers", "2 s", "notice", "attention", "dwell", "engaged"):
        table.add_column(name, justify="right", no_wrap=True)
    for c in report.creatives:
        table.add_row(
            c.creative_id or "",
            *(number(value, 0) for value in (c.plays, c.ots, c.watchers, c.viewers_2s)),
            percent(c.notice_ratio),
            number(c.attention_s, int(c.attention_s < WHOLE_SECONDS_FROM), " s"),
            number(c.mean_dwell_s, 1, " s"),
            number(c.engaged, 0),
        )
    return Group(table, Text())


def _charts(report: CampaignReport) -> Iterator[RenderableType]:
    if report.totals.ots == 0:
        return
    yield _bars("Dwell of the watchers", [(b.dwell, b.watchers) for b in report.dwell])
    yield _audience(report)
    shares = sorted(report.totals.expression_shares.items(), key=lambda item: -item[1])
    if shares:
        yield _bars(
            "Facial expression while looking, %", [(name, round(100 * s)) for name, s in shares if s >= 0.005]
        )


def _audience(report: CampaignReport) -> RenderableType:
    table = Table(
        box=None, title="Audience: OTS by estimated age and gender", title_justify="left", padding=(0, 1)
    )
    table.title_style = "bold"
    table.add_column("", min_width=16)
    for gender, colour in GENDER_COLOURS.items():
        table.add_column(gender, justify="right", header_style=colour)
    table.add_column("", min_width=BAR_CELLS)
    counts = {(s.age_band, s.gender): s.ots for s in report.audience}
    bands = sorted({band for band, _ in counts})
    top = max((sum(counts.get((band, g), 0) for g in GENDER_COLOURS) for band in bands), default=1)
    for band in bands:
        row = [counts.get((band, gender), 0) for gender in GENDER_COLOURS]
        cells = zip(row, GENDER_COLOURS.values(), strict=True)
        line = Text.assemble(*((bar(count / top), colour) for count, colour in cells))
        table.add_row(band, *map(str, row), line)
    return Group(table, Text())


def _bars(title: str, values: Sequence[tuple[str, int]]) -> RenderableType:
    table = Table(
        box=None, show_header=False, title=title, title_justify="left", title_style="bold", padding=(0, 1)
    )
    table.add_column(min_width=16)
    table.add_column(justify="right", min_width=5)
    table.add_column(min_width=BAR_CELLS)
    top = max((value for _, value in values), default=0)
    for name, value in values:
        table.add_row(name, f"{value:,}", Text(bar(value / top if top else 0.0), style="cyan"))
    return Group(table, Text())


def _curves(report: CampaignReport) -> Iterator[RenderableType]:
    if report.totals.ots == 0:
        return
    lines = [Text("Retention: share of those looking at the start who look in second k", style="bold")]
    for creative in report.creatives:
        curve = [r for r in report.retention if r.creative_id == creative.creative_id]
        lines.append(_retention(creative.creative_id or "", curve))
    minutes = report.minutes[-MOST_MINUTES:]
    lines.append(Text())
    lines.append(Text("Course: OTS a minute with plays" + _last_words(report), style="bold"))
    top = max((m.ots for m in minutes), default=0)
    span = f"  {_span(minutes)} UTC, at most {top}" if minutes else ""
    lines.append(Text.assemble((sparkline([m.ots for m in minutes]), "cyan"), (span, "dim")))
    yield Group(*lines, Text())


def _span(minutes: Sequence[Minute]) -> str:
    first, last = (f"{minutes[place].minute:%H:%M}" for place in (0, -1))
    return first if len(minutes) == 1 else f"{first} to {last}"


def _last_words(report: CampaignReport) -> str:
    return f" (the last {MOST_MINUTES})" if len(report.minutes) > MOST_MINUTES else ""


def _retention(creative_id: str, curve: Sequence[RetentionSecond]) -> Text:
    if not curve or curve[0].retention is None:
        return Text.assemble(f"{creative_id:<20}", ("nobody looked at the start", "dim"))
    line = sparkline([second.retention or 0.0 for second in curve], highest=1.0)
    remark = f"  {curve[0].start_viewers} at the start, {percent(curve[-1].retention)} in the last second"
    return Text.assemble(f"{creative_id:<20}", (line, "cyan"), (remark, "dim"))
