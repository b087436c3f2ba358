import pytest
from localstack.aws.api import CommonServiceException

from .example_job import example_array, example_job
from .job import Job, JobStatus, Json
from .job_lists import front_of_queue, list_jobs
from .registry import Registry

ARN = "arn:aws:batch:us-east-1:000000000000"


@pytest.fixture
def registry() -> Registry:
    jobs: list[Job] = [
        example_job("oldest", name="Train-a", created_at=1, status=JobStatus.SUCCEEDED),
        example_job("running", name="train-b", created_at=2, status=JobStatus.RUNNING),
        example_job("newest", name="evaluate", created_at=2, definition_arn=f"{ARN}:job-definition/other:1"),
        example_array("array", 3, created_at=3, name="sweep", status=JobStatus.PENDING),
    ]
    jobs[3].children[1].status = JobStatus.RUNNING
    found = Registry("000000000000", "us-east-1", jobs={job.job_id: job for job in [*jobs, *jobs[3].children]})
    found.queues["queue"] = {"jobQueueArn": f"{ARN}:job-queue/queue"}
    return found


def ids(registry: Registry, **request: object) -> list[str]:
    return [job["jobId"] for job in list_jobs(registry, request)["jobSummaryList"]]


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("JOB_NAME", "train-A", ["oldest"]),
        ("JOB_NAME", "TRAIN*", ["running", "oldest"]),
        ("JOB_NAME", "train-[ab]", []),
        ("JOB_NAME", "*", ["array", "newest", "running", "oldest"]),
        ("JOB_DEFINITION", "definition", ["array", "running", "oldest"]),
        ("JOB_DEFINITION", "definition:2", []),
        ("JOB_DEFINITION", f"{ARN}:job-definition/other:1", ["newest"]),
        ("JOB_DEFINITION", "oth*", ["newest"]),
        ("BEFORE_CREATED_AT", "2", ["oldest"]),
        ("AFTER_CREATED_AT", "2", ["array"]),
        ("SHARE_IDENTIFIER", "vision", []),
    ],
)
def test_a_filter_finds_jobs_in_any_state_the_newest_first(
    registry: Registry, name: str, value: str, found: list[str]
) -> None:
    filters = [{"name": name, "values": [value]}]
    assert ids(registry, jobQueue="queue", filters=filters, jobStatus="FAILED") == ([] if "SHARE" in name else found)


def test_without_a_state_only_running_jobs_are_listed(registry: Registry) -> None:
    assert ids(registry, jobQueue="queue") == ["running"]
    assert ids(registry, arrayJobId="array") == ["array:1"]
    assert ids(registry, jobQueue="queue", jobStatus="PENDING") == ["array"]
    assert ids(registry, arrayJobId="array", jobStatus="PENDING") == ["array:0", "array:2"]
    assert ids(registry, arrayJobId="no-such-job") == []


def test_the_front_of_a_queue_is_its_first_100_runnable_jobs_by_submission(registry: Registry) -> None:
    array = example_array("many", 120, created_at=5, status=JobStatus.PENDING)
    for child in array.children:
        child.status = JobStatus.RUNNABLE
    waiting = [
        example_job("later", created_at=9, status=JobStatus.RUNNABLE),
        example_job("elsewhere", created_at=1, status=JobStatus.RUNNABLE, queue_arn=f"{ARN}:job-queue/other"),
        example_job("first", created_at=4, status=JobStatus.RUNNABLE),
    ]
    registry.jobs.update({job.job_id: job for job in [array, *array.children, *waiting]})
    front = front_of_queue(registry, "queue")
    found = [each["jobArn"].removeprefix(f"{ARN}:job/") for each in front["jobs"]]
    assert found == ["first", *(f"many:{index}" for index in range(99))]
    with pytest.raises(CommonServiceException):
        front_of_queue(registry, "no-such-queue")


def test_pages_hold_every_job_once(registry: Registry) -> None:
    request: Json = {"jobQueue": "queue", "filters": [{"name": "JOB_NAME", "values": ["*"]}], "maxResults": 3}
    first = list_jobs(registry, request)
    second = list_jobs(registry, request | {"nextToken": first["nextToken"]})
    listed = [job["jobId"] for job in [*first["jobSummaryList"], *second["jobSummaryList"]]]
    assert listed == ["array", "newest", "running", "oldest"]
    assert "nextToken" not in second


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"jobQueue": "queue", "arrayJobId": "array"},
        {"jobQueue": "other"},
        {"jobQueue": "queue", "maxResults": 0},
        {"jobQueue": "queue", "filters": [{"name": "AFTER_CREATED_AT", "values": ["1.5"]}]},
        {"jobQueue": "queue", "filters": [{"name": "AFTER_CREATED_AT", "values": ["-1"]}]},
        {"jobQueue": "queue", "filters": [{"name": "AFTER_CREATED_AT", "values": ["1", "now"]}]},
        {"jobQueue": "queue", "filters": [{"name": "job_name", "values": ["a"]}]},
        {"jobQueue": "queue", "filters": [{"values": ["a"]}]},
        {"jobQueue": "queue", "filters": [{"name": "JOB_NAME"}]},
        {"jobQueue": "queue", "filters": [{"name": "JOB_NAME", "values": ["a"]}] * 2},
    ],
)
def test_what_aws_refuses_is_refused(registry: Registry, request_: Json) -> None:
    with pytest.raises(CommonServiceException) as refused:
        list_jobs(registry, request_)
    assert refused.value.code == "ClientException"
