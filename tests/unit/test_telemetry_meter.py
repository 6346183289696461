"""Figures for Prometheus: what is counted is shown, under its name, with its labels and no others."""

import pytest
from prometheus_client import generate_latest

from onlooker.telemetry.meter import PrometheusMeter
from onlooker.telemetry.topic_kinds import KindMeter
from schemas.metrics import COUNTERS, GAUGES, HISTOGRAMS
from schemas.topics import TopicNames


def shown(meter: PrometheusMeter) -> str:
    return generate_latest(meter.registry).decode()


def test_a_counter_adds_up_under_its_prefix_and_suffix() -> None:
    meter = PrometheusMeter()
    meter.count("rows_written", 3, table="visits")
    meter.count("rows_written", table="visits")
    assert 'onlooker_rows_written_total{table="visits"} 4.0' in shown(meter)


def test_labels_may_be_written_in_any_order() -> None:
    meter = PrometheusMeter()
    meter.count("dead_letters", topic="frames", cause="truncated")
    meter.count("dead_letters", cause="truncated", topic="frames")
    assert 'onlooker_dead_letters_total{cause="truncated",topic="frames"} 2.0' in shown(meter)


def test_a_histogram_has_buckets_around_half_a_second() -> None:
    meter = PrometheusMeter()
    meter.observe("latency_seconds", 0.4, topic="visits")
    assert 'onlooker_latency_seconds_bucket{le="0.3",topic="visits"} 0.0' in shown(meter)
    assert 'onlooker_latency_seconds_bucket{le="0.5",topic="visits"} 1.0' in shown(meter)


def test_a_wrong_label_is_refused() -> None:
    meter = PrometheusMeter()
    with pytest.raises(ValueError, match="label"):
        meter.count("rows_written", tabel="visits")
    with pytest.raises(ValueError, match="label"):
        meter.count("rows_written")
    with pytest.raises(ValueError, match="label"):
        meter.gauge("bytes_in_flight", 1, topic="frames")


def test_a_gauge_that_is_not_ours_any_more_disappears_and_may_come_back() -> None:
    meter = PrometheusMeter()
    meter.gauge("consumer_lag", 7, topic="visits", partition="0")
    meter.gauge("consumer_lag", 8, topic="visits", partition="1")
    meter.gauge("consumer_lag", float("nan"), topic="visits", partition="0")
    assert 'partition="0"' not in shown(meter)
    assert 'onlooker_consumer_lag{partition="1",topic="visits"} 8.0' in shown(meter)
    meter.gauge("consumer_lag", 9, topic="visits", partition="0")
    assert 'onlooker_consumer_lag{partition="0",topic="visits"} 9.0' in shown(meter)


def test_a_gauge_without_labels_that_disappears_may_come_back() -> None:
    meter = PrometheusMeter()
    meter.gauge("bytes_in_flight", 5)
    meter.gauge("bytes_in_flight", float("nan"))
    meter.gauge("bytes_in_flight", 6)
    assert "onlooker_bytes_in_flight 6.0" in shown(meter)


def test_the_process_is_shown_too() -> None:
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"):
        assert name in shown(PrometheusMeter())


def test_two_services_in_one_process_do_not_share_figures() -> None:
    one, other = PrometheusMeter(), PrometheusMeter()
    one.count("batches_written")
    assert "onlooker_batches_written_total 0.0" in shown(other)


def test_every_metric_of_the_tables_exists() -> None:
    meter = PrometheusMeter()
    for name, metric in COUNTERS.items():
        meter.count(name, 1, **dict.fromkeys(metric.labels, "x"))
    for gauge, metric in GAUGES.items():
        meter.gauge(gauge, 1, **dict.fromkeys(metric.labels, "x"))
    for histogram, metric in HISTOGRAMS.items():
        meter.observe(histogram, 1, **dict.fromkeys(metric.labels, "x"))
    page = shown(meter)
    assert all(f"onlooker_{name}" in page for name in [*COUNTERS, *GAUGES, *HISTOGRAMS])


def test_a_topic_is_shown_by_its_kind_whatever_the_site_calls_it() -> None:
    meter = PrometheusMeter()
    by_kind = KindMeter(meter, TopicNames(prefix="mall-7"))
    by_kind.count("messages_handled", 2, topic="mall-7.visits.v1")
    by_kind.count("messages_handled", 3, topic="visits")
    by_kind.gauge("consumer_lag", 4, topic="mall-7.plays.v1", partition="0")
    by_kind.observe("latency_seconds", 1, topic="another")
    by_kind.count("rows_written", 5, table="visits")
    page = shown(meter)
    assert 'onlooker_messages_handled_total{topic="visits"} 5.0' in page
    assert 'onlooker_consumer_lag{partition="0",topic="plays"} 4.0' in page
    assert 'onlooker_latency_seconds_count{topic="another"} 1.0' in page
    assert 'onlooker_rows_written_total{table="visits"} 5.0' in page
