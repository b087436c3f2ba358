"""LocalStack's service `batch`: reads requests and passes them to the scheduler."""

from typing import Any

from localstack.aws.api.core import handler
from localstack.http import Request, Response
from localstack.services.plugins import ServiceLifecycleHook

from ..settings import settings
from .compute_environments import ComputeEnvironmentOperations
from .job import Json
from .job_definitions import JobDefinitionOperations
from .job_queues import JobQueueOperations
from .jobs import JobOperations
from .scheduler import Scheduler
from .scheduling_policies import SchedulingPolicyOperations
from .shapes import refuse

MAXIMUM_TAGS = 50


class BatchProvider(
    ComputeEnvironmentOperations,
    JobQueueOperations,
    JobDefinitionOperations,
    JobOperations,
    SchedulingPolicyOperations,
    ServiceLifecycleHook,
):
    """Keeps its state in memory only."""

    service = "batch"

    def __init__(self) -> None:
        self.scheduler = Scheduler(settings().batch_slots)

    def on_before_stop(self) -> None:
        self.scheduler.close()

    def handle_interrupt(self, _request: Request, job_id: str, **_: Any) -> Response:
        """POST /_cifar10/batch/jobs/<id>/interrupt: for tests, acts as if the job's Spot instance was reclaimed."""
        return Response(status=200 if self.scheduler.interrupt(job_id) else 404)

    @handler("TagResource", expand=False)
    def tag_resource(self, context: Any, request: Json) -> Json:
        with self.scheduler.lock:
            tags = self._tags(context, request)
            merged = tags | request["tags"]
            if len(merged) > MAXIMUM_TAGS:
                refuse(f"{request['resourceArn']} would have {len(merged)} tags, more than {MAXIMUM_TAGS}")
            tags.update(merged)
        return {}

    @handler("UntagResource", expand=False)
    def untag_resource(self, context: Any, request: Json) -> Json:
        with self.scheduler.lock:
            tags = self._tags(context, request)
            for key in request.get("tagKeys", []):
                tags.pop(key, None)
        return {}

    @handler("ListTagsForResource", expand=False)
    def list_tags_for_resource(self, context: Any, request: Json) -> Json:
        with self.scheduler.lock:
            return {"tags": dict(self._tags(context, request))}

    def _tags(self, context: Any, request: Json) -> dict[str, str]:
        registry = self.registry(context)
        kind, _, name = request["resourceArn"].split(":", 5)[-1].partition("/")
        match kind:
            case "job":
                job = registry.job(name)
                return job.tags if job.parent is None else refuse(f"{name} is a child of an array: it cannot be tagged")
            case "job-definition":
                item = registry.definition(name)
            case "job-queue":
                item = registry.queue(name)
            case "compute-environment":
                item = registry.environment(name)
            case "scheduling-policy":
                item = registry.policy(request["resourceArn"])
            case _:
                refuse(f"{request['resourceArn']} is not the ARN of a resource of Batch that has tags")
        tags: dict[str, str] = item.setdefault("tags", {})
        return tags
