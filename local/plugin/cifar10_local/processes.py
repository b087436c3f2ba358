"""Child processes that never outlive LocalStack: each leads a process group that the watchdogs know."""

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
_COUNT = 2
"""If one watchdog is killed, the other knows all that it knew."""
_lock = threading.Lock()
_watchdogs: dict[int, subprocess.Popen[bytes]] = {}
_groups: set[int] = set()
"""The process groups that the watchdogs know, or are to be told of when they are started again."""


def start_watchdogs() -> None:
    """Starts the watchdogs, and again each that ends. Call it before starting anything else."""
    election, sender = os.pipe()
    os.set_blocking(election, False)
    os.write(sender, b"1")
    for number in range(_COUNT):
        with _lock:
            _launch_watchdog(number, election)
        threading.Thread(target=_keep_watchdog, args=(number, election), name="watchdog-keeper", daemon=True).start()


def _keep_watchdog(number: int, election: int) -> None:
    while True:
        _watchdogs[number].wait()
        with _lock:
            _launch_watchdog(number, election)


def _launch_watchdog(number: int, election: int) -> None:
    lease = settings().lease
    watchdog = subprocess.Popen(
        [
            sys.executable,
            "-S",
            "-E",
            str(_WATCHDOG),
            str(os.getpid()),
            "-" if lease is None else str(lease),
            str(election),
            str(settings().folder),
            "-" if settings().ephemeral else "log",
        ],
        stdin=subprocess.PIPE,
        pass_fds=(election,) if lease is None else (election, lease),
        start_new_session=True,
    )
    _watchdogs[number] = watchdog
    for group in _groups:
        _tell(watchdog, f"+{group}\n")


def _tell(watchdog: subprocess.Popen[bytes], line: str) -> None:
    assert watchdog.stdin is not None
    # If it was killed, the next one is told.
    with contextlib.suppress(OSError):
        watchdog.stdin.write(line.encode())
        watchdog.stdin.flush()


def _watch_group(group: int) -> None:
    with _lock:
        _groups.add(group)
        for watchdog in _watchdogs.values():
            _tell(watchdog, f"+{group}\n")


def _forget_group(group: int) -> None:
    with _lock:
        if group in _groups:
            _groups.remove(group)
            for watchdog in _watchdogs.values():
                _tell(watchdog, f"-{group}\n")


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
    _watch_group(process.pid)
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
    _forget_group(process.pid)


SIGNAL_NAMES = {
    signal.SIGHUP: "hangup",
    signal.SIGINT: "interrupt",
    signal.SIGQUIT: "quit",
    signal.SIGILL: "illegal instruction",
    signal.SIGTRAP: "trace/breakpoint trap",
    signal.SIGABRT: "aborted",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "floating point exception",
    signal.SIGKILL: "killed",
    signal.SIGUSR1: "user defined signal 1",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGUSR2: "user defined signal 2",
    signal.SIGPIPE: "broken pipe",
    signal.SIGALRM: "alarm clock",
    signal.SIGTERM: "terminated",
}
"""Lambda's words for signals, which are Go's."""


def describe_exit(code: int) -> str:
    """Describes a return code of `subprocess` as Lambda does."""
    if code >= 0:
        return f"exit status {code}"
    return f"signal: {next((name for number, name in SIGNAL_NAMES.items() if number == -code), -code)}"
