"""
A separate program that outlives LocalStack by seconds, and ends everything that LocalStack leaves behind.

It reads two pipes: on one LocalStack reports the process groups of jobs and functions; the other, the lease, is held by
the process that started LocalStack. When the lease closes, LocalStack is ended; when LocalStack's pipe closes, for
whatever reason, all remaining groups are killed. Only the standard library is imported: it starts within 50 ms.

Two of them run, and LocalStack starts each again that ends before it: whichever is killed, and when, one is left. The
one that gets the single byte of the election's pipe empties the instance's folder at the end, so that `instance.json`
exists only while the instance runs.

    python -S -E watchdog.py <pid of LocalStack> <lease or -> <election> <folder> <file in it to keep, or - for none>
"""

import contextlib
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

STOP_SECONDS = 5.0
"""LocalStack takes one to ten seconds to end after use, and does nothing then that is worth a longer wait."""

EXIT_SECONDS = 2.0
"""When LocalStack has closed its pipe, only its exit is left, which one of its threads may block."""


def end_groups(groups: Iterable[int], grace: float) -> None:
    """Sends SIGTERM to every process group, and SIGKILL to those that still exist after `grace` seconds."""
    left = set(groups)
    for group in left:
        _signal(group, signal.SIGTERM)
    until = time.monotonic() + grace
    while left and time.monotonic() < until:
        time.sleep(0.02)
        left = {group for group in left if _signal(group, 0)}
    for group in left:
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    """Whether the group exists."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def watch(localstack: int, lease: int | None) -> None:
    """Returns when LocalStack, which is the parent of this process, and all its children have ended."""
    groups: set[int] = set()
    rest = b""
    kill_at: float | None = None
    pipe = sys.stdin.fileno()
    while True:
        ends = [pipe] if lease is None else [pipe, lease]
        timeout = None if kill_at is None else max(0.0, kill_at - time.monotonic())
        ready, _, _ = select.select(ends, [], [], timeout)
        if pipe in ready:
            received = os.read(pipe, 65536)
            if not received:
                break
            *lines, rest = (rest + received).split(b"\n")
            for line in lines:
                (groups.add if line[:1] == b"+" else groups.discard)(int(line[1:]))
        elif lease in ready and lease is not None:
            if os.read(lease, 65536):
                continue
            lease = None
            kill_at = time.monotonic() + STOP_SECONDS
            with contextlib.suppress(ProcessLookupError):
                os.kill(localstack, signal.SIGTERM)
        elif kill_at is not None and not ready:
            break
    end_groups(groups, grace=1.0)
    end_parent(localstack)


def end_parent(localstack: int) -> None:
    """Waits briefly for LocalStack to exit, then kills its whole process group."""
    until = time.monotonic() + EXIT_SECONDS
    while os.getppid() == localstack and time.monotonic() < until:
        time.sleep(0.02)
    _signal(localstack, signal.SIGKILL)


def remove(folder: str, keep: str | None) -> None:
    """Deletes the instance's folder, or everything in it but one file."""
    if keep is None:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        elif entry.name != keep:
            Path(entry.path).unlink(missing_ok=True)


def is_elected(election: int) -> bool:
    """Whether this process is the first to ask; a later one might delete the files of the next instance."""
    with contextlib.suppress(BlockingIOError):
        return bool(os.read(election, 1))
    return False


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    pid, lease, election, folder, kept = sys.argv[1:]
    watch(int(pid), None if lease == "-" else int(lease))
    if is_elected(int(election)):
        remove(folder, None if kept == "-" else kept)
