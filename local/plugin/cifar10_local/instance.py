"""How an instance tells where it is, and that it is ready."""

import json
import os
import threading
from typing import Any

from .settings import settings

_ready = threading.Event()


def write_instance_file() -> None:
    """
    `instance.json`, by which local/instance.ts finds this process. It is the first thing that an instance does, and to
    delete the file is the last that its watchdog does.
    """
    file = settings().folder / "instance.json"
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps({"pid": os.getpid(), "port": settings().port}))
    draft.rename(file)


def become_ready() -> None:
    """Everything has started, and was found in order."""
    _ready.set()


def describe_instance(_request: Any, **_: Any) -> Any:
    """GET /_cifar10/instance: which one it is, once it is ready."""
    from localstack import constants
    from localstack.http import Response

    if not _ready.is_set():
        return Response("LocalStack is starting.", status=503)
    return Response.for_json({"pid": os.getpid(), "folder": str(settings().folder), "version": constants.VERSION})
