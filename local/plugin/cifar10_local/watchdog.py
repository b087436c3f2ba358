"""
A program of its own that outlives LocalStack by seconds, and sees to it that nothing else does.

It holds two ends: a pipe from LocalStack, over which the process groups of jobs and functions are told, and the leash
of whoever started LocalStack. When the leash ends, LocalStack is ended; when LocalStack's pipe ends, for whatever
reason, every group that it has left behind is killed. Only the standard library is imported: it starts within 50 ms.

At the end it empties the instance's folder, so that a folder that holds `instance.json` is one whose instance lives.

    python -S -E watchdog.py <pid of LocalStack> <leash or -> <folder> <file in it to keep, or - to delete it as well>
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
"""LocalStack takes one to ten seconds to end after use; nothing that it does there is worth waiting for longer."""

EXIT_SECONDS = 2.0
"""Once LocalStack has closed its pipe all that is left to it is to exit, which a thread of it may prevent."""


def end_groups(groups: Iterable[int], grace: float) -> None:
    """Asks every process group to end, and kills what is left of them after `grace` seconds."""
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
    """Whether there was such a group."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def watch(localstack: int, leash: int | None) -> None:
    """Returns when LocalStack, which is the parent of this process, and all that it started are gone."""
    groups: set[int] = set()
    rest = b""
    kill_at: float | None = None
    pipe = sys.stdin.fileno()
    while True:
        ends = [pipe] if leash is None else [pipe, leash]
        timeout = None if kill_at is None else max(0.0, kill_at - time.monotonic())
        ready, _, _ = select.select(ends, [], [], timeout)
        if pipe in ready:
            told = os.read(pipe, 65536)
            if not told:
                break
            *lines, rest = (rest + told).split(b"\n")
            for line in lines:
                (groups.add if line[:1] == b"+" else groups.discard)(int(line[1:]))
        elif leash in ready and leash is not None:
            if os.read(leash, 65536):
                continue
            leash = None
            kill_at = time.monotonic() + STOP_SECONDS
            with contextlib.suppress(ProcessLookupError):
                os.kill(localstack, signal.SIGTERM)
        elif kill_at is not None and not ready:
            break
    end_groups(groups, grace=1.0)
    end_parent(localstack)


def end_parent(localstack: int) -> None:
    """Waits a little for LocalStack to exit, then kills it, and the helpers in the process group that it leads."""
    until = time.monotonic() + EXIT_SECONDS
    while os.getppid() == localstack and time.monotonic() < until:
        time.sleep(0.02)
    _signal(localstack, signal.SIGKILL)


def remove(folder: str, keep: str | None) -> None:
    """Deletes what the instance has written: all of it, or all but one file."""
    if keep is None:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        elif entry.name != keep:
            Path(entry.path).unlink(missing_ok=True)


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    pid, leash, folder, kept = sys.argv[1:]
    watch(int(pid), None if leash == "-" else int(leash))
    remove(folder, None if kept == "-" else kept)
