"""The container that a job runs in: what AWS accepts, and how a submission overrides the definition's."""

import copy
import json
import re
from decimal import Decimal

from .job import Json
from .shapes import refuse, show

MAXIMUM_OVERRIDES = 8192
"""Characters of JSON, as ECS counts them. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskOverride.html"""
LISTS = ("command", "environment", "mountPoints", "resourceRequirements", "secrets", "ulimits", "volumes")
"""AWS returns these empty where a client gave none."""
# The number, its least value, and how messages describe it. A definition does not say where it runs, and Fargate takes
# fractions of a vCPU.
RESOURCES = {
    "VCPU": (r"[0-9]{1,6}(\.[0-9]{1,4})?", Decimal("0.0001"), "a number of vCPUs, such as 4"),
    "MEMORY": (r"[0-9]{1,9}", Decimal(4), "a whole number of MiB, at least 4"),
    "GPU": (r"[0-9]{1,4}", Decimal(1), "a whole number of GPUs, at least 1"),
}


def read_container(container: Json, capabilities: list[str]) -> Json:
    """
    :returns: a definition's container properties, complete
    :raises CommonServiceException: AWS would not accept them
    """
    if not container.get("image"):
        refuse("containerProperties.image must be given")
    _check(container, "containerProperties")
    types = {entry["type"] for entry in container.get("resourceRequirements") or []}
    for kind, former in (("VCPU", "vcpus"), ("MEMORY", "memory")):
        if kind not in types and not container.get(former):
            refuse(f"containerProperties must require {kind}, by an entry of resourceRequirements")
    complete: Json = {**{name: [] for name in LISTS}, **container}
    if "logConfiguration" in complete:
        complete["logConfiguration"] = {"options": {}, "secretOptions": []} | complete["logConfiguration"]
    if "linuxParameters" in complete:
        complete["linuxParameters"] = {"devices": [], "tmpfs": []} | complete["linuxParameters"]
    if "FARGATE" in capabilities:
        complete["fargatePlatformConfiguration"] = {"platformVersion": "LATEST"} | complete.get(
            "fargatePlatformConfiguration", {}
        )
    return complete


def override(container: Json, overrides: Json) -> Json:
    """
    Replaces the command, and merges variables and resources by name.

    :raises CommonServiceException: AWS would not accept the overrides
    """
    size = len(json.dumps(overrides, ensure_ascii=False, separators=(",", ":")))
    if size > MAXIMUM_OVERRIDES:
        refuse(f"containerOverrides has {size} characters, more than {MAXIMUM_OVERRIDES}: store long arguments in S3")
    _check(overrides, "containerOverrides")
    merged = copy.deepcopy(container)
    merged.update({key: overrides[key] for key in ("command", "vcpus", "memory", "instanceType") if key in overrides})
    for field, key in (("environment", "name"), ("resourceRequirements", "type")):
        by_name = {entry[key]: entry for entry in [*merged.get(field, []), *overrides.get(field, [])]}
        merged[field] = list(by_name.values())
    return merged


def _check(container: Json, path: str) -> None:
    for former, minimum in (("vcpus", 1), ("memory", 4)):
        if container.get(former) is not None and container[former] < minimum:
            refuse(f"{path}.{former} must be at least {minimum}, not {container[former]}")
    for index, entry in enumerate(container.get("environment") or []):
        _check_variable(entry.get("name"), f"{path}.environment[{index}].name")
    seen: set[str] = set()
    for index, entry in enumerate(container.get("resourceRequirements") or []):
        kind, value = entry["type"], entry["value"]
        pattern, least, expected = RESOURCES[kind]
        if not re.fullmatch(pattern, value) or Decimal(value) < least:
            refuse(f"{path}.resourceRequirements[{index}]: the value of {kind} must be {expected}, not {show(value)}")
        if kind in seen:
            refuse(f"{path}.resourceRequirements[{index}]: {kind} must be given once")
        seen.add(kind)


def _check_variable(name: str | None, path: str) -> None:
    if not name or "=" in name:
        refuse(f"{path} must be the name of a variable, not {show(name)}")
    if name.startswith("AWS_BATCH"):
        refuse(f"{path} must not begin with AWS_BATCH, which is reserved for Batch: {name}")
