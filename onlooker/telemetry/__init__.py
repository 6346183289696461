"""How services are watched: metrics, health by progress, structured logs without secrets."""

from onlooker.telemetry.pulse import Limits
from onlooker.telemetry.topic_kinds import KindMeter, KindPulse
from onlooker.telemetry.watch import Watch, telemetry

__all__ = ["KindMeter", "KindPulse", "Limits", "Watch", "telemetry"]
