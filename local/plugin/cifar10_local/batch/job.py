"""A job and its attempts, and how DescribeJobs and ListJobs show them."""

import itertools
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .capacity import Resources
from .retry import RetryStrategy

type Json = dict[str, Any]

_count = itertools.count()


def now_ms() -> int:
    """Milliseconds since 1970, Batch's unit of time."""
    return int(time.time() * 1000)


class JobStatus(StrEnum):
    """The states of a job, in order."""

    SUBMITTED = "SUBMITTED"
    PENDING = "PENDING"
    RUNNABLE = "RUNNABLE"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"

    @property
    def is_final(self) -> bool:
        return self in (JobStatus.SUCCEEDED, JobStatus.FAILED)

    @property
    def has_process(self) -> bool:
        return self in (JobStatus.STARTING, JobStatus.RUNNING)


@dataclass(frozen=True)
class Dependency:
    """One entry of `dependsOn`."""

    job_id: str | None
    kind: str | None
    """None for the whole job, `N_TO_N` for the child with the same index, `SEQUENTIAL` for the child before."""

    @classmethod
    def read(cls, entry: Json) -> "Dependency":
        return cls(entry.get("jobId"), entry.get("type"))

    def describe(self) -> Json:
        return without_none({"jobId": self.job_id, "type": self.kind})


@dataclass
class Attempt:
    """One run of the job's command."""

    log_stream: str
    task_arn: str
    instance_arn: str
    started_at: int | None = None
    stopped_at: int | None = None
    exit_code: int | None = None
    reason: str | None = None
    """Why the container ended, if not by its exit code alone, such as `CannotPullContainerError: …`."""
    status_reason: str | None = None

    def describe_container(self) -> Json:
        return without_none(
            {
                "logStreamName": self.log_stream,
                "taskArn": self.task_arn,
                "containerInstanceArn": self.instance_arn,
                "exitCode": self.exit_code,
                "reason": self.reason,
                "networkInterfaces": [],
            }
        )

    def describe(self) -> Json:
        return without_none(
            {
                "container": self.describe_container(),
                "startedAt": self.started_at,
                "stoppedAt": self.stopped_at,
                "statusReason": self.status_reason,
            }
        )


@dataclass(frozen=True)
class Stop:
    """A request to end the running attempt."""

    reason: str
    may_retry: bool
    """True for a reclaimed Spot instance, False for a termination or a timeout."""


@dataclass
class Job:
    """A job. The scheduler's lock guards it; only waiting for `stop_requested` needs no lock."""

    job_id: str
    arn: str
    name: str
    region: str
    account: str
    queue_arn: str
    definition_arn: str
    container: Json
    """The definition's container properties, overridden by the submission's."""
    resources: Resources
    """The resources that the container requires."""
    parameters: dict[str, str]
    retry: RetryStrategy
    timeout_seconds: int | None
    depends_on: list[Dependency]
    tags: dict[str, str]
    settings: Json
    """Settings that are returned but have no effect: platform capabilities, priorities, propagation of tags."""

    parent: "Job | None" = None
    index: int | None = None
    children: list["Job"] = field(default_factory=list)
    child_states: Counter[JobStatus] = field(default_factory=Counter)
    """How many children are in each state."""

    sequence: int = field(default_factory=lambda: next(_count))
    """Orders jobs that were submitted in the same millisecond."""

    status: JobStatus = JobStatus.SUBMITTED
    status_reason: str | None = None
    created_at: int = field(default_factory=now_ms)
    started_at: int | None = None
    stopped_at: int | None = None
    attempts: list[Attempt] = field(default_factory=list)
    current: Attempt | None = None
    """The running attempt, or else the last one."""
    environment_name: str | None = None
    """The compute environment of the current attempt."""
    is_cancelled: bool = False
    is_terminated: bool = False
    stop: Stop | None = None
    stop_requested: threading.Event = field(default_factory=threading.Event)

    @property
    def queue_name(self) -> str:
        return name_of(self.queue_arn)

    def adopt(self, children: list["Job"]) -> None:
        """Makes the job an array."""
        self.children = children
        self.child_states = Counter(child.status for child in children)

    def request_stop(self, stop: Stop) -> None:
        self.stop = stop
        self.stop_requested.set()

    def clear_stop(self) -> None:
        self.stop = None
        self.stop_requested.clear()

    def describe(self) -> Json:
        """DescribeJobs's view of the job: a copy of all that changes."""
        container = {
            **self.container,
            "networkInterfaces": [],
            **(self.current.describe_container() if self.current else {}),
        }
        return without_none(
            {
                "jobArn": self.arn,
                "jobId": self.job_id,
                "jobName": self.name,
                "jobQueue": self.queue_arn,
                "jobDefinition": self.definition_arn,
                "status": str(self.status),
                "statusReason": self.status_reason,
                "createdAt": self.created_at,
                "startedAt": self.started_at,
                "stoppedAt": self.stopped_at,
                "attempts": [attempt.describe() for attempt in self.attempts],
                "retryStrategy": self.retry.describe(),
                "timeout": {"attemptDurationSeconds": self.timeout_seconds} if self.timeout_seconds else None,
                "dependsOn": [dependency.describe() for dependency in self.depends_on],
                "parameters": self.parameters,
                "container": container,
                "arrayProperties": self._describe_array(),
                "tags": dict(self.tags),
                "isCancelled": self.is_cancelled,
                "isTerminated": self.is_terminated,
                **self.settings,
            }
        )

    def summarize(self) -> Json:
        """ListJobs's view of the job."""
        whole = self.describe()
        shown = (
            "jobArn",
            "jobId",
            "jobName",
            "jobDefinition",
            "status",
            "statusReason",
            "createdAt",
            "startedAt",
            "stoppedAt",
            "arrayProperties",
        )
        container = {key: whole["container"][key] for key in ("exitCode", "reason") if key in whole["container"]}
        return {key: whole[key] for key in shown if key in whole} | {"container": container}

    def _describe_array(self) -> Json | None:
        if self.children:
            return {
                "size": len(self.children),
                "statusSummary": {str(status): self.child_states[status] for status in JobStatus},
            }
        return None if self.index is None else {"index": self.index}


def name_of(arn: str) -> str:
    """The name in an ARN, or the name itself: Batch accepts both everywhere."""
    return arn.rpartition("/")[2]


def without_none(values: Json) -> Json:
    """Omits values that are None, as AWS does."""
    return {key: value for key, value in values.items() if value is not None}
