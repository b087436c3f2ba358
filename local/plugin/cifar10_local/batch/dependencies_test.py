import pytest
from localstack.aws.api import CommonServiceException

from .dependencies import DependencyState, dependency_state, read_dependencies
from .example_job import example_array, example_job
from .job import Dependency, Job, JobStatus, Json
from .registry import Registry


def by_id(*jobs: Job) -> dict[str, Job]:
    return {job.job_id: job for parent in jobs for job in (parent, *parent.children)}


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        ([JobStatus.SUCCEEDED, JobStatus.SUCCEEDED], DependencyState.MET),
        ([JobStatus.SUCCEEDED, JobStatus.RUNNING], DependencyState.WAITING),
        ([JobStatus.RUNNABLE, JobStatus.FAILED], DependencyState.FAILED),
        ([], DependencyState.MET),
    ],
)
def test_a_job_waits_for_all_dependencies_and_fails_with_one(statuses: list[JobStatus], state: DependencyState) -> None:
    others = [example_job(f"other-{index}", status=status) for index, status in enumerate(statuses)]
    job = example_job(depends_on=[Dependency(other.job_id, None) for other in others])
    assert dependency_state(job, by_id(job, *others)) is state


def test_a_job_does_not_wait_for_a_missing_one() -> None:
    job = example_job(depends_on=[Dependency("forgotten", None)])
    assert dependency_state(job, by_id(job)) is DependencyState.MET


def test_children_wait_for_their_parents_dependencies() -> None:
    other = example_job("other")
    array = example_array("array", 2, depends_on=[Dependency("other", None)])
    assert dependency_state(array.children[1], by_id(other, array)) is DependencyState.WAITING
    other.status = JobStatus.SUCCEEDED
    assert dependency_state(array.children[1], by_id(other, array)) is DependencyState.MET


def test_n_to_n_waits_for_the_child_of_the_same_index() -> None:
    first = example_array("first", 2)
    second = example_array("second", 2, depends_on=[Dependency("first", "N_TO_N")])
    first.children[0].status = JobStatus.SUCCEEDED
    states = [dependency_state(child, by_id(first, second)) for child in second.children]
    assert states == [DependencyState.MET, DependencyState.WAITING]


def test_sequential_waits_for_the_child_before() -> None:
    array = example_array("array", 3, depends_on=[Dependency(None, "SEQUENTIAL")])
    array.children[0].status = JobStatus.SUCCEEDED
    states = [dependency_state(child, by_id(array)) for child in array.children]
    assert states == [DependencyState.MET, DependencyState.MET, DependencyState.WAITING]


@pytest.mark.parametrize(
    ("entries", "size", "message"),
    [
        ([{"jobId": "array"}] * 21, None, "at most 20"),
        ([{}], None, r"dependsOn\[0\].jobId must be given"),
        ([{"jobId": ""}], None, "jobId must be given"),
        ([{"jobId": "array"}, {"jobId": "missing"}], None, "missing does not exist"),
        ([{"type": "SEQUENTIAL"}], None, "SEQUENTIAL needs an array"),
        ([{"type": "SEQUENTIAL", "jobId": "array"}], 3, "has no jobId"),
        ([{"type": "N_TO_N", "jobId": "array"}], None, "N_TO_N needs an array"),
        ([{"type": "N_TO_N"}], 3, "jobId must be given"),
        ([{"type": "N_TO_N", "jobId": "array"}], 2, "an array of 3, and this one has 2"),
        ([{"type": "N_TO_N", "jobId": "job"}], 3, "job is no array"),
    ],
)
def test_dependencies_that_aws_refuses_are_refused(entries: list[Json], size: int | None, message: str) -> None:
    registry = Registry("000000000000", "us-east-1", jobs=by_id(example_job("job"), example_array("array", 3)))
    with pytest.raises(CommonServiceException, match=message):
        read_dependencies(registry, entries, size)


def test_a_dependency_may_be_named_by_its_arn() -> None:
    job = example_job("job")
    registry = Registry("000000000000", "us-east-1", jobs=by_id(job))
    assert read_dependencies(registry, [{"jobId": job.arn}], None) == [Dependency("job", None)]
