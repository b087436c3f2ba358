from .resource import to_api


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
