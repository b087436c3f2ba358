"""ListJobs and GetJobQueueSnapshot: which jobs a request selects, and in which order."""

from .job import Job, JobStatus, Json, name_of, now_ms
from .paging import MAXIMUM, page
from .registry import Registry
from .retry import matches
from .shapes import refuse, show

MAXIMUM_WITHOUT_FILTER = 1000
FRONT_OF_QUEUE = 100
"""https://docs.aws.amazon.com/batch/latest/APIReference/API_GetJobQueueSnapshot.html"""
FILTERS = ("JOB_NAME", "JOB_DEFINITION", "BEFORE_CREATED_AT", "AFTER_CREATED_AT", "SHARE_IDENTIFIER")


def list_jobs(registry: Registry, request: Json) -> Json:
    """
    One page of jobs, the newest first, or of the children of an array.

    :raises CommonServiceException: AWS would not accept the request
    """
    filters = request.get("filters") or []
    if len(filters) > 1:
        refuse(f"Only one filter can be used at a time, not {len(filters)}")
    places = [name for name in ("jobQueue", "arrayJobId", "multiNodeJobId") if request.get(name)]
    if len(places) != 1:
        refuse(f"One of jobQueue, arrayJobId and multiNodeJobId must be given, not {' and '.join(places) or 'none'}")
    most = MAXIMUM if filters else MAXIMUM_WITHOUT_FILTER
    size = request.get("maxResults", most)
    if size < 1:
        refuse(f"maxResults must be at least 1, not {size}")
    jobs = sorted(_select(registry, request, *filters), key=_position)
    shown, token = page("ListJobs", jobs, _position, request, size=min(size, most))
    return {"jobSummaryList": [job.summarize() for job in shown]} | token


def front_of_queue(registry: Registry, queue: str) -> Json:
    """
    The first 100 RUNNABLE jobs of a queue, and children of arrays, in the order of their submission. When each of them
    came to its place is not known here.

    :raises CommonServiceException: the queue does not exist
    """
    arn = registry.queue(queue)["jobQueueArn"]
    waiting = [
        job
        for job in registry.jobs.values()
        if job.queue_arn == arn and job.status is JobStatus.RUNNABLE and not job.children
    ]
    waiting.sort(key=lambda job: (job.created_at, job.sequence, job.index or 0))
    return {"jobs": [{"jobArn": job.arn} for job in waiting[:FRONT_OF_QUEUE]], "lastUpdatedAt": now_ms()}


def _position(job: Job) -> list[int]:
    return [-job.created_at, -job.sequence, job.index or 0]


def _select(registry: Registry, request: Json, filter_: Json | None = None) -> list[Job]:
    """By default only running jobs, and with a filter those in any state. A filter does not apply to children."""
    status = request.get("jobStatus", JobStatus.RUNNING)
    if not request.get("jobQueue"):
        parent = registry.jobs.get(request.get("arrayJobId", ""))
        return [job for job in parent.children if job.status == status] if parent else []
    arn = registry.queue(request["jobQueue"])["jobQueueArn"]
    jobs = [job for job in registry.jobs.values() if job.queue_arn == arn and job.parent is None]
    if filter_ is None:
        return [job for job in jobs if job.status == status]
    name, values = _read_filter(filter_)
    if name == "SHARE_IDENTIFIER" and "jobStatus" in request:
        jobs = [job for job in jobs if job.status == status]
    return [job for job in jobs if _passes(job, name, values)]


def _read_filter(filter_: Json) -> tuple[str, list[str]]:
    name, values = filter_.get("name"), filter_.get("values") or []
    if name not in FILTERS:
        refuse(f"filters[0].name {show(name)} must be one of {' | '.join(FILTERS)}")
    if not values:
        refuse(f"filters[0].values must have an entry for {name}")
    if name.endswith("CREATED_AT"):
        for value in values:
            if not (value.isascii() and value.isdigit() and len(value) < 16):
                refuse(f"filters[0].values: {name} must be a time in milliseconds since 1970, not {show(value)}")
    return name, values


def _passes(job: Job, name: str, values: list[str]) -> bool:
    match name:
        case "JOB_NAME":
            return any(matches(value.lower(), job.name.lower()) for value in values)
        case "JOB_DEFINITION":
            revision = name_of(job.definition_arn)
            name_only = revision.partition(":")[0]
            wanted = [name_of(value) for value in values]
            return any(matches(value, revision if ":" in value else name_only) for value in wanted)
        case "BEFORE_CREATED_AT":
            return job.created_at < int(values[0])
        case "AFTER_CREATED_AT":
            return job.created_at > int(values[0])
    return job.settings.get("shareIdentifier") in values
