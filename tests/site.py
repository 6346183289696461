"""A site of two stands and three cameras, measured by way of Kafka and by an embedded run."""

from pathlib import Path
from typing import Any

import msgspec

from onlooker.models.cache import ModelCache
from onlooker.wiring import cache_dir
from schemas.broker import BrokerOptions
from sinks.store.address import Address
from tests.refused import Refused
from tests.services import Services

MEMBER = "loyal-customer"
CONFIG = """
data_dir: {folder}/{name}
kafka: {{bootstrap: "{bootstrap}", prefix: {prefix}}}
{database}
people: {{gallery: {folder}/gallery}}
stands:
  - stand_id: entrance
    cameras: [{{source: {woman}, start_at: 2026-03-02T10:00:00Z}}]
    playlist:
      slots:
        - {{campaign_id: spring-coats, creative_id: coat-in-rain, duration_s: 3}}
        - {{campaign_id: spring-coats, creative_id: coat-in-sun, duration_s: 4}}
  - stand_id: food-court
    cameras:
      - {{source: {man}, start_at: 2026-03-02T10:00:00Z, camera_id: left}}
      - {{source: {passer}, start_at: 2026-03-02T10:00:01Z, camera_id: right}}
    playlist:
      anchor: 2026-03-02T10:00:00Z
      slots: [{{campaign_id: fresh-coffee, creative_id: first-cup, duration_s: 2}}]
"""


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A site that has measured its recordings by way of Kafka."""

    folder: Path
    broker: BrokerOptions
    database: Address
    running: Services
    captured: dict[str, Any]
    refused: tuple[Refused, ...]
    """Messages with pictures in them that were sent besides, and set aside."""


def written(folder: Path, name: str, broker: BrokerOptions, database: str = "") -> Path:
    """A configuration of two stands with three cameras."""
    cache = ModelCache(cache_dir())
    path = folder / f"{name}.yaml"
    text = CONFIG.format(
        folder=folder,
        name=name,
        bootstrap=broker.bootstrap,
        prefix=broker.prefix,
        database=database,
        woman=cache.sample_path("WolfgangLanger_Pexels.mp4"),
        man=cache.sample_path("single_face.mp4"),
        passer=cache.sample_path("face_noface.mov"),
    )
    path.write_text(text, encoding="utf-8")
    return path


def url_of(address: Address) -> str:
    """The URL of a server, with its password."""
    place = f"{address.host}:{address.port}/{address.database}"
    return f"clickhouse://{address.user}:{address.password}@{place}"


def enrolled(folder: Path) -> Path:
    """A table of the one man who asked to be recognised, for `people enrol`."""
    still = ModelCache(cache_dir()).sample_path("single_face.jpg")
    table = folder / "people.csv"
    table.write_text(f"person_id,path,tier\n{MEMBER},{still},gold\n", encoding="utf-8")
    return table
