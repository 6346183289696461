"""The door to Faust: OBSERVE and MEASURE as agents over Kafka, with checkpoints of their own making."""

from processors.runtime.agents.plan import Bench, WorkPlan
from processors.runtime.agents.service import work

__all__ = ["Bench", "WorkPlan", "work"]
