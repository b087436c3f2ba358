"""The list of CloudFormation types, which LocalStack otherwise downloads from its vendor."""

from localstack.services.cloudformation.resource_provider import plugin_manager
from localstack.utils.catalog.catalog import CatalogPlugin
from localstack.utils.catalog.common import (
    CloudFormationResourcesSupportAtRuntime,
    CloudFormationResourcesSupportInLatest,
)


class OfflineCatalog(CatalogPlugin):
    """
    With CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES=0 an unknown type is an error instead of a silently missing resource; but
    without the downloaded catalog every type is unknown. Here a type is known if its provider is installed.
    LocalStack looks for this name first.
    """

    name = "aws-catalog-remote-state-with-license"

    def get_aws_service_status(self, service_name: str, operation_name: str | None = None) -> None:  # noqa: ARG002
        return None

    def get_cloudformation_resource_status(
        self,
        resource_name: str,
        service_name: str,  # noqa: ARG002
        is_pro_resource: bool = False,  # noqa: ARG002
    ) -> CloudFormationResourcesSupportAtRuntime | CloudFormationResourcesSupportInLatest:
        if plugin_manager.exists(resource_name):
            return CloudFormationResourcesSupportAtRuntime.AVAILABLE
        return CloudFormationResourcesSupportInLatest.NOT_SUPPORTED
