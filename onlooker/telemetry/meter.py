"""Figures for Prometheus: one registry a service, names and labels from the tables of schemas.metrics."""

import contextlib
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from schemas.metrics import (
    COUNTERS,
    GAUGES,
    HISTOGRAMS,
    CounterName,
    GaugeName,
    HistogramName,
    Metric,
)

NAMESPACE = "onlooker"
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Fine around the 0.5 s within which a stand must be able to react; the last ones tell an outage's length."""
Child = TypeVar("Child", bound=MetricWrapperBase)
Name = TypeVar("Name", bound=str)


class PrometheusMeter:
    """Takes figures of one service and shows them in Prometheus' text."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._counters = self._families(Counter, COUNTERS)
        self._gauges = self._families(Gauge, GAUGES)
        self._histograms = self._families(partial(Histogram, buckets=BUCKETS_S), HISTOGRAMS)

    def count(self, name: CounterName, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        self._counters[name].child(labels).inc(amount)

    def gauge(self, name: GaugeName, value: float, **labels: str) -> None:
        """Say what a thing amounts to now; nan: it is shown no more."""
        if math.isnan(value) and labels:
            self._gauges[name].forget(labels)
        else:
            self._gauges[name].child(labels).set(value)

    def observe(self, name: HistogramName, value: float, **labels: str) -> None:
        """Add one value to a histogram."""
        self._histograms[name].child(labels).observe(value)

    def _families(
        self, kind: Callable[..., Child], table: Mapping[Name, Metric]
    ) -> dict[Name, "Family[Child]"]:
        made = partial(kind, namespace=NAMESPACE, registry=self.registry)
        return {
            name: Family(made(name, metric.meaning, metric.labels), metric.labels)
            for name, metric in table.items()
        }


class Family(Generic[Child]):
    """One metric and its series, found by the labels as they are written at the call.

    Args:
        metric: the library's metric; it refuses labels that are not its own.
        names: of its labels.
    """

    def __init__(self, metric: Child, names: tuple[str, ...]) -> None:
        self._metric = metric
        self._names = names
        self._children: dict[tuple[tuple[str, str], ...], Child] = {}

    def child(self, labels: Mapping[str, str]) -> Child:
        """The series of some labels.

        Raises:
            ValueError: the metric has other labels.
        """
        key = tuple(labels.items())
        found = self._children.get(key)
        if found is None:
            # A metric without labels is its own series; asked for labels it refuses them.
            found = self._metric.labels(**labels) if labels or self._names else self._metric
            self._children[key] = found
        return found

    def forget(self, labels: Mapping[str, str]) -> None:
        """Show a series no more, until it is touched again."""
        values = [labels[name] for name in self._names]
        self._children = {key: child for key, child in self._children.items() if dict(key) != dict(labels)}
        with contextlib.suppress(KeyError):
            self._metric.remove(*values)
