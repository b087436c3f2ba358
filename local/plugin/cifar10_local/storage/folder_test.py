import io
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from .folder import StoreFolder, is_key


def write(folder: StoreFolder, key: str, content: bytes) -> None:
    with folder.replacing(key, io.BytesIO(content)):
        pass


def test_a_write_leaves_the_file_and_nothing_else(tmp_path: Path) -> None:
    folder = StoreFolder(tmp_path)
    write(folder, "aliases/production.json", b"1")
    write(folder, "aliases/production.json", b"2")
    assert [(each.name, each.read_bytes()) for each in (tmp_path / "aliases").iterdir()] == [("production.json", b"2")]
    with folder.holding("aliases/production.json"):
        folder.remove("aliases/production.json")
    assert list((tmp_path / "aliases").iterdir()) == []


def test_a_file_is_compared_whole(tmp_path: Path) -> None:
    folder = StoreFolder(tmp_path)
    write(folder, "runs/a/log", b"12")
    assert folder.has("runs/a/log", io.BytesIO(b"12"))
    assert not any(folder.has("runs/a/log", io.BytesIO(each)) for each in (b"1", b"123", b"13", b""))
    assert not folder.has("runs/b/log", io.BytesIO(b""))


def test_a_failed_write_changes_nothing(tmp_path: Path) -> None:
    class Full(io.BytesIO):
        def read(self, _size: int | None = -1) -> bytes:
            raise OSError(28, "No space left on device")

    folder = StoreFolder(tmp_path)
    write(folder, "runs/a", b"1")
    with pytest.raises(OSError, match="No space"), folder.replacing("runs/a", Full()):
        pytest.fail("the file is in place")
    assert [(each.name, each.read_bytes()) for each in (tmp_path / "runs").iterdir()] == [("a", b"1")]


def test_the_lock_of_a_dead_process_is_taken_over_and_that_of_a_living_one_is_not(tmp_path: Path) -> None:
    folder = StoreFolder(tmp_path)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    lock = tmp_path / ".counter.lock"
    lock.write_text(f"{dead.pid} {socket.gethostname()} 0123456789ab")
    write(folder, "counter", b"1")
    assert [each.name for each in tmp_path.iterdir()] == ["counter"]

    lock.write_text(f"{os.getpid()} {socket.gethostname()} 0123456789ab")
    writing = threading.Thread(target=write, args=(folder, "counter", b"2"))
    writing.start()
    time.sleep(0.2)
    assert (tmp_path / "counter").read_bytes() == b"1"
    lock.unlink()
    writing.join(10)
    assert (tmp_path / "counter").read_bytes() == b"2"


def test_an_old_draft_of_a_dead_writer_is_removed(tmp_path: Path) -> None:
    old, young = tmp_path / ".a.0123456789ab.draft", tmp_path / ".b.0123456789ab.draft"
    for draft in (old, young):
        draft.write_bytes(b"half of")
    os.utime(old, (0, 0))
    write(StoreFolder(tmp_path), "c", b"")
    assert sorted(each.name for each in tmp_path.iterdir()) == [young.name, "c"]


@pytest.mark.parametrize(
    "key", ["", "/a", "a//b", "a/../b", ".a", "a/.b", "a b", "a\n", "ä", "a" * 129, "a/" * 600 + "a"]
)
def test_names_that_are_no_plain_path_are_no_keys(key: str) -> None:
    assert not is_key(key)
    assert is_key("models/20261123-0412-a1b2c3d4/card.json")
