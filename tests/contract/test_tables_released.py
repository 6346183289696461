"""Released migrations are frozen, and the columns that others rely on exist."""

import re

import pytest

from processors.measure.visits import AGE_BANDS
from sinks.store.migrate import released
from tests.release import LOCK

PROMISED = {
    "campaign_windows": "window_start window_end stand_id campaign_id creative_id ots watchers "
    "viewers_1s viewers_2s impressions attention_ms dwell_ms engaged engagement_mean offers redemptions "
    "revenue version",
    "visits": "visit_id stand_id started_at ended_at dwell_ms attention_ms looks engagement engaged "
    "expression age_years gender member_id",
    "exposures": "exposure_id visit_id play_id stand_id campaign_id creative_id presence_ms attention_ms "
    "engaged",
    "plays": "play_id stand_id campaign_id creative_id started_at ended_at",
    "decisions": "decision_id stand_id visit_id offer_id campaign_id kind decided_at",
    "purchases": "purchase_id purchased_at amount currency coupon member_id visit_id",
    "audience_windows": "window_start window_end stand_id age_band gender ots watchers",
}
ORIGIN = "_topic _partition _offset _inserted_at model_version metric_version"
REPORTS = (
    "v_campaign_report v_campaign_totals v_campaign_minutes v_creative_retention "
    "v_audience v_dwell_buckets v_stand_report v_metric_versions"
)


def columns(kind: str, name: str) -> dict[str, str]:
    """Column to the rest of its line."""
    sql = "\n".join(migration.sql for migration in released())
    body = sql.split(f"CREATE {kind} {name}\n(\n", 1)[1].split("\n)\n", 1)[0]
    return dict(line.strip().split(" ", 1) for line in body.splitlines())


def test_a_released_migration_is_never_edited() -> None:
    assert {str(m.number): m.sha256 for m in released()} == LOCK["migrations"]


@pytest.mark.parametrize("table", PROMISED)
def test_promised_columns_exist_in_table_and_view(table: str) -> None:
    promised = {*PROMISED[table].split(), *ORIGIN.split()}
    assert promised <= set(columns("TABLE", table))
    assert promised <= set(columns("VIEW", f"v_{table}"))


@pytest.mark.parametrize("table", [*PROMISED, "windows"])
def test_types_follow_the_units(table: str) -> None:
    for name, rest in columns("TABLE", table).items():
        if name.endswith("_at") or name in ("window_start", "window_end", "play_start", "play_end"):
            assert rest.startswith("DateTime64(6, 'UTC')"), name
        if name.endswith("_ms") and name not in ("expression_ms", "attention_by_second_ms"):
            assert re.match(r"(Nullable\()?UInt64", rest), name
        if name.endswith("_id"):
            assert re.match(r"UUID|Nullable\(UUID\)|LowCardinality", rest), name


@pytest.mark.parametrize("table", [*PROMISED, "windows"])
def test_tables_de_duplicate_by_token(table: str) -> None:
    body = released()[0].sql.split(f"CREATE TABLE {table}\n", 1)[1].split(";\n", 1)[0]
    assert "ENGINE = ReplacingMergeTree" in body
    assert "non_replicated_deduplication_window = 10000" in body


@pytest.mark.parametrize("view", [*(f"v_{table}" for table in [*PROMISED, "windows"]), *REPORTS.split()])
def test_every_column_of_a_view_has_a_comment(view: str) -> None:
    for name, rest in columns("VIEW", view).items():
        assert re.search(r"COMMENT '.+'", rest), name


def test_age_bands_of_the_report_are_those_of_the_windows() -> None:
    sql = released()[2].sql
    found = re.search(r"multiIf\(age IS NULL, 'unknown', (.*?), '65\+'\)", sql, re.DOTALL)
    assert found is not None
    bands = re.findall(r"age < (\d+), '([\d-]+)'", found[1])
    assert tuple((int(limit), name) for limit, name in bands) == AGE_BANDS


def test_no_view_decides_again_who_is_engaged() -> None:
    statements = "\n".join(re.sub(r"COMMENT '(?:[^']|'')*'", "", migration.sql) for migration in released())
    assert "max(engaged) AS is_engaged" in statements
    assert not re.search(r"engagement\b[^,\n]*[<>]", statements)
