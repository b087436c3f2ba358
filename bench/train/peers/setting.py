"""Reads the settings file that setting.ts writes."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Group:
    weights: list[str]
    """Names of weights: `<layer>/<role>`."""
    learning_rate: float
    momentum: float
    nesterov: bool
    weight_decay: float


@dataclass(frozen=True)
class Setting:
    net: dict[str, Any]
    batch_size: int
    label_smoothing: float
    groups: list[Group]
    flip: str
    """`none`, `random` or `alternating`."""
    translate: int
    """Largest translation of an image, in pixels."""
    weights: dict[str, np.ndarray]
    """Initial weights by name, float32; kernels are [height, width, in, out] or [in, out]."""
    images: np.ndarray
    """[N, H, W, C] uint8"""
    labels: np.ndarray
    """[N] uint8"""

    @property
    def trained(self) -> set[str]:
        return {name for group in self.groups for name in group.weights}


def read_setting(path: str) -> Setting:
    with open(path, encoding="utf-8") as file:
        content = json.load(file)
    data = np.fromfile(content["dataFile"], dtype=np.uint8)
    count = content["count"]
    return Setting(
        net=content["net"],
        batch_size=content["batchSize"],
        label_smoothing=content["labelSmoothing"],
        groups=[_group(group) for group in content["groups"]],
        flip=content["augmentation"]["flip"],
        translate=content["augmentation"]["translate"],
        weights=_weights(content["weights"], np.fromfile(content["weightsFile"], dtype=np.float32)),
        images=data[count:].reshape(count, *content["net"]["input"]),
        labels=data[:count],
    )


def _group(group: dict[str, Any]) -> Group:
    optimizer = group["optimizer"]
    if optimizer["kind"] != "sgd":
        raise ValueError(f"The peers support only the optimizer sgd, not {optimizer['kind']}.")
    return Group(
        weights=group["weights"],
        learning_rate=group["learningRate"],
        momentum=optimizer["momentum"],
        nesterov=optimizer["nesterov"],
        weight_decay=optimizer["weightDecay"],
    )


def _weights(specs: list[dict[str, Any]], values: np.ndarray) -> dict[str, np.ndarray]:
    weights: dict[str, np.ndarray] = {}
    start = 0
    for spec in specs:
        size = int(np.prod(spec["shape"]))
        weights[spec["name"]] = values[start : start + size].reshape(spec["shape"])
        start += size
    return weights
