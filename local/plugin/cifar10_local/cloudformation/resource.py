"""Code that the providers of all types share."""

from typing import Any

import localstack.services.cloudformation.provider_utils as util
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
