"""The operations on job queues."""

from typing import Any

from localstack.aws.api.core import handler

from .compute_environments import pick
from .job import Json, Stop
from .operations import Operations
from .registry import Registry, check_name, refuse


class JobQueueOperations(Operations):
    @handler("CreateJobQueue", expand=False)
    def create_job_queue(self, context: Any, request: Json) -> Json:
        registry = self.registry(context)
        name = check_name("jobQueueName", request.get("jobQueueName"))
        with self.scheduler.lock:
            if name in registry.queues:
                refuse("Object already exists")
            registry.queues[name] = {
                "state": "ENABLED",
                **request,
                "jobQueueArn": registry.arn("job-queue", name),
                "status": "VALID",
                "statusReason": "JobQueue Healthy",
                "computeEnvironmentOrder": _order(registry, request),
            }
            return _reference(registry.queues[name])

    @handler("UpdateJobQueue", expand=False)
    def update_job_queue(self, context: Any, request: Json) -> Json:
        registry = self.registry(context)
        with self.scheduler.lock:
            queue = registry.queue(request.get("jobQueue"))
            queue.update({key: request[key] for key in ("state", "priority", "schedulingPolicyArn") if key in request})
            if "computeEnvironmentOrder" in request:
                queue["computeEnvironmentOrder"] = _order(registry, request)
            self.scheduler.schedule()
            return _reference(queue)

    @handler("DeleteJobQueue", expand=False)
    def delete_job_queue(self, context: Any, request: Json) -> Json:
        """Ends the queue's jobs, as AWS does."""
        registry = self.registry(context)
        with self.scheduler.lock:
            queue = registry.queue(request.get("jobQueue"))
            if queue["state"] != "DISABLED":
                refuse("Cannot delete, found existing ENABLED job queue: disable it first")
            for job in registry.jobs.values():
                if job.queue_arn == queue["jobQueueArn"] and job.parent is None:
                    self.scheduler.end(job, Stop("Job queue deleted", may_retry=False), running=True)
            del registry.queues[queue["jobQueueName"]]
        return {}

    @handler("DescribeJobQueues", expand=False)
    def describe_job_queues(self, context: Any, request: Json) -> Json:
        with self.scheduler.lock:
            return {"jobQueues": pick(self.registry(context).queues, request.get("jobQueues"))}


def _reference(queue: Json) -> Json:
    return {key: queue[key] for key in ("jobQueueName", "jobQueueArn")}


def _order(registry: Registry, request: Json) -> list[Json]:
    """The order with ARNs instead of names; refused if an environment does not exist."""
    entries = request.get("computeEnvironmentOrder", [])
    arns = [registry.environment(entry.get("computeEnvironment"))["computeEnvironmentArn"] for entry in entries]
    return [{**entry, "computeEnvironment": arn} for entry, arn in zip(entries, arns, strict=True)]
