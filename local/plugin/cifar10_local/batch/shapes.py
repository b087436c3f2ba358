"""Whether a value has the form that AWS's own model of Batch describes, which botocore contains."""

import json
import math
from typing import Any, NoReturn

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape
from localstack.aws.api import CommonServiceException

BITS = {"integer": 32, "long": 64}


def refuse(message: str) -> NoReturn:
    """Raises Batch's only error for invalid requests."""
    raise CommonServiceException("ClientException", message, status_code=400, sender_fault=True)


def check_shape(shape: Shape, value: Any, path: str = "") -> None:
    """
    :param path: what messages call the value, such as `containerOverrides.environment[0]`
    :raises CommonServiceException: names the first wrong value, and what is expected

    As AWS does, it ignores unknown members.
    """
    match shape:
        case StructureShape():
            _check_structure(shape, value, path)
        case ListShape():
            _check_type(value, list, "a list", path)
            _check_length(shape, value, path)
            for index, each in enumerate(value):
                check_shape(shape.member, each, f"{path}[{index}]")
        case MapShape():
            _check_map(shape, value, path)
        case StringShape():
            _check_string(shape, value, path)
        case _ if shape.type_name in BITS:
            limit = 2 ** (BITS[shape.type_name] - 1)
            if type(value) is not int or not -limit <= value < limit:
                refuse(f"{path} must be a whole number of at most {BITS[shape.type_name]} bits, not {show(value)}")
        case _ if shape.type_name in ("float", "double"):
            if type(value) not in (int, float) or not math.isfinite(value):
                refuse(f"{path} must be a number, not {show(value)}")
        case _ if shape.type_name == "boolean":
            _check_type(value, bool, "true or false", path)


def show(value: Any) -> str:
    """The value in a message, as JSON."""
    text = json.dumps(value)
    return text if len(text) <= 100 else f"{text[:100]}…"


def _check_structure(shape: StructureShape, value: Any, path: str) -> None:
    _check_type(value, dict, "an object", path)
    for name, member in shape.members.items():
        if "location" in member.serialization:
            continue
        inner = f"{path}.{name}" if path else name
        if value.get(name) is not None:
            check_shape(member, value[name], inner)
        elif name in shape.required_members:
            refuse(f"{inner} must be given")


def _check_map(shape: MapShape, value: Any, path: str) -> None:
    _check_type(value, dict, "an object", path)
    _check_length(shape, value, path)
    for key, each in value.items():
        check_shape(shape.key, key, f"the key {show(key)} of {path}")
        check_shape(shape.value, each, f"{path}[{show(key)}]")


def _check_string(shape: StringShape, value: Any, path: str) -> None:
    _check_type(value, str, "a string", path)
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value):
        refuse(f"{path} must not contain NUL characters or halves of surrogate pairs: {show(value)}")
    _check_length(shape, value, path)
    # "The values aren't case sensitive."
    known = value.upper() if shape.name == "RetryAction" else value
    if shape.enum and known not in shape.enum:
        refuse(f"{path} {value} must be one of {' | '.join(shape.enum)}")
    if shape.name == "TagKey" and value.lower().startswith("aws:"):
        refuse(f"{path} must not begin with aws:, which is reserved for AWS")


def _check_length(shape: Shape, value: Any, path: str) -> None:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max", math.inf)
    if len(value) > most:
        refuse(f"{path} has length {len(value)}: Member must have length less than or equal to {most}")
    # AWS takes a map of no tags, whatever its model says.
    if len(value) < least and not isinstance(shape, MapShape):
        refuse(f"{path} has length {len(value)}: Member must have length greater than or equal to {least}")


def _check_type(value: Any, kind: type, name: str, path: str) -> None:
    if not isinstance(value, kind):
        refuse(f"{path or 'The body'} must be {name}, not {show(value)}")
