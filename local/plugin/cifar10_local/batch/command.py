"""Translates a job's container to a local command."""

import fnmatch
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .job import Job, name_of


@dataclass(frozen=True)
class Image:
    """The local replacement of a container image."""

    folder: str
    """The working directory of the command."""
    entrypoint: list[str]
    command: list[str] = field(default_factory=list)
    """The default command."""
    environment: dict[str, str] = field(default_factory=dict)
    """What `ENV` sets in the image."""
    overrides: dict[str, str] = field(default_factory=dict)
    """Variables that a process of this machine needs other values of than the job's definition gives."""


@dataclass(frozen=True)
class Command:
    """A program to start."""

    arguments: list[str]
    folder: str
    environment: dict[str, str]


class UnknownImageError(LookupError):
    """The image is not configured on this machine."""


def find_image(path: Path, name: str) -> Image:
    """
    :param path: JSON `{"<image, * allowed>": {"folder", "entrypoint", "command"?, "environment"?, "overrides"?}}`,
        read on every call
    :raises UnknownImageError: the file does not contain the image
    """
    images: dict[str, dict[str, Any]] = json.loads(path.read_text())
    for pattern, image in images.items():
        if fnmatch.fnmatchcase(name, pattern):
            return Image(**image)
    known = ", ".join(sorted(images)) or "none"
    raise UnknownImageError(f"image {name} is not known on this machine; known images: {known}")


def substitute(arguments: list[str], parameters: dict[str, str]) -> list[str]:
    """Replaces each `Ref::name` that has a parameter."""
    pattern = re.compile(r"Ref::([A-Za-z0-9_-]+)")
    return [pattern.sub(lambda found: parameters.get(found[1], found[0]), argument) for argument in arguments]


def build_command(job: Job, image: Image, endpoint: str, credentials: dict[str, str]) -> Command:
    """
    The job's environment is the image's, what the definition sets, and what Batch sets; nothing is inherited. A job on
    AWS has no AWS_REGION unless its definition sets it, so it has none here either. LocalStack's address, the role's
    credentials, and what keeps the user's own settings of AWS away are the only variables that AWS does not set.
    ECS's two are not set: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, for which credentials are given instead, and
    ECS_CONTAINER_METADATA_URI_V4, at which nothing would answer.

    https://docs.aws.amazon.com/batch/latest/userguide/job_env_vars.html

    :param credentials: `AWS_ACCESS_KEY_ID` and so on; none for a job without a role
    """
    variables = {entry["name"]: entry.get("value", "") for entry in job.container.get("environment", [])}
    environment = {
        **image.environment,
        **variables,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        # The user's home folder may contain profiles for the real AWS.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        **credentials,
        "AWS_BATCH_JOB_ID": job.job_id,
        "AWS_BATCH_JOB_ATTEMPT": str(len(job.attempts) + 1),
        "AWS_BATCH_JQ_NAME": job.queue_name,
        "AWS_BATCH_CE_NAME": job.environment_name or "",
        **image.overrides,
    }
    if job.parent is not None:
        environment["AWS_BATCH_JOB_ARRAY_INDEX"] = str(job.index)
        environment["AWS_BATCH_JOB_ARRAY_SIZE"] = str(len(job.parent.children))
    command = job.container.get("command") or image.command
    return Command([*image.entrypoint, *substitute(command, job.parameters)], image.folder, environment)


@dataclass(frozen=True)
class LogPlace:
    """The destination of a job's output in CloudWatch Logs."""

    group: str
    prefix: str


def log_place(job: Job) -> LogPlace:
    """Follows the `awslogs` driver; Batch's defaults are its own group and the definition's name."""
    options = (job.container.get("logConfiguration") or {}).get("options") or {}
    definition = name_of(job.definition_arn).partition(":")[0]
    return LogPlace(
        group=options.get("awslogs-group") or "/aws/batch/job",
        prefix=options.get("awslogs-stream-prefix") or definition,
    )
