"""Job state changes on their way to EventBridge."""

import json
import logging
import queue
import threading

from localstack.aws.connect import connect_to

from .job import Job

LOG = logging.getLogger(__name__)


class EventLine:
    """Puts events one after the other, so that they arrive in order and nobody waits for EventBridge."""

    def __init__(self) -> None:
        self._events: queue.Queue[tuple[str, str, str, str]] = queue.Queue()
        threading.Thread(target=self._put, name="batch-events", daemon=True).start()

    def tell(self, job: Job) -> None:
        """The job's state as it is now."""
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
                # The job goes on without its event.
                LOG.warning("a job's event is lost: %s", error)
