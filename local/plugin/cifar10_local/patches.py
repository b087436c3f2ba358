"""Patches for two properties that LocalStack 4.14 silently ignores, and for a line that it logs in vain."""

import logging
from typing import Any

from localstack.services.cloudwatch.resource_providers.aws_cloudwatch_alarm import CloudWatchAlarmProvider
from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment


def support_alarm_updates() -> None:
    """By default a changed alarm is ignored: its provider has no update. Creating it again replaces it."""

    def update(self: CloudWatchAlarmProvider, request: Any) -> Any:
        request.desired_state["AlarmName"] = request.previous_state["AlarmName"]
        return self.create(request)

    CloudWatchAlarmProvider.update = update


def support_function_log_groups() -> None:
    """By default a function's `LoggingConfig.LogGroup` is ignored: its logs go to /aws/lambda/<name>."""
    default = ExecutionEnvironment.get_log_group_name

    def get_log_group_name(self: ExecutionEnvironment) -> str:
        logging_config = self.function_version.config.logging_config or {}
        chosen: str = logging_config.get("LogGroup") or default(self)
        return chosen

    ExecutionEnvironment.get_log_group_name = get_log_group_name


def expect_events_without_rules() -> None:
    """By default each event of an account without rules, such as a job's change of state, is a line in the log."""
    logging.getLogger("localstack.services.events.provider").addFilter(
        lambda record: "No rules attached to event_bus" not in record.getMessage()
    )
