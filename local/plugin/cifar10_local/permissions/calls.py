"""Which permissions a call of an AWS operation needs."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from .policy import Request

type Parameters = Mapping[str, Any]

OBJECT_ACTIONS: Mapping[str, tuple[str, ...]] = {
    "AbortMultipartUpload": ("s3:AbortMultipartUpload",),
    "CompleteMultipartUpload": ("s3:PutObject",),
    "CreateMultipartUpload": ("s3:PutObject",),
    "GetObject": ("s3:GetObject",),
    "GetObjectAttributes": ("s3:GetObject", "s3:GetObjectAttributes"),
    "HeadObject": ("s3:GetObject",),
    "ListParts": ("s3:ListMultipartUploadParts",),
    "PutObject": ("s3:PutObject",),
    "UploadPart": ("s3:PutObject",),
}
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html"""
BUCKET_ACTIONS = {
    "HeadBucket": "s3:ListBucket",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "ListObjectVersions": "s3:ListBucketVersions",
    "ListObjects": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
}
LIST_KEYS = {"Prefix": "s3:prefix", "Delimiter": "s3:delimiter", "MaxKeys": "s3:max-keys"}
"""A condition key is absent where the request does not have its parameter."""
READS = ("GetObject", "HeadObject", "GetObjectAttributes")
"""For an object that does not exist, S3 answers 404 to who may list the bucket, and 403 to others."""
OVER_TLS = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
"""The same programs talk to AWS over TLS, and to LocalStack on this machine without."""


_STACK = "arn:aws:cloudformation:{region}:{account}:stack/{name}/id"
"""Policies name a stack without the id that ends its ARN."""
_QUOTA = "arn:aws:servicequotas:{region}:{account}:{name}/code"
"""Policies name the service of quotas. IAM has another name for Service Quotas than its API."""
_FUNCTION = "arn:aws:lambda:{region}:{account}:function:{name}"
NAMED: Mapping[tuple[str, str], tuple[str, str, str]] = {
    **{
        ("cloudformation", operation): (f"cloudformation:{operation}", _STACK, "StackName")
        for operation in (
            "DescribeStacks",
            "DescribeStackEvents",
            "ListStackResources",
            "CreateStack",
            "UpdateStack",
            "DeleteStack",
        )
    },
    **{
        ("lambda", operation): (f"lambda:{operation}", _FUNCTION, "FunctionName")
        for operation in ("GetAlias", "UpdateAlias")
    },
    ("lambda", "Invoke"): ("lambda:InvokeFunction", _FUNCTION, "FunctionName"),
    ("batch", "GetJobQueueSnapshot"): (
        "batch:GetJobQueueSnapshot",
        "arn:aws:batch:{region}:{account}:job-queue/{name}",
        "jobQueue",
    ),
    ("batch", "TerminateJob"): ("batch:TerminateJob", "arn:aws:batch:{region}:{account}:job/{name}", "jobId"),
    ("batch", "CancelJob"): ("batch:CancelJob", "arn:aws:batch:{region}:{account}:job/{name}", "jobId"),
    ("ecs", "DescribeTasks"): ("ecs:DescribeTasks", "arn:aws:ecs:{region}:{account}:task/{name}", "tasks"),
    ("service-quotas", "GetServiceQuota"): ("servicequotas:GetServiceQuota", _QUOTA, "ServiceCode"),
    ("service-quotas", "GetAWSDefaultServiceQuota"): ("servicequotas:GetAWSDefaultServiceQuota", "*", ""),
    ("apigateway", "GetApiKey"): ("apigateway:GET", "arn:aws:apigateway:{region}::/apikeys/{name}", "apiKey"),
    ("apigateway", "GetApiKeys"): ("apigateway:GET", "arn:aws:apigateway:{region}::/apikeys", ""),
    ("sts", "AssumeRole"): ("sts:AssumeRole", "", "RoleArn"),
    ("sns", "Publish"): ("sns:Publish", "", "TopicArn"),
}
"""
Operations on named resources: the action, a resource's ARN, and the parameter that names one or several, by names or
ARNs. API Gateway's actions are named by the method of HTTP.
"""


