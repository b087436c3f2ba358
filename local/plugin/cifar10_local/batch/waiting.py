"""The jobs that wait for capacity, in the order in which they may start."""

import heapq
from collections.abc import Iterator

from .capacity import Resources
from .job import Job, JobStatus

type Group = tuple[str, Resources]
type _Entry = tuple[int, int, int, Job]


class WaitingJobs:
    """
    Jobs of one queue that require the same resources are a group: if the first of them cannot start, none can. So a
    decision takes time for each group, not for each of the thousands of children of an array.
    """

    def __init__(self) -> None:
        self._groups: dict[Group, list[_Entry]] = {}

    def __iter__(self) -> Iterator[Job]:
        return (entry[3] for entries in self._groups.values() for entry in entries if _is_waiting(entry))

    def add(self, job: Job) -> None:
        """The job stays until it has another state than RUNNABLE."""
        entries = self._groups.setdefault((job.queue_arn, job.resources), [])
        heapq.heappush(entries, (job.created_at, job.sequence, job.index or 0, job))

    def first_of_each_group(self) -> list[tuple[Group, Job]]:
        """The oldest job of each group, the oldest first."""
        for group, entries in list(self._groups.items()):
            while entries and not _is_waiting(entries[0]):
                heapq.heappop(entries)
            if not entries:
                del self._groups[group]
        heads = sorted((entries[0], group) for group, entries in self._groups.items())
        return [(group, entry[3]) for entry, group in heads]


def _is_waiting(entry: _Entry) -> bool:
    return entry[3].status is JobStatus.RUNNABLE
