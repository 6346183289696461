"""The shape of the tables of `bench stream`."""

from rich.box import SIMPLE_HEAD
from rich.table import Table

from onlooker.lab.stream.figures import Latency


def plain_table(title: str) -> Table:
    """An empty table that fits 80 columns: no frame, a bold title.

    Args:
        title: above it.

    Returns:
        A table without columns.
    """
    return Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)


def latency_words(latency: Latency) -> tuple[str, str, str, str]:
    """Number of values and three percentiles; what is not known is a dash.

    Args:
        latency: to be shown.

    Returns:
        Cells of a row.
    """
    p50, p95, p99 = (_words(ms) for ms in (latency.p50_ms, latency.p95_ms, latency.p99_ms))
    return str(latency.count), p50, p95, p99


def _words(ms: float | None) -> str:
    return "-" if ms is None else f"{ms:,.0f}"
