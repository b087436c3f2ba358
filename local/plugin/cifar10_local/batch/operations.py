"""The scheduler and registry that the operations on all resources use."""

from typing import Any

from .registry import Registry
from .scheduler import Scheduler


class Operations:
    """Base of the operations on one kind of resource."""

    scheduler: Scheduler

    def registry(self, context: Any) -> Registry:
        """The resources of the caller's account and region."""
        return self.scheduler.registry(context.account_id, context.region)
