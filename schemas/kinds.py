"""The kinds of event: one value each, from which everything that is known of a kind elsewhere is derived."""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, Literal, get_args

import msgspec

from schemas.bounds import FRAME_BYTES, LETTER_BYTES
from schemas.consistency import check_span, check_visit
from schemas.events import (
    EXPRESSIONS,
    METRIC_VERSION,
    DeadLetter,
    Exposure,
    FaceObservations,
    FrameCaptured,
    Play,
    StreamEnded,
    VisitEnded,
    WindowClosed,
)
from schemas.tables import Table, always, table
from schemas.units import US_PER_MS

Topic = Literal[
    "frames",
    "observations",
    "plays",
    "purchases",
    "visits",
    "decisions",
    "campaign_windows",
    "dead_letters",
]
TOPICS: tuple[Topic, ...] = get_args(Topic)
UNKNOWN = "unknown"
"""Age band or gender of a segment whose people's age or gender could not be estimated."""
KIB = 1024


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one kind of event; of a fact, which becomes rows, also where it is kept."""

    event: type[Any]
    """Its Struct; its schema is the file in `schemas/avro` that is named after it."""
    topics: tuple[Topic, ...]
    """Those that carry it; the last one is where a stage writes it to."""
    stand_id: Callable[[Any], str] | None = attrgetter("stand_id")
    """The stand that an event is of; None: of none."""
    time_us: Callable[[Any], int] | None
    """The instant that an event speaks of, us UTC; None: of none."""
    check: Callable[[Any], None] | None = None
    """Refuses an event whose parts contradict each other (UndecodableError)."""
    max_bytes: int = FRAME_BYTES
    """A larger message is not read: it bounds what one may make of itself in memory."""
    recorded: Literal["always", "by grant", "never"] = "always"
    """Whether a recording may hold it: what has a picture needs leave, what may hide one is left out."""
    measured: bool = False
    """Whether MEASURE makes it: then a replay must make it again, to the byte, and a reprocessing may."""
    tables: tuple[Table, ...] = ()
    """Where a fact becomes rows; the last, the head, makes a version hold. None: it is no fact."""
    id: Callable[[Any], Any] | None = None
    """What makes a fact the same fact; in the head it is the first column."""
    version: Callable[[Any], int] | None = None
    """A higher one replaces a lower one as a whole; in the head the column `version`. None: always 1."""
    near: str | None = None
    """The column that the head is ordered by first, where a fact says it: written facts are found by it."""
    since: str | None = None
    """A column with an instant that the head is ordered by, likewise."""

    @property
    def head(self) -> Table:
        """The table with one row for each fact."""
        return self.tables[-1]


class Kinds:
    """The kinds there are, found by what they are asked for.

    Args:
        kinds: in the order in which tables are written.
    """

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self.all = tuple(kinds)
        self._by_event = {kind.event: kind for kind in self.all}
        self._by_name = {kind.event.__name__: kind for kind in self.all}
        self._on = {topic: tuple(kind for kind in self.all if topic in kind.topics) for topic in TOPICS}
        self.measured = self.topics(lambda kind: kind.measured)
        """The topics that MEASURE writes: what is equal when two runs measured the same."""
        self.pictured = tuple(
            topic for topic in TOPICS if any(kind.recorded == "by grant" for kind in self.on(topic))
        )
        """The topics that carry pictures."""

    def get(self, event: type[Any]) -> Kind | None:
        """The kind of a Struct; None: it does not travel."""
        return self._by_event.get(event)

    def of(self, event: type[Any]) -> Kind:
        """The kind of a Struct that travels."""
        return self._by_event[event]

    def named(self, name: str) -> Kind | None:
        """The kind with a Struct of this name; None: there is none."""
        return self._by_name.get(name)

    def on(self, topic: Topic) -> tuple[Kind, ...]:
        """The kinds that a topic carries."""
        return self._on[topic]

    def topics(self, suits: Callable[[Kind], Any]) -> tuple[Topic, ...]:
        """The topics that carry something, and nothing but kinds that suit."""
        return tuple(topic for topic in TOPICS if (found := self.on(topic)) and all(map(suits, found)))


def kinds() -> Kinds:
    """The kinds of this program: whoever asks for them asks here, when they are needed.

    Returns:
        Always the same; a test that tries one more puts other ones in their place.
    """
    return _KINDS


def _by_label(rows: Sequence[Exposure], facts: Sequence[VisitEnded]) -> list[dict[str, int]]:  # noqa: ARG001
    """Time by expression, ms; those never shown are left out, equal rows are made once."""
    labels = list(enumerate(EXPRESSIONS))
    found: dict[tuple[int, ...], dict[str, int]] = {}
    for row in dict.fromkeys(row.expression_us for row in rows):
        found[row] = {label: row[k] // US_PER_MS for k, label in labels if k < len(row) and row[k] > 0}
    return [found[row.expression_us] for row in rows]


_PERSON = "age_years gender member_id"
_WINDOW = "window_id stand_id window_start window_end version model_version metric_version"
_FIGURES = "ots watchers viewers_1s viewers_2s attention_ms dwell_ms engaged"
_BOUNDS = {"window_start": "start_us", "window_end": "end_us"}

_KINDS = Kinds(
    (
        Kind(event=FrameCaptured, topics=("frames",), time_us=attrgetter("t_us"), recorded="by grant"),
        Kind(
            event=FaceObservations,
            topics=("observations",),
            time_us=attrgetter("t_us"),
            max_bytes=1024 * KIB,
        ),
        Kind(event=StreamEnded, topics=("frames", "observations"), time_us=None, max_bytes=64 * KIB),
        Kind(
            event=Play,
            topics=("plays",),
            time_us=attrgetter("start_us"),
            check=check_span,
            max_bytes=64 * KIB,
            id=attrgetter("play_id"),
            near="campaign_id",
            since="started_at",
            tables=(
                table(
                    "plays",
                    Play,
                    "play_id stand_id campaign_id creative_id started_at ended_at duration_ms model_version "
                    "metric_version",
                    started_at="start_us",
                    ended_at="end_us",
                    duration_ms=lambda plays, _: [
                        (play.end_us - play.start_us) // US_PER_MS for play in plays
                    ],
                    model_version=always(""),
                    metric_version=always(METRIC_VERSION),
                ),
            ),
        ),
        Kind(
            event=VisitEnded,
            topics=("visits",),
            stand_id=attrgetter("visit.stand_id"),
            time_us=attrgetter("visit.ended_us"),
            check=check_visit,
            measured=True,
            id=attrgetter("visit.visit_id"),
            version=attrgetter("visit.version"),
            near="stand_id",
            tables=(
                table(
                    "exposures",
                    VisitEnded,
                    "exposure_id visit_id play_id stand_id campaign_id creative_id play_start play_end "
                    "started_at ended_at presence_ms dwell_ms attention_ms looks impression "
                    "impression_weight engagement engaged expression_ms valence valence_reaction "
                    f"attention_by_second_ms {_PERSON} model_version metric_version version",
                    part="exposures",
                    expression_ms=_by_label,
                    version=lambda _, facts: [fact.visit.version for fact in facts],
                ),
                table(
                    "visits",
                    VisitEnded,
                    "visit_id stand_id started_at ended_at presence_ms dwell_ms attention_ms looks "
                    "longest_look_ms time_to_first_look_ms engagement engaged expression valence "
                    f"{_PERSON} retracted version model_version metric_version",
                    part="visit",
                    retracted=lambda visits, _: [visit.presence_us == 0 for visit in visits],
                ),
            ),
        ),
        Kind(
            event=WindowClosed,
            topics=("campaign_windows",),
            time_us=attrgetter("end_us"),
            check=check_span,
            measured=True,
            id=attrgetter("window_id"),
            version=attrgetter("version"),
            near="stand_id",
            since="window_start",
            tables=(
                table(
                    "campaign_windows",
                    WindowClosed,
                    f"{_WINDOW} {_FIGURES} campaign_id creative_id plays impressions engagement_mean offers "
                    "redemptions revenue",
                    part="campaigns",
                    offers=always(None),
                    redemptions=always(None),
                    revenue=always(None),
                    **_BOUNDS,
                ),
                table(
                    "audience_windows",
                    WindowClosed,
                    f"{_WINDOW} {_FIGURES} age_band gender presence_ms",
                    part="audience",
                    age_band=lambda rows, _: [row.age_band or UNKNOWN for row in rows],
                    gender=lambda rows, _: [row.gender or UNKNOWN for row in rows],
                    **_BOUNDS,
                ),
                table("windows", WindowClosed, f"{_WINDOW} observed_ms", **_BOUNDS),
            ),
        ),
        Kind(
            event=DeadLetter,
            topics=("dead_letters",),
            stand_id=None,
            time_us=attrgetter("failed_us"),
            max_bytes=LETTER_BYTES,
            recorded="never",
            id=attrgetter("letter_id"),
            tables=(
                table(
                    "dead_letters",
                    DeadLetter,
                    "letter_id service cause detail topic partition offset failed_at key value",
                ),
            ),
        ),
    )
)
