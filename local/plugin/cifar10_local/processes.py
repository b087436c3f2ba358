"""Child processes that never outlive LocalStack: each leads a process group that the watchdog knows."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from .settings import settings

_WATCHDOG = Path(__file__).with_name("watchdog.py")
_lock = threading.Lock()
_watchdog: subprocess.Popen[bytes] | None = None


def start_watchdog() -> None:
    """Starts the watchdog, unless it runs. Call it before starting anything else."""
    global _watchdog
    with _lock:
        if _watchdog is None:
            _watchdog = _launch_watchdog()


def _launch_watchdog() -> subprocess.Popen[bytes]:
    lease = settings().lease
    return subprocess.Popen(
        [
            sys.executable,
            "-S",
            "-E",
            str(_WATCHDOG),
            str(os.getpid()),
            "-" if lease is None else str(lease),
            str(settings().folder),
            "-" if settings().ephemeral else "log",
        ],
        stdin=subprocess.PIPE,
        pass_fds=() if lease is None else (lease,),
        start_new_session=True,
    )


def _notify_watchdog(line: str) -> None:
    """Sends a line to the watchdog, which is started again if it was killed."""
    global _watchdog
    with _lock:
        for _ in range(2):
            if _watchdog is None:
                _watchdog = _launch_watchdog()
            assert _watchdog.stdin is not None
            try:
                _watchdog.stdin.write(line.encode())
                _watchdog.stdin.flush()
            except OSError:
                _watchdog = None
            else:
                return


def spawn(
    arguments: Sequence[str],
    *,
    folder: str | Path | None,
    environment: Mapping[str, str],
    output: int | IO[bytes],
) -> subprocess.Popen[bytes]:
    """
    Starts a program as the leader of a new process group.

    :param environment: the child's whole environment; nothing is inherited
    :param output: where standard output and standard error go
    :raises OSError: the program or folder does not exist
    """
    process = subprocess.Popen(
        arguments,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    _notify_watchdog(f"+{process.pid}\n")
    return process


def ask_to_end(process: subprocess.Popen[bytes]) -> None:
    """Sends SIGTERM to the whole group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Sends SIGKILL to the whole group and waits until its leader has ended. Safe to call repeatedly."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    _notify_watchdog(f"-{process.pid}\n")


def describe_exit(code: int) -> str:
    """Describes a return code of `subprocess` as Lambda does."""
    if code >= 0:
        return f"exit status {code}"
    return "signal: killed" if code == -signal.SIGKILL else f"signal: {-code}"
