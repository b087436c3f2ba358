"""Whether the jobs on which a job depends let it run."""

from collections.abc import Mapping
from enum import Enum, auto

from .job import Dependency, Job, JobStatus


class DependencyState(Enum):
    MET = auto()
    WAITING = auto()
    FAILED = auto()


def dependency_state(job: Job, jobs: Mapping[str, Job]) -> DependencyState:
    """
    :param jobs: all jobs by id; a job does not wait for one that is missing
    """
    states = [jobs[job_id].status for job_id in _awaited(job) if job_id in jobs]
    if JobStatus.FAILED in states:
        return DependencyState.FAILED
    return DependencyState.MET if all(state is JobStatus.SUCCEEDED for state in states) else DependencyState.WAITING


def _awaited(job: Job) -> list[str]:
    if job.parent is None:
        return [dependency.job_id for dependency in job.depends_on if dependency.job_id]
    # A child of an array has its parent's dependencies, or depends on the matching child or the child before it.
    ids = (_awaited_by_child(job.parent, job.index or 0, dependency) for dependency in job.parent.depends_on)
    return [job_id for job_id in ids if job_id]


def _awaited_by_child(parent: Job, index: int, dependency: Dependency) -> str | None:
    match dependency:
        case Dependency(job_id=str() as job_id, kind="N_TO_N"):
            return f"{job_id}:{index}"
        case Dependency(job_id=None, kind="SEQUENTIAL"):
            return f"{parent.job_id}:{index - 1}" if index > 0 else None
    return dependency.job_id
