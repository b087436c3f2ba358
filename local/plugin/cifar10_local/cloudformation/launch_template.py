"""AWS::EC2::LaunchTemplate."""

from typing import Any, ClassVar

from localstack.services.cloudformation.resource_provider import ProgressEvent

from .resource import NamedResource, succeeded


class LaunchTemplateProvider(NamedResource):
    TYPE, NAME = "AWS::EC2::LaunchTemplate", "LaunchTemplateName"
    SCHEMA: ClassVar = {
        "primaryIdentifier": ["/properties/LaunchTemplateId"],
        "createOnlyProperties": ["/properties/LaunchTemplateName"],
    }

    def create(self, request: Any) -> ProgressEvent:
        model = self.named(request)
        template = request.aws_client_factory.ec2.create_launch_template(
            LaunchTemplateName=model["LaunchTemplateName"], LaunchTemplateData=model["LaunchTemplateData"]
        )["LaunchTemplate"]
        return self._described(request, template["LaunchTemplateId"], "1")

    def update(self, request: Any) -> ProgressEvent:
        template_id = request.previous_state["LaunchTemplateId"]
        version = request.aws_client_factory.ec2.create_launch_template_version(
            LaunchTemplateId=template_id, LaunchTemplateData=request.desired_state["LaunchTemplateData"]
        )["LaunchTemplateVersion"]["VersionNumber"]
        return self._described(request, template_id, str(version))

    def delete(self, request: Any) -> ProgressEvent:
        template_id = request.desired_state["LaunchTemplateId"]
        request.aws_client_factory.ec2.delete_launch_template(LaunchTemplateId=template_id)
        return succeeded({})

    def _described(self, request: Any, template_id: str, latest: str) -> ProgressEvent:
        numbers = {"LatestVersionNumber": latest, "DefaultVersionNumber": "1"}
        return succeeded(self.named(request) | {"LaunchTemplateId": template_id} | numbers)
