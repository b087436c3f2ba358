"""The entry points of `cifar10_local.dist-info`. LocalStack loads this module early: most imports are in functions."""

import os
from typing import Any

from localstack.runtime import hooks
from localstack.runtime.server.core import RuntimeServerPlugin
from localstack.services.cloudformation.resource_provider import CloudFormationResourceProviderPlugin
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.plugins import Service, aws_provider
from wrapt import when_imported

from .catalog import OfflineCatalog

__all__ = ["OfflineCatalog"]


class LoopbackServerPlugin(RuntimeServerPlugin):
    """Selected by GATEWAY_SERVER=loopback."""

    name = "loopback"

    def load(self, *_: Any, **__: Any) -> Any:
        from .loopback import LoopbackServer

        return LoopbackServer()


class ProcessExecutorPlugin(RuntimeExecutorPlugin):
    """Selected by LAMBDA_RUNTIME_EXECUTOR=process."""

    name = "process"

    def load(self, *_: Any, **__: Any) -> Any:
        from .functions.executor import ProcessExecutor

        return ProcessExecutor


@hooks.on_infra_start()
def prepare_localstack() -> None:
    from localstack.services.edge import ROUTER

    from .batch.edge import check_batch_requests
    from .disk_space import name_full_disks
    from .instance import describe_instance
    from .patches import expect_events_without_rules, support_alarm_updates, support_function_log_groups
    from .permissions.enforcement import describe_permissions, enforce_permissions
    from .service_index import load_service_index

    load_service_index()
    # Before LocalStack listens: it treats a path without a route as a bucket's name, and loads S3 to look for it.
    ROUTER.add("/_cifar10/instance", endpoint=describe_instance, methods=["GET"])
    ROUTER.add("/_cifar10/permissions", endpoint=describe_permissions, methods=["GET"])
    enforce_permissions()
    support_alarm_updates()
    support_function_log_groups()
    check_batch_requests()
    expect_events_without_rules()
    name_full_disks()


@when_imported("localstack.services.apigateway.next_gen.provider")
def patch_api_gateway(_module: Any) -> None:
    """Patches API Gateway when LocalStack loads it: that takes two seconds and 350 MB, so not at the start."""
    from .api_gateway import (
        answer_requests_that_are_too_large,
        keep_request_bodies,
        support_binary_wildcard,
        support_gateway_response_templates,
        support_updates_and_deletes,
    )
    from .permissions.invocations import authorize_invocations

    authorize_invocations()
    support_binary_wildcard()
    keep_request_bodies()
    answer_requests_that_are_too_large()
    support_updates_and_deletes()
    support_gateway_response_templates()


@when_imported("localstack.services.lambda_.invocation.lambda_service")
def bound_functions(lambda_service: Any) -> None:
    """Replaces what starts, keeps and ends the processes of functions, and checks requests as Lambda does."""
    from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment

    from .functions.environments import Environments, release
    from .functions.invoke_requests import check_requests

    lambda_service.AssignmentService = Environments
    ExecutionEnvironment.release = release
    check_requests(lambda_service.LambdaService)


@when_imported("localstack.services.lambda_.invocation.version_manager")
def forget_finished_threads(version_manager: Any) -> None:
    """By default LocalStack starts a thread for the metric of each call, and keeps it until its own end."""
    from localstack.utils.threads import start_worker_thread

    version_manager.start_thread = start_worker_thread


@when_imported("localstack.services.cloudformation.engine.v2.change_set_model_executor")
def patch_changes_of_stacks(executor: Any) -> None:
    from .patches import support_deletion, support_lapsed_conditions, support_updates_in_place

    support_deletion(executor.ChangeSetModelExecutor)
    support_updates_in_place(executor.ChangeSetModelExecutor)
    support_lapsed_conditions(executor.ChangeSetModelExecutor)


@when_imported("localstack.services.cloudformation.v2.provider")
def patch_stacks(provider: Any) -> None:
    from .patches import support_protected_creation, support_updates_of_parameters

    support_updates_of_parameters(provider.CloudformationProviderV2)
    support_protected_creation(provider.CloudformationProviderV2)


@when_imported("localstack.services.iam.resource_providers.aws_iam_role")
def patch_roles(module: Any) -> None:
    from .patches import support_role_updates

    support_role_updates(module.IAMRoleProvider)


@when_imported("localstack.services.iam.resource_providers.aws_iam_instanceprofile")
def patch_instance_profiles(module: Any) -> None:
    from .patches import support_instance_profile_updates

    support_instance_profile_updates(module.IAMInstanceProfileProvider)


@when_imported("localstack.services.lambda_.resource_providers.aws_lambda_function")
def patch_functions(module: Any) -> None:
    from .patches import support_reserved_concurrency

    support_reserved_concurrency(module.LambdaFunctionProvider)


