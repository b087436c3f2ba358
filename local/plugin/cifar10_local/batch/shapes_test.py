import math
from typing import Any

import pytest
from localstack.aws.api import CommonServiceException
from localstack.aws.spec import load_service

from .shapes import check_shape

VALID: dict[str, Any] = {"jobName": "train", "jobQueue": "queue", "jobDefinition": "definition"}


def check(operation: str, body: Any) -> None:
    check_shape(load_service("batch").operation_model(operation).input_shape, body)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"jobName": None}, "jobName must be given"),
        ({"jobName": 5}, "jobName must be a string, not 5"),
        ({"jobName": "a\0b"}, "jobName must not contain NUL"),
        ({"jobName": "\ud800"}, "jobName must not contain NUL characters or halves of surrogate pairs"),
        ({"arrayProperties": {"size": "2"}}, 'arrayProperties.size must be a whole number of at most 32 bits, not "2"'),
        ({"arrayProperties": {"size": 2.0}}, "arrayProperties.size must be a whole number"),
        ({"arrayProperties": {"size": True}}, "arrayProperties.size must be a whole number"),
        ({"arrayProperties": {"size": 2**31}}, "arrayProperties.size must be a whole number"),
        ({"arrayProperties": [2]}, r"arrayProperties must be an object, not \[2\]"),
        ({"dependsOn": {"jobId": "a"}}, "dependsOn must be a list"),
        ({"dependsOn": [None]}, r"dependsOn\[0\] must be an object, not null"),
        ({"dependsOn": [{"type": "n_to_n"}]}, r"dependsOn\[0\].type n_to_n must be one of N_TO_N | SEQUENTIAL"),
        ({"containerOverrides": {"command": "train"}}, 'containerOverrides.command must be a list, not "train"'),
        ({"parameters": {"a": None}}, r'parameters\["a"\] must be a string, not null'),
        ({"propagateTags": "true"}, "propagateTags must be true or false"),
        ({"tags": {str(index): "" for index in range(51)}}, "tags has length 51"),
        ({"tags": {"": "a"}}, 'the key "" of tags has length 0'),
        ({"tags": {"AWS:cloudformation:stack": "a"}}, "must not begin with aws:"),
    ],
)
def test_names_the_wrong_value(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CommonServiceException, match=message) as refused:
        check("SubmitJob", VALID | changes)
    assert (refused.value.code, refused.value.status_code) == ("ClientException", 400)


@pytest.mark.parametrize("body", [[], "text", 5, None])
def test_the_body_is_an_object(body: Any) -> None:
    with pytest.raises(CommonServiceException, match="The body must be an object"):
        check("SubmitJob", body)


@pytest.mark.parametrize("weight", [math.nan, math.inf, "1", True])
def test_numbers_are_finite(weight: Any) -> None:
    policy = {"shareDistribution": [{"shareIdentifier": "a", "weightFactor": weight}]}
    with pytest.raises(CommonServiceException, match=r"shareDistribution\[0\].weightFactor must be a number"):
        check("CreateSchedulingPolicy", {"name": "policy", "fairsharePolicy": policy})


def test_what_aws_accepts_is_accepted() -> None:
    check("SubmitJob", VALID | {"tags": {}, "timeout": None, "unknown": 5})
    check("SubmitJob", VALID | {"retryStrategy": {"attempts": 1, "evaluateOnExit": [{"action": "Exit"}]}})
