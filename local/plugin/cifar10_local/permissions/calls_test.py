from typing import Any

import pytest

from .calls import listing, required


def needs(operation: str, **parameters: Any) -> set[str]:
    found = required("s3", operation, {"Bucket": "b", **parameters})
    return {f"{each.action} {each.resource.removeprefix('arn:aws:s3:::')}" for each in found}


@pytest.mark.parametrize(
    ("operation", "parameters", "expected"),
    [
        ("GetObject", {"Key": "models/a"}, {"s3:GetObject b/models/a"}),
        ("HeadObject", {"Key": "models/a"}, {"s3:GetObject b/models/a"}),
        ("GetObject", {"Key": "a", "VersionId": "1"}, {"s3:GetObjectVersion b/a"}),
        ("PutObject", {"Key": "a"}, {"s3:PutObject b/a"}),
        ("PutObject", {"Key": "a", "IfNoneMatch": "*"}, {"s3:PutObject b/a"}),
        ("PutObject", {"Key": "a", "IfMatch": '"1"'}, {"s3:PutObject b/a", "s3:GetObject b/a"}),
        ("PutObject", {"Key": "a", "Tagging": "x=y"}, {"s3:PutObject b/a", "s3:PutObjectTagging b/a"}),
        ("PutObject", {"Key": "a", "ACL": "private"}, {"s3:PutObject b/a", "s3:PutObjectAcl b/a"}),
        ("CreateMultipartUpload", {"Key": "a"}, {"s3:PutObject b/a"}),
        ("UploadPart", {"Key": "a", "UploadId": "1"}, {"s3:PutObject b/a"}),
        ("CompleteMultipartUpload", {"Key": "a", "UploadId": "1"}, {"s3:PutObject b/a"}),
        ("AbortMultipartUpload", {"Key": "a", "UploadId": "1"}, {"s3:AbortMultipartUpload b/a"}),
        ("ListParts", {"Key": "a", "UploadId": "1"}, {"s3:ListMultipartUploadParts b/a"}),
        ("CopyObject", {"Key": "a", "CopySource": "/o/x%20y"}, {"s3:GetObject o/x y", "s3:PutObject b/a"}),
        ("CopyObject", {"Key": "a", "CopySource": "o/x?versionId=1"}, {"s3:GetObjectVersion o/x", "s3:PutObject b/a"}),
        ("DeleteObject", {"Key": "a"}, {"s3:DeleteObject b/a"}),
        ("DeleteObject", {"Key": "a", "VersionId": "1"}, {"s3:DeleteObjectVersion b/a"}),
        ("DeleteObject", {"Key": "a", "IfMatch": '"1"'}, {"s3:DeleteObject b/a", "s3:GetObject b/a"}),
        (
            "DeleteObjects",
            {"Delete": {"Objects": [{"Key": "a"}, {"Key": "c"}]}},
            {"s3:DeleteObject b/a", "s3:DeleteObject b/c"},
        ),
        ("ListObjectsV2", {}, {"s3:ListBucket b"}),
        ("HeadBucket", {}, {"s3:ListBucket b"}),
        ("ListObjectVersions", {}, {"s3:ListBucketVersions b"}),
        ("PutBucketPolicy", {}, {"s3:PutBucketPolicy b"}),
        ("GetObjectTagging", {"Key": "a"}, {"s3:GetObjectTagging b/a"}),
    ],
)
def test_a_call_of_s3_needs_the_documented_permissions(
    operation: str, parameters: dict[str, Any], expected: set[str]
) -> None:
    assert needs(operation, **parameters) == expected


def test_a_prefix_is_a_condition_key_only_where_the_call_has_it() -> None:
    def context(**parameters: Any) -> dict[str, str]:
        [request] = required("s3", "ListObjectsV2", {"Bucket": "b", **parameters})
        return dict(request.context)

    assert context(Prefix="runs/", MaxKeys=1)["s3:prefix"] == "runs/"
    assert context(Prefix="")["s3:prefix"] == ""
    assert "s3:prefix" not in context()
    assert "s3:prefix" not in listing("b").context


