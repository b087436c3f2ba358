from typing import Any

import pytest

from .capacity import Resources, can_ever_run, required


def environment(*instance_types: str, limit: int = 16) -> dict[str, Any]:
    return {"computeResources": {"instanceTypes": list(instance_types), "maxvCpus": limit}}


@pytest.mark.parametrize(
    ("job", "where", "fits"),
    [
        (Resources(4, 14_000, 1), environment("g4dn.xlarge"), True),
        (Resources(4, 16_384, 1), environment("g4dn.xlarge"), False),
        (Resources(8, 14_000, 1), environment("g4dn.xlarge"), False),
        (Resources(4, 14_000, 1), environment("c5.xlarge", "c6i"), False),
        (Resources(4, 14_000, 1), environment("c5.xlarge", "g5"), True),
        (Resources(32, 14_000, 1), environment("g5", limit=16), False),
        (Resources(4, 14_000, 0), environment("optimal"), True),
        (Resources(4, 14_000, 8), {}, True),
    ],
)
def test_a_job_fits_if_one_instance_type_is_large_enough(job: Resources, where: dict[str, Any], fits: bool) -> None:
    assert can_ever_run(job, where) is fits


def test_requirements_have_two_forms() -> None:
    new = {"resourceRequirements": [{"type": "VCPU", "value": "4"}, {"type": "MEMORY", "value": "14336"}]}
    assert required(new) == Resources(4, 14_336, 0)
    assert required({"vcpus": 2, "memory": 512}) == Resources(2, 512, 0)
    assert required({"resourceRequirements": [{"type": "GPU", "value": "1"}]}) == Resources(1, 0, 1)
