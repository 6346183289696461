"""The door to Faust: stages as agents over Kafka, with checkpoints of their own making."""

from processors.runtime.agents.plan import Desk, WorkPlan
from processors.runtime.agents.service import work

__all__ = ["Desk", "WorkPlan", "work"]
