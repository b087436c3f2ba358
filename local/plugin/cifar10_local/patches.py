"""Patches for properties that LocalStack 4.14 silently ignores, and for what it logs."""

import functools
import json
import logging
import re
from typing import Any

from localstack.services.cloudformation.engine.v2.change_set_model import is_nothing
from localstack.services.cloudformation.resource_provider import (
    OperationStatus,
    ProgressEvent,
    ResourceProviderExecutor,
)
from localstack.services.cloudwatch.resource_providers.aws_cloudwatch_alarm import CloudWatchAlarmProvider
from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment

FUNCTION_STREAM = re.compile(r"\d{4}/\d{2}/\d{2}/\[[^]]+\][0-9a-f]{32}")
FUNCTION_EVENTS = 2_000
"""How many of its last lines a function's log stream keeps: there is one stream for each of its processes."""


def support_alarm_updates() -> None:
    """By default a changed alarm is ignored: its provider has no update. Creating it again replaces it."""

    def update(self: CloudWatchAlarmProvider, request: Any) -> Any:
        request.desired_state["AlarmName"] = request.previous_state["AlarmName"]
        return self.create(request)

    CloudWatchAlarmProvider.update = update


def support_alias_updates(provider: Any) -> None:
    """
    By default an alias stays with its version. Here it moves at once, and all requests with it; on AWS an update policy
    may let CodeDeploy move it, step by step.
    """

    def update(_self: Any, request: Any) -> Any:
        alias = {**request.desired_state, "Id": request.previous_state["Id"]}
        weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", [])
        request.aws_client_factory.lambda_.update_alias(
            FunctionName=alias["FunctionName"],
            Name=alias["Name"],
            FunctionVersion=alias["FunctionVersion"],
            Description=alias.get("Description", ""),
            RoutingConfig={
                "AdditionalVersionWeights": {each["FunctionVersion"]: each["FunctionWeight"] for each in weights}
            },
        )
        return ProgressEvent(status=OperationStatus.SUCCESS, resource_model=alias)

    provider.update = update


def support_rule_updates(provider: Any) -> None:
    """By default a changed rule is ignored. Creating it again replaces its pattern, not the targets that are gone."""

    def update(self: Any, request: Any) -> Any:
        rule, before = request.desired_state, request.previous_state
        rule["Name"] = name = before["Id"].rsplit("|", maxsplit=1)[-1]
        bus = {"EventBusName": rule["EventBusName"]} if rule.get("EventBusName") else {}
        kept = {target["Id"] for target in rule.get("Targets", [])}
        gone = [target["Id"] for target in before.get("Targets", []) if target["Id"] not in kept]
        if gone:
            request.aws_client_factory.events.remove_targets(Rule=name, Ids=gone, **bus)
        return self.create(request)

    provider.update = update


def support_topic_policy_updates(provider: Any) -> None:
    """By default a changed policy of a topic is ignored. Creating it again replaces it."""

    def update(self: Any, request: Any) -> Any:
        event = self.create(request)
        event.resource_model["Id"] = request.previous_state["Id"]
        return event

    provider.update = update


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


def bound_function_logs(log_stream: Any) -> None:
    """By default every line of a function's log stays in memory: 4 KB for each call."""
    default = log_stream.put_log_events

    def put_log_events(self: Any, log_events: list[dict[str, Any]]) -> Any:
        answer = default(self, log_events)
        if FUNCTION_STREAM.fullmatch(self.log_stream_name) and len(self.events) > FUNCTION_EVENTS:
            # A new list, since another thread may be reading the old one.
            self.events = self.events[-FUNCTION_EVENTS:]
        return answer

    log_stream.put_log_events = put_log_events


def support_deletion(executor: Any) -> None:
    """
    By default a resource whose deletion policy is RetainExceptOnCreate is deleted with its stack. On AWS it stays,
    unless the stack's creation has failed: then it is deleted, there by the rollback and here, where there is none,
    with the stack. By default, too, a stack cannot be deleted if one of its resources was never created.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
    """
    default = executor._execute_resource_change

    def execute_resource_change(self: Any, name: str, before: Any, after: Any) -> None:
        if before and not after:
            status = self._before_resolved_resources.get(name, {}).get("ResourceStatus", "CREATE_FAILED")
            if status == "CREATE_FAILED":
                return
            if before.deletion_policy == "RetainExceptOnCreate" and was_created(self._change_set.stack):
                before.deletion_policy = "Retain"
        default(self, name, before, after)

    executor._execute_resource_change = execute_resource_change


def was_created(stack: Any) -> bool:
    """Whether a stack has ever been deployed whole, whatever became of it since."""
    whole = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    return any(
        event["PhysicalResourceId"] == stack.stack_id and event["ResourceStatus"] in whole for event in stack.events
    )


