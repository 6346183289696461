"""The bounds of events are those of the tables: the most extreme fact that can be read can be stored."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from schemas.bounds import LATEST_US, MOST
from schemas.events import Play, VisitEnded, WindowClosed
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry
from sinks.service.local import LocalSink
from sinks.store.clickhouse import ClickHouse
from sinks.store.embedded.server import EmbeddedServer
from sinks.store.migrate import migrate, released
from tests.event_samples import AUDIENCE, CAMPAIGN, EXPOSURE, PLAY, VISIT, WINDOW

pytestmark = [pytest.mark.clickhouse]
CODEC = AvroCodec(FileRegistry())
LONG_NAME = "é" * 128
LATEST = "2299-12-31 23:59:59.999999"


def stretched(value: Any) -> Any:
    """Every integer of a Struct at its upper bound, every name as long as it may be."""
    changes: dict[str, Any] = {}
    for field in msgspec.structs.fields(value):
        bounds = msgspec.inspect.type_info(field.type)
        if isinstance(bounds, msgspec.inspect.IntType) and bounds.le is not None:
            changes[field.name] = bounds.le
        elif field.name in ("stand_id", "campaign_id", "creative_id", "member_id"):
            changes[field.name] = LONG_NAME
    return msgspec.structs.replace(value, **changes)


def extreme_facts() -> tuple[Any, ...]:
    exposure = msgspec.structs.replace(
        stretched(EXPOSURE), expression_us=(MOST,) * 7, attention_by_second_us=((2**32 - 1) * 1000,) * 3
    )
    campaign, audience = stretched(CAMPAIGN), stretched(AUDIENCE)
    return (
        msgspec.structs.replace(stretched(PLAY), start_us=0),
        VisitEnded(visit=stretched(VISIT), exposures=(exposure,)),
        msgspec.structs.replace(stretched(WINDOW), start_us=0, campaigns=(campaign,), audience=(audience,)),
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    with EmbeddedServer(tmp_path_factory.mktemp("bounds") / "data") as running:
        client = ClickHouse(running.address())
        migrate(client, released())
        yield client


def test_the_most_extreme_facts_are_stored_as_they_are(store: ClickHouse) -> None:
    facts = extreme_facts()
    assert {type(fact) for fact in facts} == {Play, VisitEnded, WindowClosed}
    writer = LocalSink(store, run_id="bounds")
    for fact in facts:
        read = CODEC.decode(CODEC.encode(fact))
        assert read == fact
        writer.add(read)
    writer.flush()
    assert store.rows(
        "SELECT toString(started_at), toString(ended_at), duration_ms, stand_id FROM plays"
    ) == [("1970-01-01 00:00:00.000000", LATEST, LATEST_US // 1000, LONG_NAME)]
    assert store.rows("SELECT toString(started_at), presence_ms, looks, version FROM visits") == [
        (LATEST, MOST // 1000, 2**32 - 1, MOST)
    ]
    assert store.rows("SELECT attention_by_second_ms, expression_ms['sad'], member_id FROM exposures") == [
        ([2**32 - 1] * 3, MOST // 1000, LONG_NAME)
    ]
    assert store.rows("SELECT toString(window_end), observed_ms, version FROM windows") == [
        (LATEST, MOST // 1000, MOST)
    ]
    assert store.rows("SELECT plays, attention_ms FROM campaign_windows") == [(MOST, MOST // 1000)]
    assert store.rows("SELECT ots, presence_ms FROM audience_windows") == [(MOST, MOST // 1000)]
