"""Publishes where an instance is, and that it is ready."""

import json
import os
import threading
from typing import Any

from .settings import settings

_ready = threading.Event()


def write_instance_file() -> None:
    """
    Writes `instance.json`, by which local/instance.ts finds this process. An instance writes it first, and its watchdog
    deletes it last.
    """
    file = settings().folder / "instance.json"
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps({"pid": os.getpid(), "port": settings().port}))
    draft.rename(file)


def become_ready() -> None:
    """Marks the instance as started and checked."""
    _ready.set()


def describe_instance(_request: Any, **_: Any) -> Any:
    """GET /_cifar10/instance: the instance's process, folder and version, once it is ready."""
    from localstack import constants
    from localstack.http import Response

    if not _ready.is_set():
        return Response("LocalStack is starting.", status=503)
    return Response.for_json({"pid": os.getpid(), "folder": str(settings().folder), "version": constants.VERSION})
