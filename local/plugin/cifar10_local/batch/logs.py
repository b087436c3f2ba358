"""Sends a job's output to CloudWatch Logs."""

import logging
import queue
import subprocess
import threading
import time
from typing import Any

from botocore.exceptions import ClientError

from .job import now_ms

LOG = logging.getLogger(__name__)
MAXIMUM_EVENT_BYTES = 262_000
MAXIMUM_BATCH_BYTES = 1_000_000
MAXIMUM_BATCH_EVENTS = 5_000
SECONDS_PER_BATCH = 0.5


def create_stream(client: Any, group: str, stream: str) -> None:
    """
    :raises ClientError: one of the names is not valid
    """
    try:
        client.create_log_group(logGroupName=group)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise
    client.create_log_stream(logGroupName=group, logStreamName=stream)


class LogPump:
    """Reads the lines that a process writes, and sends them to a log stream twice a second until it has ended."""

    def __init__(self, process: subprocess.Popen[bytes], client: Any, group: str, stream: str) -> None:
        self._process, self._client, self._group, self._stream = process, client, group, stream
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._read, name="batch-log-reader", daemon=True).start()
        self._writer = threading.Thread(target=self._write, name="batch-log-writer", daemon=True)
        self._writer.start()

    def finish(self, seconds: float) -> None:
        """Waits until the log holds all output, or the time is over."""
        self._writer.join(seconds)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in iter(lambda: output.readline(MAXIMUM_EVENT_BYTES), b""):
                # CloudWatch refuses an empty message.
                self._lines.put({"timestamp": now_ms(), "message": line.decode(errors="replace").rstrip("\r\n") or " "})
        self._lines.put(None)

    def _write(self) -> None:
        is_open = True
        while is_open:
            events, is_open = self._collect()
            if events:
                try:
                    self._client.put_log_events(logGroupName=self._group, logStreamName=self._stream, logEvents=events)
                except Exception as error:
                    # The job continues without this part of its log.
                    LOG.warning("output of a job is lost: %s", error)

    def _collect(self) -> tuple[list[dict[str, Any]], bool]:
        """Returns the lines of the next half second, and whether more can follow."""
        events: list[dict[str, Any]] = []
        size, until = 0, time.monotonic() + SECONDS_PER_BATCH
        while len(events) < MAXIMUM_BATCH_EVENTS and size < MAXIMUM_BATCH_BYTES - MAXIMUM_EVENT_BYTES:
            try:
                event = self._lines.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if event is None:
                return events, False
            events.append(event)
            size += len(event["message"]) + 26
        return events, True
