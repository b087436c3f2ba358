"""One account's compute environments, queues, job definitions and jobs in one region, in memory."""

import re
from collections import defaultdict
from dataclasses import dataclass, field

from .job import Job, Json, name_of
from .shapes import refuse, show


def check_name(what: str, name: str) -> str:
    """
    :raises CommonServiceException: AWS would not accept the name
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", name):
        refuse(
            f"{what} must be 1 to 128 letters, digits, hyphens and underscores, "
            f"of which the first is a letter or digit, not {show(name)}"
        )
    return name


@dataclass
class Registry:
    """The resources of one account in one region. The scheduler's lock guards them."""

    account: str
    region: str
    environments: dict[str, Json] = field(default_factory=dict)
    queues: dict[str, Json] = field(default_factory=dict)
    definitions: dict[str, list[Json]] = field(default_factory=lambda: defaultdict(list))
    policies: dict[str, Json] = field(default_factory=dict)
    """Scheduling policies by ARN."""
    jobs: dict[str, Job] = field(default_factory=dict)

    def arn(self, kind: str, name: str) -> str:
        return f"arn:aws:batch:{self.region}:{self.account}:{kind}/{name}"

    def environment(self, reference: str | None) -> Json:
        """Finds by name or ARN, like the methods below."""
        return self.environments.get(name_of(reference or "")) or refuse(
            f"Object {reference} of type ComputeEnvironment does not exist"
        )

    def queue(self, reference: str | None) -> Json:
        return self.queues.get(name_of(reference or "")) or refuse(
            f"Object {reference} of type JobQueue does not exist"
        )

    def definition(self, reference: str | None) -> Json:
        """Finds the latest active revision by `name`, the third by `name:3`."""
        name, _, revision = name_of(reference or "").partition(":")
        for definition in reversed(self.definitions.get(name, [])):
            if str(definition["revision"]) == revision or (not revision and definition["status"] == "ACTIVE"):
                return definition
        refuse(f"JobDefinition {reference} does not exist")

    def policy(self, arn: str | None) -> Json:
        return self.policies.get(arn or "") or refuse(f"Scheduling policy {arn} does not exist")

    def job(self, reference: str | None) -> Job:
        return self.jobs.get(name_of(reference or "")) or refuse(f"Job {reference} does not exist")
