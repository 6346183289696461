"""How many partitions, workers, brokers and ClickHouse servers so many stands need: arithmetic alone."""

from math import ceil

import msgspec

SECONDS_A_DAY = 86_400
TOPICS = 10


class Inputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was measured, and what a site is taken to be; docs/operations.md says where each comes from."""

    observe_frames_per_s: float
    """Frames a second that one core looks at."""
    measure_events_per_s: float
    """Observations a second that one MEASURE service handles."""
    publish_frames_per_s: float
    """Frames a second that one capture service hands to the brokers."""
    sink_rows_per_s: float
    """Rows a second that one sink writes from Kafka."""
    frame_bytes: float
    """One JPEG frame."""
    observation_bytes: float
    """One observation with key, headers and what Kafka adds."""
    row_bytes: float
    """One row on ClickHouse's disk, compressed, over all tables."""
    frames_per_s: float
    """Of one stand."""
    rows_per_stand_hour: float
    hours_per_day: float
    """In which a stand is on."""
    peak: float
    """Rows in the busiest minutes, as a multiple of the mean."""
    utilisation: float
    """Share of its measured speed that a process is planned for: the rest is for peaks and for deaths."""
    observe_cores: float
    """Cores of one OBSERVE service."""
    box_cores: float
    """A site whose OBSERVE needs no more cores runs on one machine: one broker, no copies, nothing spare."""
    replication: float
    frames_minutes: float
    """Retention of `frames`."""
    retention_days: float
    """Retention of all else."""
    broker_mb_per_s: float
    """What one broker may write, its share of the copies included, 10^6 bytes a second."""
    stands_per_site: float
    """Larger estates are cut into sites, each with brokers and a prefix of its own."""
    clickhouse_days: float
    """How long rows are kept."""
    shard_tb: float
    """What one ClickHouse server is planned to hold, 10^12 bytes."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What so many stands need; services, brokers and disks are those of one site."""

    stands: int
    sites: int
    site_stands: int
    frames_per_s: int
    frames_mb_per_s: float
    observe_workers: int
    observe_cores: int
    all_observe_cores: int
    """Of all sites."""
    measure_workers: int
    capture_services: int
    """If cameras reach few machines; boxes at the stands have one each."""
    sinks: int
    partitions: int
    """For life: twice the OBSERVE workers, in dozens."""
    brokers: int
    copies_per_broker: int
    """Copies of partitions: of eight topics and the two of checkpoints."""
    kafka_tb: float
    """All copies, 10^12 bytes."""
    rows_per_day: int
    """Of all sites."""
    clickhouse_gb_per_day: float
    """Of all sites, one copy, 10^9 bytes."""
    shards: int
    """Of all sites; each with two replicas where there is more than one machine."""


def plan_for(stands: int, given: Inputs) -> Plan:
    """What an estate of so many stands needs, by the arithmetic of docs/operations.md."""
    sites = ceil(stands / given.stands_per_site)
    here = ceil(stands / sites)
    frames = here * given.frames_per_s
    mb_per_s = frames * given.frame_bytes / 1e6
    cores = frames / (given.observe_frames_per_s * given.utilisation)
    workers = ceil(cores / given.observe_cores)
    rows_per_hour = stands * given.rows_per_stand_hour
    rows_per_day = rows_per_hour * given.hours_per_day
    disk = rows_per_day * given.row_bytes
    one_box = cores <= given.box_cores
    replication = 1 if one_box else given.replication
    partitions = 12 * ceil(2 * workers / 12)
    brokers = _brokers(mb_per_s * replication, given, replication)
    return Plan(
        stands=stands,
        sites=sites,
        site_stands=here,
        frames_per_s=round(frames),
        frames_mb_per_s=round(mb_per_s, 1),
        observe_workers=workers,
        observe_cores=ceil(cores),
        all_observe_cores=sites * ceil(cores),
        measure_workers=_enough(frames, given.measure_events_per_s, given, spare=not one_box),
        capture_services=_enough(frames, given.publish_frames_per_s, given),
        sinks=_enough(
            rows_per_hour * given.peak / 3600 / sites, given.sink_rows_per_s, given, spare=not one_box
        ),
        partitions=partitions,
        brokers=brokers,
        copies_per_broker=ceil(TOPICS * partitions * replication / brokers),
        kafka_tb=round(_kafka_bytes(frames, given) * replication / 1e12, 2),
        rows_per_day=round(rows_per_day),
        clickhouse_gb_per_day=round(disk / 1e9, 2),
        shards=ceil(disk * given.clickhouse_days / (given.shard_tb * 1e12)),
    )


def _enough(wanted: float, speed: float, given: Inputs, *, spare: bool = False) -> int:
    """Processes that carry a load, and one more that takes over when one dies."""
    return ceil(wanted / (speed * given.utilisation)) + int(spare)


def _brokers(written_mb_per_s: float, given: Inputs, replication: float) -> int:
    return max(round(replication), ceil(written_mb_per_s / (given.broker_mb_per_s * given.utilisation)))


def _kafka_bytes(frames_per_s: float, given: Inputs) -> float:
    """One copy of what the brokers keep at the end of a day: pictures of minutes, observations of days."""
    pictures = frames_per_s * given.frame_bytes * given.frames_minutes * 60
    open_s = given.retention_days * given.hours_per_day / 24 * SECONDS_A_DAY
    return pictures + frames_per_s * given.observation_bytes * open_s
