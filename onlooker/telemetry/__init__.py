"""How services are watched: metrics, health by progress, structured logs without secrets."""

from onlooker.telemetry.pulse import Limits
from onlooker.telemetry.topic_kinds import KindMeter
from onlooker.telemetry.watch import Watch, telemetry

__all__ = ["KindMeter", "Limits", "Watch", "telemetry"]
