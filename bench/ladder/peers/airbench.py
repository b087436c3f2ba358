"""Trains airbench's net on the processor by the method and values of `airbench94_muon.py`, in PyTorch, channels last.

Arguments: the files of the training and the test images, the filters of the three groups (`64-256-256`), epochs, a seed, and
`float32` or `bfloat16` (autocast). Prints a line of JSON for each epoch, and one at the end. Its seconds are those of the steps and their
batches.

Method and values: Keller Jordan, arXiv:2404.00498, and https://github.com/KellerJordan/cifar10-airbench.
"""

import contextlib
import json
import math
import os
import sys
import time
from collections.abc import Iterator

import torch
from torch import nn
from torch.nn import functional

from images import read_split

BATCH = 2_000
TRANSLATE = 2
BIAS_RATE = 0.053
HEAD_RATE = 0.67
DECAY = 2e-6 * BATCH
MUON_RATE = 0.24
WHITENING_EPOCHS = 3
# Of the logits: the width of the net that the rate of its head was chosen for.
SCALE = 256


def convolution(before: int, filters: int) -> nn.Conv2d:
    """Begins as the identity, as far as it has filters for it."""
    made = nn.Conv2d(before, filters, 3, padding="same", bias=False)
    nn.init.dirac_(made.weight[:before])
    return made


def norm(channels: int) -> nn.BatchNorm2d:
    made = nn.BatchNorm2d(channels, eps=1e-12, momentum=0.4)
    made.weight.requires_grad_(False)
    return made


def group(before: int, filters: int) -> list[nn.Module]:
    return [
        *(convolution(before, filters), nn.MaxPool2d(2), norm(filters), nn.GELU()),
        *(convolution(filters, filters), norm(filters), nn.GELU()),
    ]


def whitening(images: torch.Tensor) -> nn.Conv2d:
    """The eigenvectors of the 2x2 patches of some images and their negatives, frozen; its bias is trained."""
    made = nn.Conv2d(3, 24, 2, bias=True)
    patches = images.unfold(2, 2, 1).unfold(3, 2, 1).permute(0, 2, 3, 1, 4, 5).reshape(-1, 12)
    values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
    whitened = vectors.T.reshape(12, 3, 2, 2) / torch.sqrt(values + 5e-4).view(-1, 1, 1, 1)
    made.weight.data = torch.cat((whitened, -whitened))
    made.weight.requires_grad_(False)
    nn.init.zeros_(made.bias)
    return made


class Net(nn.Module):
    def __init__(self, widths: list[int], images: torch.Tensor) -> None:
        super().__init__()
        first, second, third = widths
        self.whiten = whitening(images)
        self.body = nn.Sequential(
            *(nn.GELU(), *group(24, first), *group(first, second), *group(second, third), nn.MaxPool2d(3), nn.Flatten())
        )
        self.head = nn.Linear(third, 10, bias=False)
        self.head.weight.data /= self.head.weight.data.std()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(self.whiten(images))) / SCALE


class Muon(torch.optim.Optimizer):
    def __init__(self, parameters: list[nn.Parameter], lr: float, momentum: float) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:
        for part in self.param_groups:
            for weight in part["params"]:
                state = self.state[weight]
                velocity = state.setdefault("velocity", torch.zeros_like(weight))
                velocity.mul_(part["momentum"]).add_(weight.grad)
                ahead = weight.grad.add(velocity, alpha=part["momentum"])
                weight.mul_(math.sqrt(len(weight)) / weight.norm())
                weight.add_(orthogonal(ahead.reshape(len(weight), -1)).view(weight.shape), alpha=-part["lr"])


def orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """Takes the singular values towards 1 by three rounds of a polynomial."""
    turned = matrix / (matrix.norm() + 1e-7)
    is_tall = len(turned) > turned.shape[1]
    turned = turned.T if is_tall else turned
    for _ in range(3):
        gram = turned @ turned.T
        turned = 3.4445 * turned + (-4.775 * gram + 2.0315 * gram @ gram) @ turned
    return turned.T if is_tall else turned


