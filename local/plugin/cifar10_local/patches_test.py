from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

from localstack.services.cloudformation.resource_provider import OperationStatus, ProgressEvent

from . import plugins
from .patches import (
    FUNCTION_EVENTS,
    support_alias_updates,
    support_protected_creation,
    support_rule_updates,
    support_topic_policy_updates,
)


def stream(name: str) -> Any:
    """A log stream of LocalStack's, with everything that is loaded with it."""
    import localstack.services.logs.provider as logs
    from moto.logs.models import LogGroup

    assert plugins.bound_logs is not None
    return logs.MotoLogStream(LogGroup("000000000000", "us-east-1", "group"), name)


def put(log_stream: Any, lines: range) -> None:
    log_stream.put_log_events([{"timestamp": each, "message": f"line {each}"} for each in lines])


def messages(log_stream: Any) -> list[str]:
    return [event.message for event in log_stream.events]


def test_the_log_of_a_functions_process_keeps_its_last_lines() -> None:
    log_stream = stream("2026/11/23/[$LATEST]0123456789abcdef0123456789abcdef")
    for first in range(0, 3 * FUNCTION_EVENTS, 4):
        put(log_stream, range(first, first + 4))
    assert messages(log_stream) == [f"line {each}" for each in range(2 * FUNCTION_EVENTS, 3 * FUNCTION_EVENTS)]


def test_every_other_log_keeps_all_lines() -> None:
    log_stream = stream("quick/default/0123456789abcdef0123456789abcdef")
    put(log_stream, range(3 * FUNCTION_EVENTS))
    assert len(messages(log_stream)) == 3 * FUNCTION_EVENTS


class Provider:
    """A type of LocalStack's without an update: creating it again replaces it, under a new id."""

    def create(self, request: Any) -> ProgressEvent:
        return ProgressEvent(status=OperationStatus.SUCCESS, resource_model={**request.desired_state, "Id": "new"})


def updated(support: Any, before: dict[str, Any], after: dict[str, Any], clients: Any = None) -> dict[str, Any]:
    provider = type("Changed", (Provider,), {})
    support(provider)
    request = SimpleNamespace(previous_state=before, desired_state=after, aws_client_factory=clients)
    model: dict[str, Any] = provider().update(request).resource_model
    return model


def test_an_alias_moves_with_its_version_and_all_requests() -> None:
    clients = Mock()
    alias = {"FunctionName": "f", "Name": "live", "FunctionVersion": "2"}
    assert updated(support_alias_updates, {"Id": "arn"}, alias, clients) == {**alias, "Id": "arn"}
    clients.lambda_.update_alias.assert_called_once_with(
        **alias, Description="", RoutingConfig={"AdditionalVersionWeights": {}}
    )


def test_a_changed_rule_keeps_its_name_and_loses_the_targets_that_are_gone() -> None:
    clients = Mock()
    before = {"Id": "rule", "Targets": [{"Id": "a"}, {"Id": "b"}]}
    assert updated(support_rule_updates, before, {"Targets": [{"Id": "b"}]}, clients)["Name"] == "rule"
    clients.events.remove_targets.assert_called_once_with(Rule="rule", Ids=["a"])


def test_a_changed_policy_of_a_topic_keeps_its_id() -> None:
    assert updated(support_topic_policy_updates, {"Id": "old"}, {"Topics": ["t"]}) == {"Topics": ["t"], "Id": "old"}


def test_a_stack_is_protected_from_its_creation() -> None:
    protect = Mock()
    provider: Any = type("Stacks", (), {"create_stack": lambda *_: {"StackId": "arn"}})
    provider.update_termination_protection = protect
    support_protected_creation(provider)
    provider().create_stack("context", {"StackName": "dev"})
    provider().create_stack("context", {"StackName": "prod", "EnableTerminationProtection": True})
    protect.assert_called_once_with("context", True, "arn")
