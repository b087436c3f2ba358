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


@dataclass(frozen=True)
class Function:
    """The part of a function's configuration that its process needs."""

    code: Path
    """The unzipped package."""
    memory_mb: int
    environment: Mapping[str, str]


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
            # The Node.js of this machine may be older than Lambda's; the SDK would warn of it as an error.
            "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED": "true",
            **function.environment,
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(temporary),
            "LANG": "en_US.UTF-8",
            "LAMBDA_TASK_ROOT": str(function.code),
            "LAMBDA_RUNTIME_DIR": str(BOOTSTRAP.parent),
            "AWS_LAMBDA_RUNTIME_API": runtime_api,
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
