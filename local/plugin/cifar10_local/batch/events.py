"""Sends job state changes to EventBridge."""

import functools
import json
import logging
import queue
import threading
from typing import Any

from localstack.aws.connect import connect_to
from localstack.services.events.models import events_stores
from localstack.utils.event_matcher import matches_event

from .job import Job, JobStatus

LOG = logging.getLogger(__name__)
SOURCE, DETAIL_TYPE = "aws.batch", "Batch Job State Change"
DELIVERY_SECONDS = 5


class EventPublisher:
    """Sends events one after the other in a thread, so that they arrive in order and no caller waits."""

    def __init__(self) -> None:
        self._events: queue.Queue[tuple[str, str, dict[str, Any]]] = queue.Queue()
        threading.Thread(target=self._put, name="batch-events", daemon=True).start()

    def publish(self, job: Job) -> None:
        """Queues the job's current state. Never fails."""
        try:
            if any(job.status in _statuses(pattern) for pattern in _patterns(job.account, job.region)):
                self._events.put((job.account, job.region, job.describe()))
        except Exception as error:
            # The job continues without its event.
            LOG.warning("an event of a job is lost: %s", error)

    def _put(self) -> None:
        while True:
            account, region, detail = self._events.get()
            try:
                if _is_awaited(account, region, detail):
                    self._send(account, region, detail)
            except Exception as error:
                LOG.warning("an event of a job is lost: %s", error)

    def _send(self, account: str, region: str, detail: dict[str, Any]) -> None:
        connect_to(aws_access_key_id=account, region_name=region).events.put_events(
            Entries=[
                {
                    "Source": SOURCE,
                    "DetailType": DETAIL_TYPE,
                    "Resources": [detail["jobArn"]],
                    "Detail": json.dumps(detail),
                }
            ]
        )
        # LocalStack delivers each event in a thread of its own, which a later event's could overtake.
        for thread in threading.enumerate():
            if thread.name.startswith("events-process-rules"):
                thread.join(DELIVERY_SECONDS)


def _patterns(account: str, region: str) -> list[str]:
    """The patterns of the bus's rules. LocalStack logs each event of a bus without rules; an array has thousands."""
    bus = events_stores[account][region].event_buses.get("default")
    return [rule.event_pattern for rule in list(bus.rules.values()) if rule.event_pattern] if bus else []


@functools.cache
def _statuses(pattern: str) -> frozenset[str]:
    """
    The states of jobs that a pattern may match. It decides without a description of the job: most rules await an end,
    and an array of 10,000 jobs begins with 20,000 events.
    """
    wanted = json.loads(pattern).get("detail", {}).get("status", [])
    # A filter such as `{"prefix": "FAIL"}` is for the rule engine.
    return frozenset(wanted if wanted and all(isinstance(each, str) for each in wanted) else JobStatus)


def _is_awaited(account: str, region: str, detail: dict[str, Any]) -> bool:
    event = {
        "source": SOURCE,
        "detail-type": DETAIL_TYPE,
        "account": account,
        "region": region,
        "resources": [detail["jobArn"]],
        "detail": detail,
    }
    return any(matches_event(pattern, event) for pattern in _patterns(account, region))
