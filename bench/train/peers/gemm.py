"""Measures the peak FLOP/s with PyTorch: products of 2048x2048 matrices."""

import os

import torch

from contestant import serve

SIZE = 2048


def gemm_contestant(precision: str) -> None:
    torch.set_num_threads(os.cpu_count() or 1)
    matrix = torch.randn(SIZE, SIZE).to({"float32": torch.float32, "bfloat16": torch.bfloat16}[precision])
    product = torch.empty_like(matrix)
    torch.mm(matrix, matrix, out=product)

    def multiply(times: int) -> None:
        for _ in range(times):
            torch.mm(matrix, matrix, out=product)

    serve(f"PyTorch, {precision}", torch.__version__, multiply)
