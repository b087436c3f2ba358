import json
from typing import Any

import pytest
from localstack.aws.api import CommonServiceException

from .containers import override, read_container
from .job import Json

CONTAINER: Json = {
    "image": "example:1",
    "command": ["run"],
    "environment": [{"name": "A", "value": "definition"}, {"name": "B", "value": "definition"}],
    "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "128"}],
}


@pytest.mark.parametrize(
    ("kind", "value"),
    [("MEMORY", value) for value in ("4GB", "", "3", "-128", "1.5", "1e3", "nan", "inf", " 128", "١٢٨", "9" * 10)]
    + [("VCPU", value) for value in ("four", "0", "0.0", "-1", "1e1", "inf")]
    + [("GPU", value) for value in ("0", "1.0", "all")],
)
def test_refuses_resources_that_are_no_numbers(kind: str, value: str) -> None:
    requirements = [{"type": kind, "value": value}]
    with pytest.raises(CommonServiceException, match=f"the value of {kind} must be") as refused:
        override(CONTAINER, {"resourceRequirements": requirements})
    assert json.dumps(value) in str(refused.value.message)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"environment": [{"value": "x"}]}, r"environment\[0\].name must be the name of a variable, not null"),
        ({"environment": [{"name": "A"}, {"name": ""}]}, r"environment\[1\].name must be the name"),
        ({"environment": [{"name": "A=B"}]}, r"environment\[0\].name must be the name"),
        ({"environment": [{"name": "AWS_BATCH_JOB_ID", "value": "1"}]}, "reserved for Batch"),
        ({"vcpus": 0}, "vcpus must be at least 1"),
        ({"memory": 3}, "memory must be at least 4"),
        ({"resourceRequirements": [{"type": "GPU", "value": "1"}] * 2}, "GPU must be given once"),
        ({"command": ["a" * 8200]}, "8192"),
    ],
)
def test_refuses_overrides_that_aws_refuses(overrides: Json, message: str) -> None:
    with pytest.raises(CommonServiceException, match=message):
        override(CONTAINER, overrides)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": ""}, "image must be given"),
        ({"resourceRequirements": []}, "must require VCPU"),
        ({"resourceRequirements": [], "vcpus": 1}, "must require MEMORY"),
    ],
)
def test_a_definition_has_an_image_and_resources(changes: Json, message: str) -> None:
    with pytest.raises(CommonServiceException, match=message):
        read_container(CONTAINER | changes, ["EC2"])


def test_absent_members_are_empty() -> None:
    container = read_container({"image": "example:1", "vcpus": 1, "memory": 4, "linuxParameters": {}}, ["EC2"])
    lists = ("command", "environment", "mountPoints", "resourceRequirements", "secrets", "ulimits", "volumes")
    assert {name: container[name] for name in lists} == {name: [] for name in lists}
    assert container["linuxParameters"] == {"devices": [], "tmpfs": []}


def test_overrides_replace_variables_and_resources_by_name() -> None:
    merged = override(
        CONTAINER,
        {
            "command": ["other"],
            "environment": [{"name": "B", "value": "job"}, {"name": "C"}],
            "resourceRequirements": [{"type": "MEMORY", "value": "256"}],
        },
    )
    variables: dict[str, Any] = {entry["name"]: entry.get("value") for entry in merged["environment"]}
    assert variables == {"A": "definition", "B": "job", "C": None}
    assert {entry["type"]: entry["value"] for entry in merged["resourceRequirements"]} == {"VCPU": "1", "MEMORY": "256"}
    assert merged["command"] == ["other"]
    assert CONTAINER["command"] == ["run"]
