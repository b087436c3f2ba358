import json
from pathlib import Path
from typing import Any

import pytest

from .command import Image, LogPlace, UnknownImageError, build_command, find_image, log_place, substitute
from .example_job import example_array, example_job

ENDPOINT = "http://127.0.0.1:4566"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
IMAGE = Image(folder="/app", entrypoint=["program"], command=["default"], environment={"PATH": "/bin"})


@pytest.fixture
def images(tmp_path: Path) -> Path:
    path = tmp_path / "images.json"
    path.write_text(
        json.dumps(
            {
                "training:local": {"folder": "/training", "entrypoint": ["node", "main.ts"]},
                "node:*": {"folder": "/tmp", "entrypoint": ["node"], "environment": {"A": "b"}},
            }
        )
    )
    return path


def test_an_image_is_found_by_its_name_or_a_pattern(images: Path) -> None:
    assert find_image(images, "training:local") == Image("/training", ["node", "main.ts"])
    assert find_image(images, "node:22") == Image("/tmp", ["node"], [], {"A": "b"})


def test_an_unknown_image_is_reported_with_the_known_ones(images: Path) -> None:
    message = r"image training:aws is not known on this machine; known images: node:\*, training:"
    with pytest.raises(UnknownImageError, match=message):
        find_image(images, "training:aws")


def test_parameters_replace_their_references() -> None:
    command = ["train", "Ref::recipe", "--epochs=Ref::epochs", "Ref::unknown"]
    assert substitute(command, {"recipe": "quick", "epochs": "3"}) == ["train", "quick", "--epochs=3", "Ref::unknown"]


def test_the_command_is_the_entrypoint_and_the_jobs_command_or_the_images_default() -> None:
    assert build_command(example_job(), IMAGE, ENDPOINT, CREDENTIALS).arguments == ["program", "run"]
    without = example_job(container={"image": "example:1"})
    assert build_command(without, IMAGE, ENDPOINT, CREDENTIALS).arguments == ["program", "default"]


def test_the_environment_is_the_images_the_definitions_and_batchs_with_known_exceptions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "SECRET"):
        monkeypatch.setenv(name, "theirs")
    image = Image("/app", ["program"], environment={"PATH": "/bin"}, overrides={"DEVICE": "cpu"})
    container: dict[str, Any] = {
        "image": "example:1",
        "environment": [
            {"name": "STORE", "value": "s3://bucket"},
            {"name": "DEVICE", "value": "gpu"},
            {"name": "AWS_BATCH_JOB_ID", "value": "forged"},
        ],
    }
    set_by_the_image = {"PATH": "/bin"}
    set_by_the_definition = {"STORE": "s3://bucket"}
    # https://docs.aws.amazon.com/batch/latest/userguide/job_env_vars.html
    set_by_batch = {
        "AWS_BATCH_JOB_ID": "job-1",
        "AWS_BATCH_JOB_ATTEMPT": "1",
        "AWS_BATCH_JQ_NAME": "queue",
        "AWS_BATCH_CE_NAME": "",
    }
    exceptions = {
        "DEVICE": "cpu",
        "AWS_ENDPOINT_URL": ENDPOINT,
        "AWS_ENDPOINT_URL_S3": ENDPOINT,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        **CREDENTIALS,
    }
    environment = build_command(example_job(container=container), image, ENDPOINT, CREDENTIALS).environment
    assert environment == set_by_the_image | set_by_the_definition | set_by_batch | exceptions


def test_a_definition_gives_its_job_a_region() -> None:
    container = {"image": "example:1", "environment": [{"name": "AWS_REGION", "value": "eu-west-1"}]}
    environment = build_command(example_job(container=container), IMAGE, ENDPOINT, CREDENTIALS).environment
    assert environment["AWS_REGION"] == "eu-west-1"


def test_a_child_of_an_array_knows_its_index() -> None:
    child = example_array("array", 3).children[2]
    environment = build_command(child, IMAGE, ENDPOINT, CREDENTIALS).environment
    assert (environment["AWS_BATCH_JOB_ARRAY_INDEX"], environment["AWS_BATCH_JOB_ARRAY_SIZE"]) == ("2", "3")


def test_logs_go_to_the_definitions_group_or_to_batchs_own() -> None:
    assert log_place(example_job()) == LogPlace("/aws/batch/job", "definition")
    options = {"awslogs-group": "training", "awslogs-stream-prefix": "jobs"}
    container = {"image": "example:1", "logConfiguration": {"logDriver": "awslogs", "options": options}}
    assert log_place(example_job(container=container)) == LogPlace("training", "jobs")
