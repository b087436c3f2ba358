"""The process of one execution environment: its start, memory, log and end."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from ..processes import describe_exit, kill, spawn

BOOTSTRAP = Path(__file__).with_name("bootstrap.mjs")
DEFINED = (
    "_HANDLER",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_FORMAT",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_LEVEL",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_XRAY_CONTEXT_MISSING",
    "AWS_XRAY_DAEMON_ADDRESS",
    "TZ",
)
"""
What Lambda sets, besides LANG, PATH, LAMBDA_TASK_ROOT, LAMBDA_RUNTIME_DIR and AWS_LAMBDA_RUNTIME_API.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
"""


def lambda_variables(given: Mapping[str, object], configured: Mapping[str, str] | None, runtime: str) -> dict[str, str]:
    """
    What a function's configuration and Lambda itself set, and LocalStack's address.

    :param given: LocalStack's variables, of which many are its own
    :param configured: the variables of the function's configuration
    :param runtime: such as `nodejs24.x`
    """
    defined = {name: str(given[name]) for name in DEFINED if name in given}
    endpoint = {"AWS_ENDPOINT_URL": str(given["AWS_ENDPOINT_URL"])} if "AWS_ENDPOINT_URL" in given else {}
    return {**defined, "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}", **(configured or {}), **endpoint}


@dataclass(frozen=True)
class Function:
    """The part of a function's configuration that its process needs."""

    code: Path
    """The unzipped package."""
    memory_mb: int
    environment: Mapping[str, str]
    """See `lambda_variables`."""


class Sandbox:
    """A Node.js process that runs the function's handler; it can be started again after its end."""

    def __init__(self, node: str, folder: Path, function: Function, runtime_api: str) -> None:
        self._command = [node, f"--max-old-space-size={max(64, function.memory_mb * 9 // 10)}", str(BOOTSTRAP)]
        self._code = function.code
        self._log = folder / "log"
        temporary = folder / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        self._log.touch()
        self._environment = {
            **function.environment,
            "LANG": "en_US.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
            "LAMBDA_TASK_ROOT": str(function.code),
            "LAMBDA_RUNTIME_DIR": str(BOOTSTRAP.parent),
            "AWS_LAMBDA_RUNTIME_API": runtime_api,
            # Lambda sets none of these. Here they keep functions apart, and away from the user's own settings of AWS.
            "HOME": str(folder),
            "TMPDIR": str(temporary),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._peak_mb = 0

    def start(self) -> None:
        self.kill()
        self._peak_mb = 0
        with self._log.open("ab") as log:
            self._process = spawn(self._command, folder=self._code, environment=self._environment, output=log)

    def kill(self) -> None:
        if self._process is not None:
            kill(self._process)
            self._process = None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def describe_end(self) -> str:
        """Describes how the process ended, as Lambda does."""
        return "stopped" if self._process is None else describe_exit(self._process.wait())

    def memory_mb(self) -> int:
        """The process's memory now; 0 if it does not run."""
        if not self.is_running or self._process is None:
            return 0
        try:
            now: int = psutil.Process(self._process.pid).memory_info().rss // 1024**2
        except psutil.Error:
            return 0
        self._peak_mb = max(self._peak_mb, now)
        return now

    @property
    def peak_mb(self) -> int:
        """The highest result of `memory_mb` for this process."""
        return self._peak_mb

    def read_log(self) -> str:
        try:
            return self._log.read_text(errors="replace")
        except OSError:
            return ""

    def take_log(self) -> str:
        """Reads the log and empties it, which is safe while the process appends to it."""
        try:
            with self._log.open("r+b") as log:
                text = log.read().decode(errors="replace")
                log.truncate(0)
        except OSError:
            return ""
        return text


def error_message(body: bytes) -> str:
    """The message of an error that a runtime reported."""
    try:
        return str(json.loads(body).get("errorMessage", ""))
    except (ValueError, AttributeError):
        return body.decode(errors="replace")
