"""Runs a job's command once."""

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import ClientError
from localstack.aws.connect import connect_to

from ..processes import ask_to_end, kill, spawn
from ..settings import settings
from .command import Command, UnknownImageError, build_command, find_image
from .job import Attempt, Job, Stop
from .logs import LogPump, create_stream

CHECK_SECONDS = 0.05


@dataclass(frozen=True)
class Finished:
    """The command ran and has ended."""

    exit_code: int
    """128 plus the signal's number where a signal ended it, as in a shell and Docker."""


@dataclass(frozen=True)
class NotStarted:
    """The command could not be started."""

    reason: str


def run_attempt(job: Job, attempt: Attempt, log_group: str, on_started: Callable[[], None]) -> Finished | NotStarted:
    """Returns when the command and its child processes have ended, and the log holds its output."""
    try:
        image = find_image(settings().images, job.container["image"])
    except UnknownImageError as error:
        return NotStarted(f"CannotPullContainerError: {error}")
    endpoint = f"http://127.0.0.1:{settings().port}"
    command = build_command(job, image, endpoint, _credentials(job))
    client = connect_to(aws_access_key_id=job.account, region_name=job.region).logs
    try:
        create_stream(client, log_group, attempt.log_stream)
        process = _start(command)
    except (ClientError, OSError) as error:
        return NotStarted(f"CannotStartContainerError: {error}")
    on_started()
    pump = LogPump(process, client, log_group, attempt.log_stream)
    _wait(process, job)
    kill(process)
    pump.finish(10)
    code = process.returncode
    return Finished(code if code >= 0 else 128 - code)


def _start(command: Command) -> subprocess.Popen[bytes]:
    return spawn(command.arguments, folder=command.folder, environment=command.environment, output=subprocess.PIPE)


def _wait(process: subprocess.Popen[bytes], job: Job) -> None:
    """Waits until the command has ended, or asks it to by SIGTERM; after the grace period the caller kills it."""
    limit = None if job.timeout_seconds is None else time.monotonic() + job.timeout_seconds
    while process.poll() is None and not job.stop_requested.wait(CHECK_SECONDS):
        if limit is not None and time.monotonic() > limit:
            job.request_stop(Stop("Job attempt duration exceeded timeout", may_retry=False))
    if process.poll() is None:
        ask_to_end(process)
        try:
            process.wait(settings().batch_stop_grace)
        except subprocess.TimeoutExpired:
            return


def _credentials(job: Job) -> dict[str, str]:
    """Credentials of the job's role; none if it has none, as on AWS."""
    role = job.container.get("jobRoleArn")
    if not role:
        return {}
    session = connect_to(aws_access_key_id=job.account, region_name=job.region).sts.assume_role(
        RoleArn=role, RoleSessionName=job.job_id.replace(":", "-")
    )["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
        "AWS_SESSION_TOKEN": session["SessionToken"],
    }
