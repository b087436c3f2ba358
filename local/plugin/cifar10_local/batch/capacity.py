"""Whether a compute environment can run a job, by its instance types and vCPU limit."""

import functools
from dataclasses import dataclass
from typing import Any

from moto.ec2.models.instance_types import INSTANCE_TYPES

type Json = dict[str, Any]

TOO_BIG = (
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource requirement (vCPU/memory/GPU) is higher than that "
    "can be met by the CE(s) attached to the job queue."
)


@dataclass(frozen=True)
class Resources:
    """The resources that a job requires, or that an instance has."""

    vcpus: float
    memory_mib: int
    gpus: int

    def fits(self, instance: "Resources") -> bool:
        """Whether they fit on an instance. The ECS agent needs memory too, so a job cannot have all of it."""
        return self.vcpus <= instance.vcpus and self.memory_mib < instance.memory_mib and self.gpus <= instance.gpus


def required(container: Json) -> Resources:
    """The resources that a job's container properties, which are valid, require."""
    wanted = {entry["type"]: float(entry["value"]) for entry in container.get("resourceRequirements") or []}
    return Resources(
        vcpus=wanted.get("VCPU", float(container.get("vcpus") or 1)),
        memory_mib=int(wanted.get("MEMORY", container.get("memory") or 0)),
        gpus=int(wanted.get("GPU", 0)),
    )


def can_ever_run(job: Resources, environment: Json) -> bool:
    """Whether one of the compute environment's instance types is large enough, within its vCPU limit."""
    compute = environment.get("computeResources")
    if compute is None:
        return True
    instances = [instance for name in compute.get("instanceTypes", []) for instance in _instances(name)]
    limit = compute.get("maxvCpus", float("inf"))
    return job.vcpus <= limit and (not instances or any(job.fits(instance) for instance in instances))


@functools.cache
def _instances(name: str) -> list[Resources]:
    """The instance type, or all types of the family; none for `optimal`, where AWS chooses."""
    types = [name] if name in INSTANCE_TYPES else [each for each in INSTANCE_TYPES if each.startswith(f"{name}.")]
    return [_resources(INSTANCE_TYPES[each]) for each in types]


def _resources(instance: Json) -> Resources:
    return Resources(
        vcpus=instance["VCpuInfo"]["DefaultVCpus"],
        memory_mib=instance["MemoryInfo"]["SizeInMiB"],
        gpus=sum(gpu["Count"] for gpu in instance.get("GpuInfo", {}).get("Gpus", [])),
    )
