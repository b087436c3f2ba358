"""How an instance tells that it is ready, and which one it is."""

import os
from typing import Any

from localstack import constants
from localstack.http import Request, Response

from .settings import settings


def describe_instance(_request: Request, **_: Any) -> Response:
    """GET /_cifar10/instance: there from the moment at which everything has started and was found in order."""
    return Response.for_json({"pid": os.getpid(), "folder": str(settings().folder), "version": constants.VERSION})
