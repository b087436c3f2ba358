from localstack.aws.spec import load_service

from .resource import convert, to_api


def test_property_names_become_those_of_the_api_at_every_depth() -> None:
    properties = {
        "JobDefinitionName": "train",
        "ContainerProperties": {
            "ResourceRequirements": [{"Type": "GPU", "Value": "1"}],
            "LogConfiguration": {"LogDriver": "awslogs", "Options": {"awslogs-group": "Jobs"}},
        },
        "RetryStrategy": {"EvaluateOnExit": [{"OnExitCode": "75", "Action": "RETRY"}]},
        "Timeout": None,
    }
    assert to_api(properties) == {
        "jobDefinitionName": "train",
        "containerProperties": {
            "resourceRequirements": [{"type": "GPU", "value": "1"}],
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "Jobs"}},
        },
        "retryStrategy": {"evaluateOnExit": [{"onExitCode": "75", "action": "RETRY"}]},
    }


def test_names_that_the_author_chose_are_unchanged() -> None:
    assert to_api({"Tags": {"Team": "Vision"}, "Parameters": {"Epochs": "3"}}) == {
        "tags": {"Team": "Vision"},
        "parameters": {"Epochs": "3"},
    }


def test_scalars_get_the_types_of_the_api() -> None:
    shape = load_service("batch").operation_model("RegisterJobDefinition").input_shape
    requirements = [{"type": "MEMORY", "value": 2000}, {"type": "VCPU", "value": 0.5}]
    assert convert(
        shape,
        {
            "containerProperties": {"resourceRequirements": requirements, "privileged": "True", "command": [1, True]},
            "timeout": {"attemptDurationSeconds": "600"},
            "schedulingPriority": "high",
            "parameters": {"epochs": 3},
            "unknown": 1,
        },
    ) == {
        "containerProperties": {
            "resourceRequirements": [{"type": "MEMORY", "value": "2000"}, {"type": "VCPU", "value": "0.5"}],
            "privileged": True,
            "command": ["1", "true"],
        },
        "timeout": {"attemptDurationSeconds": 600},
        "schedulingPriority": "high",
        "parameters": {"epochs": "3"},
        "unknown": 1,
    }