def batches_of(images: torch.Tensor, epoch: int, flipped: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yields the indices and the images of each batch: moved by up to two pixels, and each mirrored in every other epoch."""
    padded = functional.pad(images, (TRANSLATE,) * 4, "reflect")
    order = torch.randperm(len(images))
    for start in range(0, len(images) - BATCH + 1, BATCH):
        chosen = order[start : start + BATCH]
        down, right = torch.randint(0, 2 * TRANSLATE + 1, (2, BATCH, 1))
        rows = down + torch.arange(32)
        columns = right + torch.arange(32)
        mirrored = (flipped[chosen] ^ bool(epoch % 2))[:, None]
        columns = torch.where(mirrored, columns.flip(1), columns)
        at = torch.arange(BATCH)[:, None, None]
        moved = padded[chosen].permute(0, 2, 3, 1)[at, rows[:, :, None], columns[:, None, :]]
        yield chosen, moved.permute(0, 3, 1, 2)


@torch.no_grad()
def accuracies(net: Net, images: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
    """Returns the accuracy without test-time augmentation, and that of the six views."""
    net.eval()

    def mirrored(part: torch.Tensor) -> torch.Tensor:
        return (net(part) + net(part.flip(3))) / 2

    plain, mean = [], []
    for part in images.split(1_000):
        padded = functional.pad(part, (1,) * 4, "reflect")
        plain.append(net(part))
        moved = (mirrored(padded[:, :, 0:32, 0:32]) + mirrored(padded[:, :, 2:34, 2:34])) / 2
        mean.append((mirrored(part) + moved) / 2)
    net.train()
    right = [(torch.cat(logits).argmax(1) == labels).float().mean().item() for logits in (plain, mean)]
    return right[0], right[1]


def main() -> None:
    train_file, test_file, widths, epochs, seed, precision = sys.argv[1:]
    torch.manual_seed(int(seed))
    torch.set_num_threads(os.cpu_count() or 1)
    mean = torch.tensor([0.4914, 0.4822, 0.4465]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.247, 0.2435, 0.2616]).view(1, 3, 1, 1)

    def normalized(path: str) -> tuple[torch.Tensor, torch.Tensor]:
        images, labels = read_split(path)
        values = (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 - mean) / deviation
        return values.contiguous(memory_format=torch.channels_last), torch.from_numpy(labels).long()

    images, labels = normalized(train_file)
    net = Net([int(width) for width in widths.split("-")], images[:5_000]).to(memory_format=torch.channels_last)
    kernels = [each for each in net.body.parameters() if each.ndim == 4]
    biases = [each for each in net.body.parameters() if each.ndim == 1 and each.requires_grad]
    sgd = torch.optim.SGD(
        [
            {"params": [net.whiten.bias], "lr": BIAS_RATE, "weight_decay": DECAY / BIAS_RATE},
            {"params": biases, "lr": BIAS_RATE, "weight_decay": DECAY / BIAS_RATE},
            {"params": [net.head.weight], "lr": HEAD_RATE, "weight_decay": DECAY / HEAD_RATE},
        ],
        momentum=0.85,
        nesterov=True,
    )
    muon = Muon(kernels, MUON_RATE, 0.6)
    parts = [*sgd.param_groups, *muon.param_groups]
    highest = [part["lr"] for part in parts]
    context = torch.autocast("cpu", torch.bfloat16) if precision == "bfloat16" else contextlib.nullcontext()

    per_epoch = len(images) // BATCH
    steps, step, seconds = math.ceil(float(epochs) * per_epoch), 0, 0.0
    flipped = torch.rand(len(images)) < 0.5
    for epoch in range(math.ceil(float(epochs))):
        began = time.perf_counter()
        for chosen, batch in batches_of(images, epoch, flipped):
            for index, part in enumerate(parts):
                length = WHITENING_EPOCHS * per_epoch if index == 0 else steps
                part["lr"] = highest[index] * max(0, 1 - step / length)
            net.whiten.bias.requires_grad_(step < WHITENING_EPOCHS * per_epoch)
            with context:
                logits = net(batch)
            functional.cross_entropy(logits.float(), labels[chosen], label_smoothing=0.2, reduction="sum").backward()
            for optimizer in (sgd, muon):
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            step += 1
            if step == steps:
                break
        seconds += time.perf_counter() - began
        print(json.dumps({"epoch": step / per_epoch, "seconds": seconds}), flush=True)
    plain, tta = accuracies(net, *normalized(test_file))
    version = f"PyTorch {torch.__version__}, {precision}"
    print(json.dumps({"version": version, "seconds": seconds, "plain": plain, "tta": tta}), flush=True)


if __name__ == "__main__":
    main()
