"""Training with weights as a model file will hold them.

    with quantized(model, types):         # matrices are on the grid of their type in here ...
        loss(model).backward()
    optimizer.step()                      # ... and as the optimizers know them out here

The grids are gguf.py's. Gradients pass rounding as if it were not there (straight through): what
the loss says of a rounded weight moves the weight behind it. Matrices are rounded once a step, in
place, so the model's own code, compiled or not, needs to know nothing; tables are too large for
that, and their rows are rounded as they are looked up (Decoder.embed).
"""

import concurrent.futures
import contextlib
import functools
from dataclasses import dataclass

import numpy as np
import torch

import gguf

KINDS = ("F32", "Q8_0", "Q4_0")
CHUNK = 2000  # blocks, which then stay in a cache


@dataclass
class Types:
    """How a file stores what: one of gguf.py's types each; None or F32 is left as it is."""

    matrices: str = None
    tables: str = None  # of n-grams
    embedding: str = None  # of tokens, and the output matrix tied to it

    def of(self, name, parameter):
        """The type of one of the model's parameters. Norms and the structure term stay F32, for
        they are small and everything hangs on them."""
        if parameter.ndim == 1 or "structure" in name or "attn_tree" in name:
            return "F32"
        if "ngram_embd" in name:
            return self.tables
        return self.embedding if name == "token_embd.weight" else self.matrices


@functools.cache
def threads():
    return concurrent.futures.ThreadPoolExecutor(torch.get_num_threads())


def rounded(weight, kind):
    """fp32 of the same shape, on the grid: what a reader of the file gets. The last axis is a
    multiple of 32."""
    if weight.shape[-1] % gguf.Q_BLOCK:
        raise ValueError(f"{kind} needs rows of a multiple of {gguf.Q_BLOCK}, not {weight.shape[-1]}")
    blocks = weight.detach().float().reshape(-1, gguf.Q_BLOCK)
    if weight.device.type != "cpu":
        scale, q = gguf.grid(blocks.T.contiguous(), kind, torch)
        return (scale * q).T.reshape(weight.shape)
    # numpy, for these are many short operations, of which each of PyTorch's waits for all threads.
    blocks = blocks.numpy()
    out = np.empty(blocks.shape, np.float32)

    def work(at):
        scale, q = gguf.grid(np.ascontiguousarray(blocks[at : at + CHUNK].T), kind)
        out[at : at + CHUNK] = (scale * q).T

    list(threads().map(work, range(0, len(blocks), CHUNK)))
    return torch.from_numpy(out).view(weight.shape)


class FakeQuantize(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weight, kind):
        return rounded(weight, kind)

    @staticmethod
    def backward(ctx, grad):
        return grad, None


def fake_quantize(weight, kind):
    """Rounded to the grid of a type, with the gradient of the weight itself."""
    return FakeQuantize.apply(weight, kind) if kind not in (None, "F32") else weight


@contextlib.contextmanager
def quantized(model, types):
    """Within, the model's matrices (and its embedding, where types says so) are on their grids.
    Leave it before the optimizers step."""
    kept = []
    try:
        for name, p in model.named_parameters():
            kind = types.of(name, p)
            if kind not in (None, "F32") and "ngram_embd" not in name:
                kept.append((p, p.data.clone()))
                p.data.copy_(rounded(p.data, kind))
        yield
    finally:
        for p, weight in kept:
            p.data.copy_(weight)
