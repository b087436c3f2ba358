"""
The folder in which a clone keeps its models: the same files, drafts and locks as models/stores/folder-store.ts and
file-lock.ts. Programs of both languages write to it at the same time.
"""

import contextlib
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._=@+-]{0,127}")
DRAFT = re.compile(r"\..+\.[0-9a-f]{12}\.draft")
DRAFT_ABANDONED_SECONDS = 3600.0
LOCK_ABANDONED_SECONDS = 10.0


def is_key(key: str) -> bool:
    """Whether a key can be a file's path in the folder: plain names that do not begin with a dot."""
    return len(key) <= 1024 and all(SEGMENT.fullmatch(segment) for segment in key.split("/"))


class StoreFolder:
    """
    Objects as plain files, each at its key. A write is whole or does not happen, also when the power fails: a draft
    beside the file is filled, flushed and renamed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextlib.contextmanager
    def replacing(self, key: str, content: IO[bytes]) -> Iterator[None]:
        """
        Replaces a file while no other process can. The caller's block runs when the file is in place, and before
        another writer may follow.

        :raises OSError: nothing was changed, for example because the disk is full
        """
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned_drafts(path.parent)
        draft = _beside(path, f"{secrets.token_hex(6)}.draft")
        try:
            with draft.open("xb") as file:
                shutil.copyfileobj(content, file)
                file.flush()
                os.fsync(file.fileno())
            with self.holding(key):
                draft.replace(path)
                yield
            _flush_folder(path.parent)
        finally:
            draft.unlink(missing_ok=True)

    def has(self, key: str, content: IO[bytes]) -> bool:
        """Whether the file has this content."""
        try:
            with self._path(key).open("rb") as file:
                while chunk := content.read(1 << 20):
                    if file.read(len(chunk)) != chunk:
                        return False
                return not file.read(1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return False

    def remove(self, key: str) -> None:
        """Deletes a file, if it exists; the caller holds it."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            self._path(key).unlink()

    @contextlib.contextmanager
    def holding(self, key: str) -> Iterator[None]:
        """Lets no other process replace or delete the file."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(_beside(path, "lock")):
            yield

    def _path(self, key: str) -> Path:
        return self._root / key


@contextlib.contextmanager
def _locked(lock: Path) -> Iterator[None]:
    """A lock file names its holder, so that others can take it over from a dead process; see file-lock.ts."""
    own = secrets.token_hex(6)
    draft = lock.with_name(f"{lock.name}.{own}")
    draft.write_text(f"{os.getpid()} {socket.gethostname()} {own}")
    try:
        wait = 0.001
        while True:
            try:
                os.link(draft, lock)
                break
            except FileExistsError:
                _break_if_abandoned(lock)
                time.sleep(wait)
                wait = min(2 * wait, 0.05)
    finally:
        draft.unlink(missing_ok=True)
    try:
        yield
    finally:
        holder = _holder(lock)
        if holder is not None and holder[0] == own:
            lock.unlink(missing_ok=True)


def _break_if_abandoned(lock: Path) -> None:
    """Removes a dead process's lock, itself under a lock: of several that wait, one removes."""
    holder = _holder(lock)
    if holder is None or not holder[1]:
        return
    with _locked(lock.with_name(f"{lock.name}.{holder[0]}.break")):
        now = _holder(lock)
        if now is not None and now[0] == holder[0]:
            lock.unlink(missing_ok=True)


def _holder(lock: Path) -> tuple[str, bool] | None:
    """The id of the lock's holder, and whether it is dead or has paused for so long that it is taken for dead."""
    try:
        pid, host, own = [*lock.read_text().split(" "), "", ""][:3]
        age = time.time() - lock.stat().st_ctime
    except FileNotFoundError:
        return None
    is_dead = host == socket.gethostname() and not _is_alive(int(pid))
    return own, is_dead or age > LOCK_ABANDONED_SECONDS


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _remove_abandoned_drafts(folder: Path) -> None:
    for entry in os.scandir(folder):
        if DRAFT.fullmatch(entry.name):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - entry.stat().st_mtime > DRAFT_ABANDONED_SECONDS:
                    Path(entry.path).unlink()


def _flush_folder(folder: Path) -> None:
    """Makes a rename in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(f".{path.name}.{suffix}")
