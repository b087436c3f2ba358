"""What the container of a job would run, as a command of this machine."""

import fnmatch
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .job import Job


@dataclass(frozen=True)
class Image:
    """What stands here for a container image."""

    folder: str
    """Where the command runs."""
    entrypoint: list[str]
    command: list[str] = field(default_factory=list)
    """Used where the job has none."""
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Command:
    """A program to start."""

    arguments: list[str]
    folder: str
    environment: dict[str, str]


class UnknownImageError(LookupError):
    """No such image is known on this machine."""


def find_image(path: Path, name: str) -> Image:
    """
    :param path: JSON `{"<image, * allowed>": {"folder", "entrypoint", "command"?, "environment"?}}`, read at each use
    :raises UnknownImageError: the job names another image
    """
    images: dict[str, dict[str, Any]] = json.loads(path.read_text())
    for pattern, image in images.items():
        if fnmatch.fnmatchcase(name, pattern):
            return Image(**image)
    raise UnknownImageError(f"no image {name} on this machine; there is {', '.join(sorted(images)) or 'none'}")


def substitute(arguments: list[str], parameters: dict[str, str]) -> list[str]:
    """Replaces each `Ref::name` that has a parameter."""
    pattern = re.compile(r"Ref::([A-Za-z0-9_-]+)")
    return [pattern.sub(lambda found: parameters.get(found[1], found[0]), argument) for argument in arguments]


def build_command(job: Job, image: Image, endpoint: str, credentials: dict[str, str]) -> Command:
    """
    The job's environment is the image's, this cloud's address and the job role's credentials, what the definition sets,
    and what Batch adds: nothing of the environment that LocalStack was started in.

    :param credentials: `AWS_ACCESS_KEY_ID` and so on
    """
    variables = {entry["name"]: entry.get("value", "") for entry in job.container.get("environment", [])}
    environment = {
        **image.environment,
        "AWS_REGION": job.region,
        "AWS_DEFAULT_REGION": job.region,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        # The home folder is the user's own, and may hold profiles: they are for another cloud.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        **credentials,
        **variables,
        "AWS_BATCH_JOB_ID": job.job_id,
        "AWS_BATCH_JOB_ATTEMPT": str(len(job.attempts) + 1),
        "AWS_BATCH_JQ_NAME": job.queue_name,
        "AWS_BATCH_CE_NAME": job.environment_name or "",
    }
    if job.parent is not None:
        environment["AWS_BATCH_JOB_ARRAY_INDEX"] = str(job.index)
        environment["AWS_BATCH_JOB_ARRAY_SIZE"] = str(len(job.parent.children))
    command = job.container.get("command") or image.command
    return Command([*image.entrypoint, *substitute(command, job.parameters)], image.folder, environment)


@dataclass(frozen=True)
class LogPlace:
    """Where a job's output goes in CloudWatch Logs."""

    group: str
    prefix: str


def log_place(job: Job) -> LogPlace:
    """As the `awslogs` driver decides it; Batch's defaults are its own group and the definition's name."""
    options = (job.container.get("logConfiguration") or {}).get("options") or {}
    definition = job.definition_arn.rpartition("/")[2].partition(":")[0]
    return LogPlace(
        group=options.get("awslogs-group") or "/aws/batch/job",
        prefix=options.get("awslogs-stream-prefix") or definition,
    )
