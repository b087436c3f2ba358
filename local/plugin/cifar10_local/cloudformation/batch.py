"""AWS::Batch::ComputeEnvironment, JobQueue and JobDefinition."""

from typing import Any, ClassVar

from localstack.services.cloudformation.resource_provider import ProgressEvent

from .resource import Json, NamedResource, call, succeeded, to_api


def only(properties: Json, *names: str) -> Json:
    return {name: properties[name] for name in names if name in properties}


class ComputeEnvironmentProvider(NamedResource):
    TYPE, NAME = "AWS::Batch::ComputeEnvironment", "ComputeEnvironmentName"
    SCHEMA: ClassVar = {
        "primaryIdentifier": ["/properties/ComputeEnvironmentArn"],
        "createOnlyProperties": ["/properties/ComputeEnvironmentName", "/properties/Type", "/properties/Tags"],
    }

    def create(self, request: Any) -> ProgressEvent:
        properties = to_api(self.named(request))
        # It controls how updates replace instances, and there are none.
        properties.pop("replaceComputeEnvironment", None)
        properties["type"] = properties["type"].upper()
        answer = call(request.aws_client_factory.batch, "CreateComputeEnvironment", properties)
        return succeeded(request.desired_state | {"ComputeEnvironmentArn": answer["computeEnvironmentArn"]})

    def update(self, request: Any) -> ProgressEvent:
        arn = request.previous_state["ComputeEnvironmentArn"]
        changes = only(to_api(self.named(request)), "state", "computeResources", "serviceRole")
        changes.get("computeResources", {}).pop("type", None)
        call(request.aws_client_factory.batch, "UpdateComputeEnvironment", {"computeEnvironment": arn, **changes})
        return succeeded(request.desired_state | {"ComputeEnvironmentArn": arn})

    def delete(self, request: Any) -> ProgressEvent:
        batch, arn = request.aws_client_factory.batch, request.desired_state["ComputeEnvironmentArn"]
        if batch.describe_compute_environments(computeEnvironments=[arn])["computeEnvironments"]:
            batch.update_compute_environment(computeEnvironment=arn, state="DISABLED")
            batch.delete_compute_environment(computeEnvironment=arn)
        return succeeded({})


class JobQueueProvider(NamedResource):
    TYPE, NAME = "AWS::Batch::JobQueue", "JobQueueName"
    SCHEMA: ClassVar = {
        "primaryIdentifier": ["/properties/JobQueueArn"],
        "createOnlyProperties": ["/properties/JobQueueName", "/properties/Tags"],
    }

    def create(self, request: Any) -> ProgressEvent:
        answer = call(request.aws_client_factory.batch, "CreateJobQueue", to_api(self.named(request)))
        return succeeded(request.desired_state | {"JobQueueArn": answer["jobQueueArn"]})

    def update(self, request: Any) -> ProgressEvent:
        arn = request.previous_state["JobQueueArn"]
        names = ("state", "priority", "computeEnvironmentOrder", "schedulingPolicyArn", "jobStateTimeLimitActions")
        changes = only(to_api(self.named(request)), *names)
        call(request.aws_client_factory.batch, "UpdateJobQueue", {"jobQueue": arn, **changes})
        return succeeded(request.desired_state | {"JobQueueArn": arn})

    def delete(self, request: Any) -> ProgressEvent:
        batch, arn = request.aws_client_factory.batch, request.desired_state["JobQueueArn"]
        if batch.describe_job_queues(jobQueues=[arn])["jobQueues"]:
            batch.update_job_queue(jobQueue=arn, state="DISABLED")
            batch.delete_job_queue(jobQueue=arn)
        return succeeded({})


class JobDefinitionProvider(NamedResource):
    TYPE, NAME = "AWS::Batch::JobDefinition", "JobDefinitionName"
    SCHEMA: ClassVar = {
        "primaryIdentifier": ["/properties/JobDefinitionArn"],
        "createOnlyProperties": ["/properties/JobDefinitionName"],
    }

    def create(self, request: Any) -> ProgressEvent:
        properties = to_api({**self.named(request), "JobDefinitionArn": None})
        properties.pop("resourceRetentionPolicy", None)
        answer = call(request.aws_client_factory.batch, "RegisterJobDefinition", properties)
        return succeeded(request.desired_state | {"JobDefinitionArn": answer["jobDefinitionArn"]})

    def update(self, request: Any) -> ProgressEvent:
        """Registers a new revision and deactivates the one before, as AWS does."""
        event = self.create(request)
        previous = request.previous_state["JobDefinitionArn"]
        request.aws_client_factory.batch.deregister_job_definition(jobDefinition=previous)
        return event

    def delete(self, request: Any) -> ProgressEvent:
        arn = request.desired_state["JobDefinitionArn"]
        request.aws_client_factory.batch.deregister_job_definition(jobDefinition=arn)
        return succeeded({})
