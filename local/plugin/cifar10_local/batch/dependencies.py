"""Whether the jobs on which a job depends let it run."""

from collections.abc import Mapping
from enum import Enum, auto

from .job import Dependency, Job, JobStatus, Json
from .registry import Registry
from .shapes import refuse

MAXIMUM_DEPENDENCIES = 20


class DependencyState(Enum):
    MET = auto()
    WAITING = auto()
    FAILED = auto()


def read_dependencies(registry: Registry, entries: list[Json], size: int | None) -> list[Dependency]:
    """
    :param size: of the array that has the dependencies; None for a job that is not an array
    :raises CommonServiceException: AWS would not accept them
    """
    if len(entries) > MAXIMUM_DEPENDENCIES:
        refuse(f"dependsOn must have at most {MAXIMUM_DEPENDENCIES} entries, not {len(entries)}")
    return [_read(registry, entry, size, f"dependsOn[{index}]") for index, entry in enumerate(entries)]


def _read(registry: Registry, entry: Json, size: int | None, path: str) -> Dependency:
    kind, reference = entry.get("type"), entry.get("jobId")
    if kind is not None and size is None:
        refuse(f"{path}: {kind} needs an array: give arrayProperties")
    if kind == "SEQUENTIAL":
        if reference is not None:
            refuse(f"{path}: SEQUENTIAL makes an array wait for itself, so it has no jobId, not {reference}")
        return Dependency(None, kind)
    if not reference:
        refuse(f"{path}.jobId must be given")
    job = registry.job(reference)
    if kind == "N_TO_N" and len(job.children) != size:
        other = f"an array of {len(job.children)}" if job.children else "no array"
        refuse(f"{path}: N_TO_N needs two arrays of the same size, but {reference} is {other}, and this one has {size}")
    return Dependency(job.job_id, kind)


def dependency_state(job: Job, jobs: Mapping[str, Job]) -> DependencyState:
    """
    :param jobs: all jobs by id; a job does not wait for one that is missing
    """
    states = [jobs[job_id].status for job_id in awaited(job) if job_id in jobs]
    if JobStatus.FAILED in states:
        return DependencyState.FAILED
    return DependencyState.MET if all(state is JobStatus.SUCCEEDED for state in states) else DependencyState.WAITING


def awaited(job: Job) -> list[str]:
    """The ids of the jobs for which a job waits."""
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
