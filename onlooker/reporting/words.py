"""The words of the report: what each term means, and what the figures do not say."""

from datetime import datetime, timedelta

from onlooker.reporting.figures import CampaignReport
from onlooker.reporting.plain import number, percent

SHORT = timedelta(minutes=10)
"""Shorter periods are shown with seconds."""
CAVEAT = "People seen only from behind are not counted."
ESTIMATES = (
    "Age and gender are estimates of a model and can be wrong for single people; so are facial expressions."
)

TERMS = {
    "Visit": "one presence of one person at one stand",
    "OTS": "opportunities to see: distinct visits present during a play, looking or not",
    "Watchers": "of these, visits that looked at all",
    "Viewers 1 s, 2 s": "of these, visits that looked for at least 1 or 2 seconds in all",
    "Notice ratio": "watchers / OTS",
    "Attention": "time spent looking; a look ends when the head turns away or the eyes stay closed",
    "Dwell": "time a watcher spends inside the zone of the stand during plays",
    "Attraction ratio": "attention / dwell of the watchers",
    "Impressions": "visit x play with a presence of at least 1 s; duration-weighted: "
    "each counts presence / length of the play, at most 1",
    "Average unit audience": "OTS x notice ratio x min(1, mean dwell / creative length), after the DPAA",
    "Attention per mille": "seconds of attention per 1000 impressions",
    "Engaged": "visits with an engagement score of at least 50 (of 100) and attention of at least 2 s",
    "Expression": "share of looking time by facial expression",
    "Reaction": "pleasantness of the facial expression (-1 to 1) minus the visit's own before the play",
    "Retention": "of those who look in the first second, the share who look in a later second",
    "Members reached": "distinct customers who asked to be recognised and were",
}


def headline(report: CampaignReport) -> tuple[tuple[str, str, str], ...]:
    """The headline figures of a campaign: term, value, and a remark in a few words."""
    t = report.totals
    return (
        ("OTS", number(t.ots, 0), f"{_many(t.plays, 'play')} on {_many(t.stands, 'stand')}"),
        ("Watchers", number(t.watchers, 0), _share("notice ratio", t.notice_ratio)),
        ("Viewers 2 s", number(t.viewers_2s, 0), f"1 s: {number(t.viewers_1s, 0)}"),
        ("Attention", number(t.attention_s, 1, " s"), _known(t.mean_attention_s, 1, " s a watcher")),
        ("Mean dwell", number(t.mean_dwell_s, 1, " s"), _share("attraction ratio", t.attraction_ratio)),
        ("Impressions", number(t.impressions, 0), f"weighted {number(t.weighted_impressions, 1)}"),
        (
            "Average unit audience",
            number(t.average_unit_audience, 1),
            f"creative {number(t.creative_s, 1, ' s')}",
        ),
        ("Attention per mille", number(t.attention_per_mille_s, 0, " s"), "per 1000 impressions"),
        ("Engaged", number(t.engaged, 0), _known(t.engagement_mean, 0, " of 100 on average")),
        ("Members reached", number(t.reach, 0), _known(t.member_frequency, 1, " impressions each")),
    )


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _known(value: float | None, digits: int, words: str) -> str:
    return "" if value is None else number(value, digits, words)


def _share(words: str, value: float | None) -> str:
    return "" if value is None else f"{words} {percent(value)}"


def period(report: CampaignReport) -> str:
    """When the campaign was shown: for example `2026-03-02 09:00 to 18:30 UTC`."""
    return _span(report.totals.first_play_at, report.totals.last_play_at)


def _span(first: datetime, last: datetime) -> str:
    clock = "%H:%M" if last - first >= SHORT else "%H:%M:%S"
    end = clock if first.date() == last.date() else f"%Y-%m-%d {clock}"
    return f"{first.strftime(f'%Y-%m-%d {clock}')} to {last.strftime(end)} UTC"


def provenance(report: CampaignReport) -> str:
    """The versions of formulas and models that the figures were made with; where there are several, when."""
    if not report.metric_versions:
        return "Nobody was seen during its plays."
    metric = ", ".join(report.metric_versions)
    models = f"models {', '.join(report.model_versions) or 'none'}"
    if len(report.meanings) < 2:
        return f"metric version {metric}; {models}"
    spans = [f"{each.metric_version} {_span(each.first_at, each.last_at)}" for each in report.meanings]
    return (
        f"These figures add up what was measured with {len(spans)} different sets of thresholds: "
        f"metric version {'; '.join(spans)}. v_metric_versions says what each means; {models}"
    )
