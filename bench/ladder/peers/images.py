"""Reads the files of images that peers.ts writes: the labels of all images, then their pixels, as bytes."""

import numpy as np


def read_split(path: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns images [N, 32, 32, 3] and labels [N], both uint8."""
    data = np.fromfile(path, dtype=np.uint8)
    count = len(data) // (1 + 32 * 32 * 3)
    return data[count:].reshape(count, 32, 32, 3), data[:count]
