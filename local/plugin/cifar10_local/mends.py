"""Two things that LocalStack 4.14 drops without a word, though the template or the API call asked for them."""

from typing import Any

from localstack.services.cloudwatch.resource_providers.aws_cloudwatch_alarm import CloudWatchAlarmProvider
from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment


def let_alarms_be_updated() -> None:
    """A changed alarm in a template is ignored: its provider has no update. Putting an alarm again is one."""

    def update(self: CloudWatchAlarmProvider, request: Any) -> Any:
        request.desired_state["AlarmName"] = request.previous_state["AlarmName"]
        return self.create(request)

    CloudWatchAlarmProvider.update = update


def let_functions_have_log_groups() -> None:
    """A function's `LoggingConfig.LogGroup` is ignored: its logs go to /aws/lambda/<name> all the same."""
    default = ExecutionEnvironment.get_log_group_name

    def get_log_group_name(self: ExecutionEnvironment) -> str:
        logging_config = self.function_version.config.logging_config or {}
        chosen: str = logging_config.get("LogGroup") or default(self)
        return chosen

    ExecutionEnvironment.get_log_group_name = get_log_group_name