@when_imported("localstack.services.lambda_.provider")
def patch_alias_weights(module: Any) -> None:
    from .functions.alias_weights import support_alias_weights

    support_alias_weights(module.LambdaProvider)


@when_imported("localstack.services.lambda_.resource_providers.lambda_alias")
def patch_aliases(module: Any) -> None:
    from .patches import support_alias_updates

    support_alias_updates(module.LambdaAliasProvider)


@when_imported("localstack.services.events.resource_providers.aws_events_rule")
def patch_rules(module: Any) -> None:
    from .patches import support_rule_updates

    support_rule_updates(module.EventsRuleProvider)


@when_imported("localstack.services.sns.resource_providers.aws_sns_topicpolicy")
def patch_topic_policies(module: Any) -> None:
    from .patches import support_topic_policy_updates

    support_topic_policy_updates(module.SNSTopicPolicyProvider)


@when_imported("localstack.services.logs.provider")
def bound_logs(provider: Any) -> None:
    """After LocalStack has replaced what moto does with the lines of a log."""
    from .patches import bound_function_logs

    bound_function_logs(provider.MotoLogStream)


@hooks.on_infra_ready()
def check_instance() -> None:
    """Stops an instance that is not configured as it must be."""
    from localstack.services.lambda_.invocation.runtime_executor import get_runtime_executor

    from .instance import become_ready
    from .loopback import open_listeners

    # Without its executor LocalStack silently falls back to Docker, and fails much later or runs code elsewhere.
    executor = get_runtime_executor().__name__
    if executor != "ProcessExecutor":
        _refuse(f"{executor} would run Lambda functions, not ProcessExecutor.")
    if addresses := open_listeners():
        _refuse(f"it listens on {', '.join(addresses)}, which other machines can reach.")
    become_ready()


def _refuse(reason: str) -> None:
    print(f"LocalStack was stopped: {reason}", flush=True)
    os._exit(3)


@aws_provider(api="batch")
def batch() -> Service:
    from localstack.services.edge import ROUTER

    from .batch.provider import BatchProvider

    provider = BatchProvider()
    ROUTER.add("/_cifar10/batch/jobs/<job_id>/interrupt", endpoint=provider.handle_interrupt, methods=["POST"])
    return Service.for_provider(provider)


@aws_provider(api="s3", name="folder")
def s3() -> Service:
    """
    Selected by PROVIDER_OVERRIDE_S3=folder. By default all instances share one folder below /tmp, and deleting a bucket
    deletes its folder there: instances would destroy each other's objects.
    """
    from localstack.services.s3.provider import S3Provider
    from localstack.services.s3.storage.ephemeral import EphemeralS3ObjectStore

    from .settings import settings
    from .storage.folder import StoreFolder
    from .storage.model_bucket import keep_model_bucket

    objects = EphemeralS3ObjectStore(str(settings().folder / "s3"))
    if (store := settings().store) is not None:
        keep_model_bucket(objects, StoreFolder(store))
    return Service.for_provider(S3Provider(objects))


class _ResourcePlugin(CloudFormationResourceProviderPlugin):
    """The provider of one CloudFormation type; LocalStack reads its `factory`."""

    module: str
    provider: str

    def __init__(self) -> None:
        self.factory: Any = None

    def load(self, *_: Any, **__: Any) -> None:
        import importlib

        self.factory = getattr(importlib.import_module(f"{__package__}.cloudformation.{self.module}"), self.provider)


class ComputeEnvironmentPlugin(_ResourcePlugin):
    name, module, provider = "AWS::Batch::ComputeEnvironment", "batch", "ComputeEnvironmentProvider"


class JobQueuePlugin(_ResourcePlugin):
    name, module, provider = "AWS::Batch::JobQueue", "batch", "JobQueueProvider"


class JobDefinitionPlugin(_ResourcePlugin):
    name, module, provider = "AWS::Batch::JobDefinition", "batch", "JobDefinitionProvider"


class DashboardPlugin(_ResourcePlugin):
    name, module, provider = "AWS::CloudWatch::Dashboard", "dashboard", "DashboardProvider"


class ApplicationPlugin(_ResourcePlugin):
    name, module, provider = "AWS::CodeDeploy::Application", "inert", "ApplicationProvider"


class DeploymentGroupPlugin(_ResourcePlugin):
    name, module, provider = "AWS::CodeDeploy::DeploymentGroup", "inert", "DeploymentGroupProvider"


class BudgetPlugin(_ResourcePlugin):
    name, module, provider = "AWS::Budgets::Budget", "inert", "BudgetProvider"


class LaunchTemplatePlugin(_ResourcePlugin):
    name, module, provider = "AWS::EC2::LaunchTemplate", "launch_template", "LaunchTemplateProvider"
