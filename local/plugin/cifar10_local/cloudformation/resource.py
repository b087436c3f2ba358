"""Code that the providers of all types share."""

from typing import Any

import localstack.services.cloudformation.provider_utils as util
from botocore import xform_name
from botocore.model import ListShape, MapShape, Shape, StructureShape
from localstack.services.cloudformation.resource_provider import OperationStatus, ProgressEvent, ResourceProvider

type Json = dict[str, Any]

KEYS_OF_THE_USER = ("Tags", "Parameters", "Options")
"""Properties whose keys the template's author chooses."""


def succeeded(model: Json) -> ProgressEvent:
    return ProgressEvent(status=OperationStatus.SUCCESS, resource_model=model)


def to_api(value: Any) -> Any:
    """Converts CloudFormation's `PascalCase` keys to the API's `camelCase`, at every depth."""
    if isinstance(value, list):
        return [to_api(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key[0].lower() + key[1:]: each if key in KEYS_OF_THE_USER else to_api(each)
        for key, each in value.items()
        if each is not None
    }


def call(client: Any, operation: str, parameters: Json) -> Json:
    """Calls an operation with parameters from a template, where a number may be written as a string and vice versa."""
    shape = client.meta.service_model.operation_model(operation).input_shape
    answer: Json = getattr(client, xform_name(operation))(**convert(shape, parameters))
    return answer


def convert(shape: Shape, value: Any) -> Any:
    """Converts scalars to the types of AWS's model. What cannot be converted stays, for the operation to refuse."""
    match shape, value:
        case StructureShape(), dict():
            members = shape.members
            return {key: convert(members[key], each) if key in members else each for key, each in value.items()}
        case ListShape(), list():
            return [convert(shape.member, each) for each in value]
        case MapShape(), dict():
            return {key: convert(shape.value, each) for key, each in value.items()}
        case _, bool() if shape.type_name == "string":
            return str(value).lower()
        case _, int() | float() if shape.type_name == "string":
            return str(value)
        case _, str() if shape.type_name in ("integer", "long"):
            return int(value) if value.removeprefix("-").isdecimal() else value
        case _, str() if shape.type_name == "boolean" and value.lower() in ("true", "false"):
            return value.lower() == "true"
    return value


class NamedResource(ResourceProvider):
    """A resource with a name, by default generated from the stack's."""

    NAME: str

    def named(self, request: Any) -> Json:
        """The desired state, with a name."""
        model: Json = request.desired_state
        if not model.get(self.NAME):
            previous = (request.previous_state or {}).get(self.NAME)
            model[self.NAME] = previous or util.generate_default_name(request.stack_name, request.logical_resource_id)
        return model

    def read(self, request: Any) -> ProgressEvent:
        return succeeded(request.desired_state)