def required(service: str, operation: str, parameters: Parameters, place: str = "") -> list[Request]:
    """
    The permissions that a call needs, all of them. Operations that are not named here need an action of their own name
    on all resources, as ListJobs does.

    https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html

    :param place: the region and account, as ARNs have them: `us-east-1:000000000000`
    """
    if service == "s3":
        return _required_for_s3(operation, parameters)
    if service == "logs" and "logGroupName" in parameters:
        group, stream = parameters["logGroupName"], parameters.get("logStreamName", "")
        return [Request(f"logs:{operation}", f"arn:aws:logs:{place}:log-group:{group}:log-stream:{stream}")]
    if (service, operation) == ("batch", "SubmitJob"):
        return [
            Request("batch:SubmitJob", _batch_arn(place, "job-queue", parameters["jobQueue"])),
            Request("batch:SubmitJob", _batch_arn(place, "job-definition", parameters["jobDefinition"])),
        ]
    if (service, operation) in NAMED:
        action, pattern, parameter = NAMED[service, operation]
        named = parameters.get(parameter, "")
        names = named if isinstance(named, list) else [str(named)]
        return [Request(action, _named_arn(pattern, place, name)) for name in names]
    return [Request(f"{service}:{operation}", "*")]


def _named_arn(pattern: str, place: str, name: str) -> str:
    region, _, account = place.partition(":")
    return name if name.startswith("arn:") else pattern.format(region=region, account=account, name=name)


def _batch_arn(place: str, kind: str, reference: str) -> str:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbatch.html"""
    return reference if reference.startswith("arn:") else f"arn:aws:batch:{place}:{kind}/{reference}"


def listing(bucket: str) -> Request:
    """The permission that S3 looks for before it says that an object does not exist. The call has no prefix."""
    return Request("s3:ListBucket", _arn(bucket), OVER_TLS)


def _required_for_s3(operation: str, parameters: Parameters) -> list[Request]:
    bucket = parameters.get("Bucket", "")
    if operation in BUCKET_ACTIONS:
        given = {key: str(parameters[name]) for name, key in LIST_KEYS.items() if parameters.get(name) is not None}
        return [Request(BUCKET_ACTIONS[operation], _arn(bucket), OVER_TLS | given)]
    if operation == "DeleteObjects":
        deleted = parameters.get("Delete", {}).get("Objects", [])
        return [each for item in deleted for each in _deletion(bucket, item)]
    if operation == "DeleteObject":
        return _deletion(bucket, parameters)
    if operation in ("CopyObject", "UploadPartCopy"):
        return [_read_of_source(parameters["CopySource"]), _on_object("s3:PutObject", bucket, parameters["Key"])]
    key = parameters.get("Key")
    if key is None:
        return [Request(f"s3:{operation}", _arn(bucket) if bucket else "*", OVER_TLS)]
    actions = [
        action.replace("GetObject", "GetObjectVersion") if parameters.get("VersionId") else action
        for action in OBJECT_ACTIONS.get(operation, (f"s3:{operation}",))
    ]
    # A tag to match must be read: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    if operation in ("PutObject", "CompleteMultipartUpload") and parameters.get("IfMatch"):
        actions.append("s3:GetObject")
    if parameters.get("Tagging"):
        actions.append("s3:PutObjectTagging")
    if parameters.get("ACL"):
        actions.append("s3:PutObjectAcl")
    return [_on_object(action, bucket, key) for action in actions]


def _deletion(bucket: str, parameters: Parameters) -> list[Request]:
    action = "s3:DeleteObjectVersion" if parameters.get("VersionId") else "s3:DeleteObject"
    etag = parameters.get("IfMatch") or parameters.get("ETag")
    reads = [_on_object("s3:GetObject", bucket, parameters["Key"])] if etag and etag != "*" else []
    return [_on_object(action, bucket, parameters["Key"]), *reads]


def _read_of_source(source: str | Mapping[str, str]) -> Request:
    """
    :param source: `bucket/key`, with `?versionId=` where a version is copied
    """
    if not isinstance(source, str):
        return _on_object("s3:GetObject", source["Bucket"], source["Key"])
    path, _, version = unquote(source).removeprefix("/").partition("?versionId=")
    bucket, _, key = path.partition("/")
    return _on_object("s3:GetObjectVersion" if version else "s3:GetObject", bucket, key)


def _on_object(action: str, bucket: str, key: str) -> Request:
    return Request(action, f"{_arn(bucket)}/{key}", OVER_TLS)


def _arn(bucket: str) -> str:
    return f"arn:aws:s3:::{bucket}"
