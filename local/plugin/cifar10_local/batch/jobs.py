"""The operations on jobs."""

import threading
import uuid
from dataclasses import replace
from typing import Any

from localstack.aws.api.core import handler

from .capacity import required
from .containers import override
from .dependencies import read_dependencies
from .job import Job, Json, Stop, name_of, without_none
from .job_definitions import read_priority, read_retry_strategy, read_timeout
from .job_lists import front_of_queue, list_jobs
from .operations import Operations
from .paging import MAXIMUM
from .registry import Registry, check_name
from .scheduling_policies import check_share_identifier
from .shapes import refuse

MAXIMUM_ARRAY = 10_000
MAXIMUM_REASON = 1024


class JobOperations(Operations):
    @handler("SubmitJob", expand=False)
    def submit_job(self, context: Any, request: Json) -> Json:
        registry = self.registry(context)
        with self.scheduler.lock:
            job = _read_job(registry, request)
            self.scheduler.add(registry, job)
        return {"jobArn": job.arn, "jobName": job.name, "jobId": job.job_id}

    @handler("DescribeJobs", expand=False)
    def describe_jobs(self, context: Any, request: Json) -> Json:
        registry, references = self.registry(context), request["jobs"]
        if len(references) > MAXIMUM:
            refuse(f"jobs must have at most {MAXIMUM} entries, not {len(references)}")
        with self.scheduler.lock:
            found = [registry.jobs.get(name_of(reference)) for reference in dict.fromkeys(references)]
            return {"jobs": [job.describe() for job in found if job is not None]}

    @handler("ListJobs", expand=False)
    def list_jobs(self, context: Any, request: Json) -> Json:
        with self.scheduler.lock:
            return list_jobs(self.registry(context), request)

    @handler("GetJobQueueSnapshot", expand=False)
    def get_job_queue_snapshot(self, context: Any, request: Json) -> Json:
        with self.scheduler.lock:
            return {"frontOfQueue": front_of_queue(self.registry(context), request["jobQueue"])}

    @handler("CancelJob", expand=False)
    def cancel_job(self, context: Any, request: Json) -> Json:
        """Cancels a job that has not started."""
        return self._end(context, request, running=False)

    @handler("TerminateJob", expand=False)
    def terminate_job(self, context: Any, request: Json) -> Json:
        return self._end(context, request, running=True)

    def _end(self, context: Any, request: Json, *, running: bool) -> Json:
        job_id = request["jobId"] or refuse("jobId must not be empty")
        reason = request["reason"] or refuse("reason must not be empty")
        if len(reason) > MAXIMUM_REASON:
            refuse(f"reason must have at most {MAXIMUM_REASON} characters, not {len(reason)}")
        with self.scheduler.lock:
            # AWS ignores unknown jobs.
            if job := self.registry(context).jobs.get(job_id):
                self.scheduler.end(job, Stop(reason, may_retry=False), running=running)
        return {}


def _read_job(registry: Registry, request: Json) -> Job:
    name = check_name("jobName", request["jobName"])
    queue = registry.queue(request["jobQueue"])
    if queue["state"] != "ENABLED":
        refuse(f"Job Queue {queue['jobQueueArn']} is DISABLED")
    definition = registry.definition(request["jobDefinition"])
    if definition["status"] != "ACTIVE":
        refuse(f"JobDefinition {definition['jobDefinitionArn']} is not active")
    size = (request.get("arrayProperties") or {}).get("size")
    if size is not None and not 2 <= size <= MAXIMUM_ARRAY:
        refuse(f"arrayProperties.size must be between 2 and {MAXIMUM_ARRAY}, not {size}")
    _check_share(queue, request.get("shareIdentifier"))
    priority = read_priority("schedulingPriorityOverride", request)
    job_id = str(uuid.uuid4())
    returned = {
        "platformCapabilities": definition["platformCapabilities"],
        "propagateTags": request.get("propagateTags", definition.get("propagateTags", False)),
        "shareIdentifier": request.get("shareIdentifier"),
        "schedulingPriority": definition.get("schedulingPriority") if priority is None else priority,
    }
    container = override(definition["containerProperties"], request.get("containerOverrides") or {})
    job = Job(
        job_id=job_id,
        arn=registry.arn("job", job_id),
        name=name,
        region=registry.region,
        account=registry.account,
        queue_arn=queue["jobQueueArn"],
        definition_arn=definition["jobDefinitionArn"],
        container=container,
        resources=required(container),
        parameters={**definition["parameters"], **(request.get("parameters") or {})},
        retry=read_retry_strategy(request.get("retryStrategy") or definition.get("retryStrategy")),
        timeout_seconds=read_timeout(request.get("timeout") or definition.get("timeout")),
        depends_on=read_dependencies(registry, request.get("dependsOn") or [], size),
        tags=request.get("tags") or {},
        settings=without_none(returned),
    )
    if size is not None:
        job.adopt([_child(registry, job, index) for index in range(size)])
    return job


def _check_share(queue: Json, identifier: str | None) -> None:
    name = queue["jobQueueName"]
    if "schedulingPolicyArn" in queue:
        if identifier is None:
            refuse(f"shareIdentifier must be given, because job queue {name} has a fair-share scheduling policy")
        check_share_identifier(identifier, "shareIdentifier")
    elif identifier is not None:
        refuse(f"shareIdentifier {identifier} is given, but job queue {name} has no fair-share scheduling policy")


def _child(registry: Registry, parent: Job, index: int) -> Job:
    job_id = f"{parent.job_id}:{index}"
    return replace(
        parent,
        job_id=job_id,
        arn=registry.arn("job", job_id),
        tags=dict(parent.tags),
        parent=parent,
        index=index,
        children=[],
        attempts=[],
        stop_requested=threading.Event(),
    )
