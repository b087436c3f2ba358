"""Sends job state changes to EventBridge."""

import json
import logging
import queue
import threading

from localstack.aws.connect import connect_to

from .job import Job

LOG = logging.getLogger(__name__)


class EventPublisher:
    """Sends events one after the other in a thread, so that they arrive in order and no caller waits."""

    def __init__(self) -> None:
        self._events: queue.Queue[tuple[str, str, str, str]] = queue.Queue()
        threading.Thread(target=self._put, name="batch-events", daemon=True).start()

    def publish(self, job: Job) -> None:
        """Queues the job's current state."""
        self._events.put((job.account, job.region, job.arn, json.dumps(job.describe())))

    def _put(self) -> None:
        while True:
            account, region, arn, detail = self._events.get()
            try:
                connect_to(aws_access_key_id=account, region_name=region).events.put_events(
                    Entries=[
                        {
                            "Source": "aws.batch",
                            "DetailType": "Batch Job State Change",
                            "Resources": [arn],
                            "Detail": detail,
                        }
                    ]
                )
            except Exception as error:
                # The job continues without its event.
                LOG.warning("an event of a job is lost: %s", error)
