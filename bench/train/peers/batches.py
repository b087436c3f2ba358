"""Batches of bytes, augmented as ours are: mirrored, then shifted, with the border reflected."""

from collections.abc import Iterator

import numpy as np
import torch

from setting import Setting


class Batches:
    """Pads all images once; a batch is one gather, which mirrors by the order in which it takes the columns."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        shift = setting.shift
        border = ((0, 0), (shift, shift), (shift, shift), (0, 0))
        self._padded = torch.from_numpy(np.pad(setting.images, border, mode="reflect"))  # [N, H + 2s, W + 2s, C]
        self._labels = torch.from_numpy(setting.labels.astype(np.int64))
        self._mirrored = torch.rand(len(self._labels)) < 0.5
        self._epoch = 0

    def epoch(self, steps: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yields images [B, H, W, C] uint8 and labels [B] of the first `steps` batches' worth of images, in random order."""
        size = self._setting.batch_size
        order = torch.randperm(steps * size)
        mirrored = self._mirrored ^ bool(self._epoch % 2)
        for step in range(steps):
            chosen = order[step * size : (step + 1) * size]
            yield self._views(chosen, mirrored[chosen]), self._labels[chosen]
        self._epoch += 1

    def _views(self, chosen: torch.Tensor, mirrored: torch.Tensor) -> torch.Tensor:
        if self._setting.flip == "none" and self._setting.shift == 0:
            return self._padded[chosen]
        height, width, _ = self._setting.net["input"]
        down, right = torch.randint(0, 2 * self._setting.shift + 1, (2, len(chosen), 1))  # each [B, 1]
        rows = down + torch.arange(height)  # [B, H]
        columns = torch.where(mirrored[:, None], torch.arange(width - 1, -1, -1), torch.arange(width))  # [B, W]
        return self._padded[chosen[:, None, None], rows[:, :, None], (right + columns)[:, None, :]]