def test_calls_of_other_services_need_an_action_of_their_name() -> None:
    [lines] = required("logs", "PutLogEvents", {"logGroupName": "g", "logStreamName": "s"}, "us-east-1:0")
    assert (lines.action, lines.resource) == ("logs:PutLogEvents", "arn:aws:logs:us-east-1:0:log-group:g:log-stream:s")
    [other] = required("batch", "ListJobs", {})
    assert (other.action, other.resource) == ("batch:ListJobs", "*")
    [notice] = required("sns", "Publish", {"TopicArn": "arn:aws:sns:us-east-1:0:topic", "Message": "m"})
    assert (notice.action, notice.resource) == ("sns:Publish", "arn:aws:sns:us-east-1:0:topic")


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "expected"),
    [
        ("cloudformation", "DescribeStacks", {"StackName": "S"}, "arn:aws:cloudformation:us-east-1:0:stack/S/id"),
        ("cloudformation", "DeleteStack", {"StackName": "arn:aws:cloudformation:x"}, "arn:aws:cloudformation:x"),
        ("batch", "TerminateJob", {"jobId": "j"}, "arn:aws:batch:us-east-1:0:job/j"),
        ("batch", "GetJobQueueSnapshot", {"jobQueue": "q"}, "arn:aws:batch:us-east-1:0:job-queue/q"),
        ("ecs", "DescribeTasks", {"cluster": "c", "tasks": ["c/t"]}, "arn:aws:ecs:us-east-1:0:task/c/t"),
        ("apigateway", "GetApiKey", {"apiKey": "k"}, "arn:aws:apigateway:us-east-1::/apikeys/k"),
        ("apigateway", "GetApiKeys", {"limit": 1}, "arn:aws:apigateway:us-east-1::/apikeys"),
        ("sts", "AssumeRole", {"RoleArn": "arn:aws:iam::0:role/r"}, "arn:aws:iam::0:role/r"),
        ("lambda", "UpdateAlias", {"FunctionName": "f"}, "arn:aws:lambda:us-east-1:0:function:f"),
    ],
)
def test_a_call_about_one_resource_needs_that_resource(
    service: str, operation: str, parameters: dict[str, Any], expected: str
) -> None:
    [request] = required(service, operation, parameters, "us-east-1:0")
    assert request.resource == expected
    assert request.action == ("apigateway:GET" if service == "apigateway" else f"{service}:{operation}")


def test_quotas_are_those_of_a_service() -> None:
    [found] = required("service-quotas", "GetServiceQuota", {"ServiceCode": "ec2", "QuotaCode": "L-1"}, "us-east-1:0")
    assert found.action == "servicequotas:GetServiceQuota"
    assert found.resource.startswith("arn:aws:servicequotas:us-east-1:0:ec2/")
    [default] = required("service-quotas", "GetAWSDefaultServiceQuota", {"ServiceCode": "ec2"}, "us-east-1:0")
    assert (default.action, default.resource) == ("servicequotas:GetAWSDefaultServiceQuota", "*")


def test_a_call_about_several_resources_needs_each() -> None:
    tasks = [f"arn:aws:ecs:us-east-1:0:task/c/{task}" for task in ("t", "u")]
    found = required("ecs", "DescribeTasks", {"cluster": "c", "tasks": tasks}, "us-east-1:0")
    assert [(each.action, each.resource) for each in found] == [("ecs:DescribeTasks", task) for task in tasks]


def test_submitting_a_job_needs_its_queue_and_its_definition() -> None:
    arn = "arn:aws:batch:us-east-1:0"
    for queue, definition in (("q", "d:3"), (f"{arn}:job-queue/q", f"{arn}:job-definition/d:3")):
        found = required("batch", "SubmitJob", {"jobQueue": queue, "jobDefinition": definition}, "us-east-1:0")
        assert [each.resource for each in found] == [f"{arn}:job-queue/q", f"{arn}:job-definition/d:3"]
        assert {each.action for each in found} == {"batch:SubmitJob"}
