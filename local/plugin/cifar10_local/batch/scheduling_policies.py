"""The operations on scheduling policies, which are kept but do not change the order of jobs here."""

import re
from typing import Any

from localstack.aws.api.core import handler

from .job import Json
from .operations import Operations
from .paging import MAXIMUM, page
from .registry import check_name
from .shapes import refuse, show

SHARE_IDENTIFIER = r"[A-Za-z0-9]{1,255}\*?"


class SchedulingPolicyOperations(Operations):
    @handler("CreateSchedulingPolicy", expand=False)
    def create_scheduling_policy(self, context: Any, request: Json) -> Json:
        registry = self.registry(context)
        name = check_name("name", request["name"])
        arn = registry.arn("scheduling-policy", name)
        policy = {"tags": {}, **request, "arn": arn, "fairsharePolicy": _read_fairshare(request.get("fairsharePolicy"))}
        with self.scheduler.lock:
            if arn in registry.policies:
                refuse(f"Scheduling policy {name} already exists")
            registry.policies[arn] = policy
        return {"name": name, "arn": arn}

    @handler("UpdateSchedulingPolicy", expand=False)
    def update_scheduling_policy(self, context: Any, request: Json) -> Json:
        fairshare = request.get("fairsharePolicy")
        with self.scheduler.lock:
            policy = self.registry(context).policy(request["arn"])
            if fairshare is not None:
                policy["fairsharePolicy"] = _read_fairshare(fairshare)
        return {}

    @handler("DeleteSchedulingPolicy", expand=False)
    def delete_scheduling_policy(self, context: Any, request: Json) -> Json:
        registry = self.registry(context)
        with self.scheduler.lock:
            arn = registry.policy(request["arn"])["arn"]
            users = [name for name, queue in registry.queues.items() if queue.get("schedulingPolicyArn") == arn]
            if users:
                refuse(f"Cannot delete, job queue {users[0]} uses the scheduling policy {arn}")
            del registry.policies[arn]
        return {}

    @handler("DescribeSchedulingPolicies", expand=False)
    def describe_scheduling_policies(self, context: Any, request: Json) -> Json:
        arns = request["arns"]
        if len(arns) > MAXIMUM:
            refuse(f"arns must have at most {MAXIMUM} entries, not {len(arns)}")
        with self.scheduler.lock:
            policies = self.registry(context).policies
            return {"schedulingPolicies": [dict(policies[arn]) for arn in dict.fromkeys(arns) if arn in policies]}

    @handler("ListSchedulingPolicies", expand=False)
    def list_scheduling_policies(self, context: Any, request: Json) -> Json:
        with self.scheduler.lock:
            arns = sorted(self.registry(context).policies)
        shown, token = page("ListSchedulingPolicies", arns, lambda arn: [arn], request)
        return {"schedulingPolicies": [{"arn": arn} for arn in shown]} | token


def check_share_identifier(identifier: str, path: str) -> None:
    """
    :raises CommonServiceException: AWS would not accept it
    """
    if not re.fullmatch(SHARE_IDENTIFIER, identifier):
        refuse(f"{path} must be at most 255 letters and digits, with * at the end if at all, not {show(identifier)}")


def _read_fairshare(policy: Json | None) -> Json:
    complete: Json = {"shareDecaySeconds": 0, "computeReservation": 0, "shareDistribution": [], **(policy or {})}
    for name, most in (("shareDecaySeconds", 604_800), ("computeReservation", 99)):
        if not 0 <= complete[name] <= most:
            refuse(f"fairsharePolicy.{name} must be between 0 and {most}, not {complete[name]}")
    for index, share in enumerate(complete["shareDistribution"]):
        path = f"fairsharePolicy.shareDistribution[{index}]"
        check_share_identifier(share["shareIdentifier"], f"{path}.shareIdentifier")
        if not 0.0001 <= share.get("weightFactor", 1) <= 999.9999:
            refuse(f"{path}.weightFactor must be between 0.0001 and 999.9999, not {share['weightFactor']}")
    return complete
