"""How an instance tells where it is, and that it is ready."""

import json
import os
from typing import Any

from .settings import settings


def write_instance_file() -> None:
    """
    `instance.json`, by which local/instance.ts finds this process. It is the first thing that an instance does, and to
    delete the file is the last that its watchdog does.
    """
    file = settings().folder / "instance.json"
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps({"pid": os.getpid(), "port": settings().port}))
    draft.rename(file)


def describe_instance(_request: Any, **_: Any) -> Any:
    """GET /_cifar10/instance: there from the moment at which everything has started and was found in order."""
    from localstack import constants
    from localstack.http import Response

    return Response.for_json({"pid": os.getpid(), "folder": str(settings().folder), "version": constants.VERSION})