def support_lapsed_conditions(executor: Any) -> None:
    """By default a resource stays if its condition holds no more. On AWS the update deletes it."""
    default = executor.visit_node_resources

    def visit_node_resources(self: Any, node: Any) -> None:
        default(self, node)
        for resource in node.resources:
            if is_nothing(resource.condition_reference):
                continue
            condition = self._resolve_resource_condition_reference(resource.condition_reference)
            if condition.before is True and condition.after is False:
                self.visit(resource)

    executor.visit_node_resources = visit_node_resources


def support_updates_in_place(executor: Any) -> None:
    """
    By default a resource is replaced if a property that only its creation sets refers to a resource that changes, as
    a stage does to its API. On AWS it is replaced if the value itself changes. Here, the stage exists already.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html
    """
    default = executor._execute_resource_change

    def execute_resource_change(self: Any, name: str, before: Any, after: Any) -> None:
        if before and after and after.requires_replacement:
            provider = ResourceProviderExecutor.try_load_resource_provider(after.resource_type)
            fixed = [path.removeprefix("/properties/") for path in provider.SCHEMA.get("createOnlyProperties", [])]
            old, new = self._merge_before_properties(name, before).properties, after.properties.properties
            given = [each for each in fixed if each in new or each in before.properties.properties]
            after.requires_replacement = any(old.get(each) != new.get(each) for each in given)
        default(self, name, before, after)

    executor._execute_resource_change = execute_resource_change


def support_role_updates(provider: Any) -> None:
    """
    By default a role that changes is deleted and created again, which fails while an instance profile has it, and loses
    the policies that other resources gave it. On AWS its trust and its managed policies change in place.
    """
    default = provider.update

    def update(self: Any, request: Any) -> Any:
        role, before = request.desired_state, request.previous_state
        name = before["RoleName"]
        if role.get("RoleName", name) != name:
            return default(self, request)
        iam = request.aws_client_factory.iam
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(role["AssumeRolePolicyDocument"]))
        wanted = set(role.get("ManagedPolicyArns", []))
        attached = {
            policy["PolicyArn"] for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        }
        for arn in wanted - attached:
            iam.attach_role_policy(RoleName=name, PolicyArn=arn)
        for arn in attached - wanted:
            iam.detach_role_policy(RoleName=name, PolicyArn=arn)
        identity = {"RoleName": name, "Arn": before["Arn"], "RoleId": before["RoleId"]}
        return ProgressEvent(status=OperationStatus.SUCCESS, resource_model={**role, **identity})

    provider.update = update


def support_reserved_concurrency(provider: Any) -> None:
    """By default a function's ReservedConcurrentExecutions is ignored. Lambda refuses the calls beyond it with 429."""

    def reserving(default: Any) -> Any:
        def change(self: Any, request: Any) -> Any:
            event = default(self, request)
            if event.status != OperationStatus.SUCCESS:
                return event
            name = event.resource_model["FunctionName"]
            reserved = request.desired_state.get("ReservedConcurrentExecutions")
            client = request.aws_client_factory.lambda_
            if reserved is None:
                client.delete_function_concurrency(FunctionName=name)
            else:
                client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=int(reserved))
            return event

        return change

    provider.create, provider.update = reserving(provider.create), reserving(provider.update)


def support_updates_of_parameters(provider: Any) -> None:
    """By default an update must bring a template. On AWS it may keep the previous one, and change parameters."""
    default = provider.update_stack

    @functools.wraps(default)
    def update_stack(self: Any, context: Any, request: Any) -> Any:
        if request.get("UsePreviousTemplate"):
            from localstack.services.cloudformation.stores import get_cloudformation_store

            stacks = get_cloudformation_store(context.account_id, context.region).stacks_v2
            name = request["StackName"]
            found = next((each for each in reversed(stacks.values()) if name in (each.stack_name, each.stack_id)), None)
            request = {**request, "TemplateBody": found.template_body if found else None}
        return default(self, context, request)

    provider.update_stack = update_stack


def support_protected_creation(provider: Any) -> None:
    """By default only an update can protect a stack from being deleted. On AWS its creation can, too."""
    default = provider.create_stack

    @functools.wraps(default)
    def create_stack(self: Any, context: Any, request: Any) -> Any:
        created = default(self, context, request)
        if request.get("EnableTerminationProtection"):
            self.update_termination_protection(context, True, created["StackId"])
        return created

    provider.create_stack = create_stack


def support_instance_profile_updates(provider: Any) -> None:
    """By default an update fails if an instance profile gets another role. On AWS the role is exchanged in place."""

    def update(_self: Any, request: Any) -> Any:
        iam, before = request.aws_client_factory.iam, request.previous_state
        name = before["InstanceProfileName"]
        wanted = set(request.desired_state["Roles"])
        there = {
            role["RoleName"] for role in iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]
        }
        # A profile has one role at a time.
        for role in there - wanted:
            iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role)
        for role in wanted - there:
            iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=role)
        return ProgressEvent(status=OperationStatus.SUCCESS, resource_model={**before, **request.desired_state})

    provider.update = update
