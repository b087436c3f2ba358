"""Batches of bytes with the same augmentation as ours: random flip, then random translation with reflected borders."""

from collections.abc import Iterator

import numpy as np
import torch

from setting import Setting


class Batches:
    """Pads all images once; a batch is one gather, which flips an image by the order of its column indices."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        translate = setting.translate
        border = ((0, 0), (translate, translate), (translate, translate), (0, 0))
        self._padded = torch.from_numpy(np.pad(setting.images, border, mode="reflect"))  # [N, H + 2t, W + 2t, C]
        self._labels = torch.from_numpy(setting.labels.astype(np.int64))
        self._flipped = torch.rand(len(self._labels)) < 0.5
        self._epoch = 0

    def epoch(self, steps: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yields `steps` batches, images [B, H, W, C] uint8 and labels [B] int64, from the first images in random order."""
        size = self._setting.batch_size
        order = torch.randperm(steps * size)
        flipped = self._flipped ^ bool(self._epoch % 2)
        for step in range(steps):
            chosen = order[step * size : (step + 1) * size]
            yield self._transformed(chosen, flipped[chosen]), self._labels[chosen]
        self._epoch += 1

    def _transformed(self, chosen: torch.Tensor, flipped: torch.Tensor) -> torch.Tensor:
        if self._setting.flip == "none" and self._setting.translate == 0:
            return self._padded[chosen]
        height, width, _ = self._setting.net["input"]
        down, right = torch.randint(0, 2 * self._setting.translate + 1, (2, len(chosen), 1))  # each [B, 1]
        rows = down + torch.arange(height)  # [B, H]
        columns = torch.where(flipped[:, None], torch.arange(width - 1, -1, -1), torch.arange(width))  # [B, W]
        return self._padded[chosen[:, None, None], rows[:, :, None], (right + columns)[:, None, :]]
