"""Which compute environment takes a job: whether it ever can, and whether it can now."""

from dataclasses import dataclass
from typing import Any

from moto.ec2.models.instance_types import INSTANCE_TYPES

from .job import Json

TOO_BIG = (
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource requirement (vCPU/memory/GPU) is higher than that "
    "can be met by the CE(s) attached to the job queue."
)


@dataclass(frozen=True)
class Resources:
    """What a job asks for, or an instance has."""

    vcpus: float
    memory_mib: int
    gpus: int

    def fits(self, instance: "Resources") -> bool:
        """Memory must be left for the ECS agent, so a job cannot have all of an instance's."""
        return self.vcpus <= instance.vcpus and self.memory_mib < instance.memory_mib and self.gpus <= instance.gpus


def required(container: Json) -> Resources:
    """What the container properties of a job ask for."""
    wanted = {entry["type"]: float(entry["value"]) for entry in container.get("resourceRequirements", [])}
    return Resources(
        vcpus=wanted.get("VCPU", float(container.get("vcpus") or 1)),
        memory_mib=int(wanted.get("MEMORY", container.get("memory") or 0)),
        gpus=int(wanted.get("GPU", 0)),
    )


def can_ever_run(job: Resources, environment: Json) -> bool:
    """Whether some instance of the compute environment is big enough, and within the most vCPUs that it may have."""
    compute = environment.get("computeResources")
    if compute is None:
        return True
    instances = [instance for name in compute.get("instanceTypes", []) for instance in _instances(name)]
    limit = compute.get("maxvCpus", float("inf"))
    return job.vcpus <= limit and (not instances or any(job.fits(instance) for instance in instances))


def _instances(name: str) -> list[Resources]:
    """An instance type, or all of a family; none for `optimal`, which is any of AWS's choice."""
    types = [name] if name in INSTANCE_TYPES else [each for each in INSTANCE_TYPES if each.startswith(f"{name}.")]
    return [_resources(INSTANCE_TYPES[each]) for each in types]


def _resources(instance: dict[str, Any]) -> Resources:
    return Resources(
        vcpus=instance["VCpuInfo"]["DefaultVCpus"],
        memory_mib=instance["MemoryInfo"]["SizeInMiB"],
        gpus=sum(gpu["Count"] for gpu in instance.get("GpuInfo", {}).get("Gpus", [])),
    )
