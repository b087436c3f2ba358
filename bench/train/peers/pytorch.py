"""PyTorch as a contestant: the net of the settings file in channels_last, eager or compiled, each without and with autocast."""

import contextlib
import os

import torch
from torch import nn

from batches import Batches
from contestant import serve
from setting import Group, Setting


class Normalize(nn.Module):
    """Converts bytes [B, H, W, C] to normalized float32 [B, C, H, W], channels last in memory."""

    def __init__(self, mean: list[float], deviation: list[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer("deviation", torch.tensor(deviation).view(1, -1, 1, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return (images.permute(0, 3, 1, 2).float() / 255 - self.mean) / self.deviation


class Scale(nn.Module):
    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = by

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        return value * self.by


class FlattenLikeOurs(nn.Module):
    """Flattens to [B, H * W * C]: the initial dense kernels, shared with our contestant, expect channels last."""

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        return value.permute(0, 2, 3, 1).flatten(1)


def build(setting: Setting) -> nn.Sequential:
    model = nn.Sequential()
    height, _, channels = setting.net["input"]
    for layer in setting.net["layers"]:
        match layer["kind"]:
            case "normalization":
                module: nn.Module = Normalize(layer["mean"], layer["deviation"])
            case "convolution":
                padding, kernel = layer["padding"], layer["kernel"]
                module = nn.Conv2d(channels, layer["filters"], kernel, padding=padding, bias=layer["bias"])
                channels = layer["filters"]
                height = height if padding == "same" else height - kernel + 1
            case "batch-normalization":
                module = nn.BatchNorm2d(channels, eps=layer["epsilon"], momentum=1 - layer["momentum"])
            case "activation":
                module = {"relu": nn.ReLU, "elu": nn.ELU, "gelu": nn.GELU, "silu": nn.SiLU}[layer["function"]]()
            case "max-pooling":
                module = nn.MaxPool2d(layer["size"])
                height //= layer["size"]
            case "dropout":
                module = nn.Dropout(layer["rate"])
            case "flatten":
                module = FlattenLikeOurs()
                channels *= height * height
            case "dense":
                module = nn.Linear(channels, layer["units"], bias=layer["bias"])
                channels = layer["units"]
            case "scale":
                module = Scale(layer["by"])
            case kind:
                raise ValueError(f"The PyTorch contestant does not support layers of kind {kind}.")
        model.add_module(layer["name"], module)
    load(model, setting)
    return model.to(memory_format=torch.channels_last)


ROLES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def tensor_of(model: nn.Module, name: str) -> torch.Tensor:
    """Returns the parameter or running statistic with our name `name`, `<layer>/<role>`."""
    layer, role = name.split("/")
    return getattr(model.get_submodule(layer), ROLES[role])


def load(model: nn.Module, setting: Setting) -> None:
    """Sets the initial weights; weights that are in no group get no gradient."""
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    for name, values in setting.weights.items():
        value = torch.from_numpy(values)
        if value.ndim == 4:
            value = value.permute(3, 2, 0, 1)  # [out, in, height, width]
        elif value.ndim == 2:
            value = value.t()  # [out, in]
        tensor = tensor_of(model, name)
        tensor.data.copy_(value)
        if name in setting.trained:
            tensor.requires_grad_(True)


def optimizer_of(model: nn.Module, groups: list[Group]) -> torch.optim.Optimizer:
    return torch.optim.SGD(
        {
            "params": [tensor_of(model, name) for name in group.weights],
            "lr": group.learning_rate,
            "momentum": group.momentum,
            "nesterov": group.nesterov,
            "weight_decay": group.weight_decay,
        }
        for group in groups
    )


def pytorch_contestant(setting: Setting, mode: str) -> None:
    """Trains in the mode `eager`, `autocast` (bfloat16), `compiled`, or `compiled-autocast`."""
    torch.set_num_threads(os.cpu_count() or 1)
    model = build(setting)
    optimizer = optimizer_of(model, setting.groups)
    criterion = nn.CrossEntropyLoss(label_smoothing=setting.label_smoothing)
    forward = torch.compile(model) if mode.startswith("compiled") else model
    precision = torch.autocast("cpu", torch.bfloat16) if mode.endswith("autocast") else contextlib.nullcontext()

    def step(images: torch.Tensor, labels: torch.Tensor) -> float:
        optimizer.zero_grad(set_to_none=True)
        with precision:
            loss = criterion(forward(images), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    first = slice(setting.batch_size)
    images, labels = torch.from_numpy(setting.images[first]), torch.from_numpy(setting.labels[first]).long()
    losses = [step(images, labels) for _ in range(3)]
    batches = Batches(setting)

    def train(steps: int) -> None:
        for batch in batches.epoch(steps):
            step(*batch)

    name = {
        "eager": "PyTorch, channels_last",
        "autocast": "PyTorch, autocast bfloat16",
        "compiled": "PyTorch, torch.compile",
        "compiled-autocast": "PyTorch, torch.compile, autocast bfloat16",
    }[mode]
    serve(name, f"PyTorch {torch.__version__}", train, losses)
