"""The charts of the page, by plotly."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import cycle

import plotly.graph_objects as go

from onlooker.reporting.figures import CampaignReport

INK = "#1f2933"
GRID = "#e4e7eb"
SMALL = {"size": 12, "color": "#616e7c"}
BLUE = "#2f6fde"
PALE_BLUE = "#b9d1f7"
COLOURS = (BLUE, "#e0803a", "#3a9d6b", "#9b5fc0", "#c2495b", "#5f7d95")
GENDERS = {"female": "#c2588a", "male": "#3f7fbf", "unknown": "#b3bcc5"}
HEIGHT_PX = 300
BAR_WIDTH_MS = 45_000
"""Of a minute in the course."""
FEW_MINUTES = 8
"""Up to this many, each has its tick."""


def charts(report: CampaignReport) -> tuple[tuple[str, str, go.Figure], ...]:
    """Title, one sentence on how to read it, chart; none of what there is nothing to show."""
    if report.totals.ots == 0:
        return ()
    found = [
        ("From being there to looking", "Distinct visits during the plays of the campaign.", _funnel(report)),
        ("Course", "Distinct visits in each minute, and those who looked.", _course(report)),
        ("Audience", "Distinct visits by estimated age and gender.", _audience(report)),
    ]
    if any(second.start_viewers for second in report.retention):
        words = "Of those who look in the first second, the share who look in second k."
        found.append(("Retention", words, _retention(report)))
    if report.totals.watchers:
        found.append(("Dwell", "How long the watchers stayed during plays.", _dwell(report)))
    if report.totals.expression_shares:
        words = "Share of the looking time in which an expression could be read."
        found.append(("Facial expression while looking", words, _expressions(report)))
    return tuple(found)


def _styled(figure: go.Figure, **layout: object) -> go.Figure:
    figure.update_layout(
        height=HEIGHT_PX,
        margin={"l": 8, "r": 12, "t": 8, "b": 8},
        font={"family": "system-ui, -apple-system, 'Segoe UI', sans-serif", "size": 13, "color": INK},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "y": 1.14, "x": 0, "title": None, "traceorder": "normal"},
        bargap=0.25,
        hoverlabel={"bgcolor": "white"},
    )
    axis = {
        "gridcolor": GRID,
        "zeroline": False,
        "automargin": True,
        "title_standoff": 8,
        "title_font": SMALL,
    }
    figure.update_layout(**layout)
    figure.update_xaxes(**axis, ticklabelstandoff=4)
    return figure.update_yaxes(**axis, ticklabelstandoff=6, rangemode="tozero")


def _funnel(report: CampaignReport) -> go.Figure:
    t = report.totals
    names = ["OTS", "Watchers", "Viewers 1 s", "Viewers 2 s", "Engaged"]
    values = [t.ots, t.watchers, t.viewers_1s, t.viewers_2s, t.engaged]
    bars = go.Bar(
        x=values,
        y=names,
        orientation="h",
        text=[f"{v:,}" for v in values],
        textposition="outside",
        cliponaxis=False,
        marker_color=[PALE_BLUE, *[BLUE] * 4],
        hovertemplate="%{y}: %{x}<extra></extra>",
    )
    figure = _styled(go.Figure(bars), yaxis={"autorange": "reversed", "showgrid": False})
    return figure.update_xaxes(**_whole(values))


def _course(report: CampaignReport) -> go.Figure:
    figure = go.Figure()
    minutes = [m.minute for m in report.minutes]
    looked = [m.watchers for m in report.minutes]
    passed = [m.ots - m.watchers for m in report.minutes]
    bars = {
        "x": minutes,
        "width": BAR_WIDTH_MS,
        "hovertemplate": "%{x|%H:%M}: %{y}<extra>%{fullData.name}</extra>",
    }
    figure.add_bar(y=looked, name="looked", marker_color=BLUE, **bars)
    figure.add_bar(y=passed, name="did not look", marker_color=PALE_BLUE, **bars)
    figure = _styled(figure, barmode="stack", xaxis_title="UTC", yaxis_title="visits", xaxis_showgrid=False)
    if len(minutes) <= FEW_MINUTES:
        margin = timedelta(minutes=FEW_MINUTES / 2)
        figure.update_xaxes(
            tickvals=minutes,
            tickformat="%H:%M",
            tickangle=0,
            range=[minutes[0] - margin, minutes[-1] + margin],
        )
    return figure.update_yaxes(**_whole([m.ots for m in report.minutes]))


def _retention(report: CampaignReport) -> go.Figure:
    figure = go.Figure()
    for creative, colour in zip(report.creatives, cycle(COLOURS), strict=False):
        curve = [
            r for r in report.retention if r.creative_id == creative.creative_id and r.retention is not None
        ]
        figure.add_scatter(
            x=[r.second for r in curve],
            y=[r.retention for r in curve],
            name=f"{creative.creative_id} ({curve[0].start_viewers if curve else 0} at the start)",
            mode="lines+markers",
            line={"color": colour, "width": 2.5, "dash": "solid" if figure.data == () else "dash"},
            marker={"size": 5},
            hovertemplate="second %{x}: %{y:.0%}<extra>%{fullData.name}</extra>",
        )
    figure = _styled(figure, showlegend=True, xaxis_title="second of the play")
    return figure.update_yaxes(range=[0, 1.05], tickformat=".0%")


def _dwell(report: CampaignReport) -> go.Figure:
    bars = go.Bar(
        x=[b.dwell for b in report.dwell],
        y=[b.watchers for b in report.dwell],
        text=[b.watchers for b in report.dwell],
        textposition="outside",
        cliponaxis=False,
        marker_color=BLUE,
        hovertemplate="%{x}: %{y} watchers<extra></extra>",
    )
    figure = _styled(go.Figure(bars), yaxis_title="watchers", xaxis_showgrid=False)
    return figure.update_yaxes(**_whole([b.watchers for b in report.dwell]))


def _audience(report: CampaignReport) -> go.Figure:
    figure = go.Figure()
    bands = sorted({s.age_band for s in report.audience})
    counts = {(s.age_band, s.gender): s.ots for s in report.audience}
    for gender, colour in GENDERS.items():
        values = [counts.get((band, gender), 0) for band in bands]
        tip = f"%{{x}}, {gender}: %{{y}}<extra></extra>"
        figure.add_bar(
            x=bands, y=values, name=gender, marker_color=colour, hovertemplate=tip, width=_slim(bands)
        )
    figure = _styled(figure, barmode="stack", yaxis_title="visits", showlegend=True)
    figure.update_yaxes(**_whole([sum(counts.get((band, g), 0) for g in GENDERS) for band in bands]))
    return figure.update_xaxes(type="category", title_text="estimated age, years", showgrid=False)


def _expressions(report: CampaignReport) -> go.Figure:
    shares = sorted(report.totals.expression_shares.items(), key=lambda item: item[1])
    values = [share for _, share in shares]
    bars = go.Bar(
        x=values,
        y=[name for name, _ in shares],
        orientation="h",
        width=_slim(values),
        text=[f"{share:.0%}" for share in values],
        textposition="outside",
        cliponaxis=False,
        marker_color="#3a9d6b",
        hovertemplate="%{y}: %{x:.1%}<extra></extra>",
    )
    figure = _styled(go.Figure(bars), yaxis={"showgrid": False})
    return figure.update_xaxes(tickformat=".0%", range=[0, max(values) * 1.12])


def _slim(places: Sequence[object]) -> float:
    """Width of a bar, in places: few bars must not fill the chart."""
    return min(0.75, 0.2 * len(places))


def _whole(values: Sequence[int]) -> dict[str, object]:
    """An axis of counts: whole numbers only, room for the text at the end of the longest bar."""
    top = max(values, default=0)
    axis: dict[str, object] = {"range": [0, max(1.0, top * 1.12)]}
    return {**axis, "dtick": 1} if top <= 5 else axis
