"""A job for tests."""

from typing import Any

from .capacity import Resources
from .job import Job
from .retry import RetryStrategy


def example_job(job_id: str = "job-1", **changes: Any) -> Job:
    """A complete job with default values, and the given changes."""
    arn = "arn:aws:batch:us-east-1:000000000000"
    defaults: dict[str, Any] = {
        "job_id": job_id,
        "arn": f"{arn}:job/{job_id}",
        "name": "example",
        "region": "us-east-1",
        "account": "000000000000",
        "queue_arn": f"{arn}:job-queue/queue",
        "definition_arn": f"{arn}:job-definition/definition:3",
        "container": {"image": "example:1", "command": ["run"]},
        "resources": Resources(1, 128, 0),
        "parameters": {},
        "retry": RetryStrategy(),
        "timeout_seconds": None,
        "depends_on": [],
        "tags": {},
        "settings": {},
    }
    return Job(**(defaults | changes))


def example_array(job_id: str, size: int, **changes: Any) -> Job:
    """An array job with its children."""
    parent = example_job(job_id, **changes)
    same = {**changes, "parent": parent, "created_at": parent.created_at, "sequence": parent.sequence}
    parent.adopt([example_job(f"{job_id}:{index}", index=index, **same) for index in range(size)])
    return parent
