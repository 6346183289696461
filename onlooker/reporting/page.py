"""The report as one page that works without a network."""

from collections.abc import Sequence
from html import escape
from importlib.resources import files

import plotly.io
from plotly.offline import get_plotlyjs

from onlooker.reporting.charts import charts
from onlooker.reporting.figures import CampaignReport, Figures
from onlooker.reporting.plain import number, percent
from onlooker.reporting.words import CAVEAT, ESTIMATES, TERMS, headline, period, provenance

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{style}</style><script>{script}</script></head>
<body><header><p class="brand">onlooker</p><h1>{title}</h1><p class="lead">{lead}</p></header>
<main>{campaigns}{terms}</main>
<footer><p>{caveat}</p><p>{estimates}</p></footer></body></html>
"""
CONFIG = {"displayModeBar": False, "responsive": True}
COLUMNS = (
    "Creative",
    "Plays",
    "OTS",
    "Watchers",
    "Viewers 2 s",
    "Notice ratio",
    "Attention",
    "Dwell",
    "Engaged",
    "Reaction",
)


def page(reports: Sequence[CampaignReport]) -> str:
    """HTML with all it needs inside, of at least one campaign."""
    names = [report.totals.campaign_id for report in reports]
    title = f"Campaign report: {names[0]}" if len(names) == 1 else "Campaign report"
    return PAGE.format(
        title=escape(title),
        lead=escape(_lead(reports)),
        style=files("onlooker.reporting").joinpath("page.css").read_text(encoding="utf-8"),
        script=get_plotlyjs(),
        campaigns="".join(_campaign(report) for report in reports),
        terms=_terms(),
        caveat=escape(CAVEAT),
        estimates=escape(ESTIMATES),
    )


def _lead(reports: Sequence[CampaignReport]) -> str:
    # Two campaigns may share stands: only within one are they counted.
    stands = reports[0].totals.stands
    one = f"one campaign on {stands} stand{'s' * (stands != 1)}"
    campaigns = one if len(reports) == 1 else f"{len(reports)} campaigns"
    return f"Who was there, who looked and for how long: {campaigns}. {CAVEAT}"


def _campaign(report: CampaignReport) -> str:
    tiles = "".join(
        f'<div class="tile"><p class="term">{escape(term)}</p><p class="value">{escape(value)}</p>'
        f'<p class="remark">{escape(remark)}</p></div>'
        for term, value, remark in headline(report)
    )
    drawn = "".join(
        f'<section class="chart"><h3>{escape(title)}</h3><p>{escape(words)}</p>'
        f"{plotly.io.to_html(figure, full_html=False, include_plotlyjs=False, config=CONFIG)}</section>"
        for title, words, figure in charts(report)
    )
    warnings = "".join(f'<p class="warning">{escape(sentence)}</p>' for sentence in report.warnings)
    return (
        f'<article><h2>{escape(report.totals.campaign_id)}</h2><p class="period">{escape(period(report))}</p>'
        f'{warnings}<div class="tiles">{tiles}</div><div class="scroll">{_creatives(report)}</div>'
        f'<div class="charts">{drawn}</div><p class="provenance">{escape(provenance(report))}</p></article>'
    )


def _creatives(report: CampaignReport) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in COLUMNS)
    rows = "".join(_creative(creative) for creative in report.creatives)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _creative(creative: Figures) -> str:
    reaction = creative.valence_reaction
    cells = (
        creative.creative_id or "",
        *(number(v, 0) for v in (creative.plays, creative.ots, creative.watchers, creative.viewers_2s)),
        percent(creative.notice_ratio),
        number(creative.attention_s, 1, " s"),
        number(creative.mean_dwell_s, 1, " s"),
        number(creative.engaged, 0),
        "n/a" if reaction is None else f"{reaction:+.2f}",
    )
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def _terms() -> str:
    items = "".join(f"<dt>{escape(term)}</dt><dd>{escape(words)}</dd>" for term, words in TERMS.items())
    return f'<article class="terms"><h2>What the terms mean</h2><dl>{items}</dl></article>'
