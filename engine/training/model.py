"""The "espalier" decoder in PyTorch, tensor for tensor what the GGUF file holds.

RMSNorm, grouped-query attention with an RMSNorm over each head of q and k before RoPE
(half-split form), a ReLU^2 feed-forward, tied embeddings, no biases. The structure term of
attention enters by relation: `relations` holds r(i, j) for every pair of positions of a row,
MASKED where j may not be seen (later, or in another packed sample). Every structure starts
neutral, so that at step 0 all variants are the plain decoder.

On a CPU the additive and the plain variant take the loops of attention.c between the matrix
products. The other variants, and other devices, take the direct form.
"""

import concurrent.futures
import ctypes
import functools
import math
import pathlib
import subprocess
import tempfile
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import nn

LEVELS, RELATIONS, KINDS = 8, 12, 33
MASKED = RELATIONS  # one more relation: not to be attended to
ELSEWHERE, ANCESTOR_1, SAME_NODE, SIBLING, SEGMENT = 0, 1, 9, 10, 11
STRUCTURES = ("none", "additive", "additive_key", "multiplicative", "gated")
SEGMENT_SUFFIX, SEGMENT_PREFIX, SEGMENT_MIDDLE = 1, 2, 3


@dataclass
class Config:
    vocab: int = 8192
    d_model: int = 384
    layers: int = 6
    heads: int = 6
    kv_heads: int = 2
    head_dim: int = 64
    d_ff: int = 1536
    context: int = 2048
    rope_base: float = 10000.0
    eps: float = 1e-5
    structure: str = "additive"

    def dict(self):
        return asdict(self)


def relations_of(chain, segment, document):
    """r(i, j) for all pairs: uint8 [B, T, T].

    chain [B, T, 8] int64 positions in the row, -1 for none; segment [B, T]; document [B, T]:
    the position where the packed sample of a token starts. The order of the writes below is
    the reverse of the precedence in syntax/syntax.h: later writes win.
    """
    B, T, _ = chain.shape
    device = chain.device
    position = torch.arange(T, device=device)
    i, j = position[:, None], position[None, :]
    inner = chain[:, :, 0]
    r = torch.zeros(B, T, T, dtype=torch.uint8, device=device)
    has = (inner >= 0)[:, :, None]
    same = has & (j > inner[:, :, None])
    r.masked_fill_(same, SAME_NODE)
    sibling = same & (inner[:, None, :] == inner[:, :, None]) & (j < i)
    r.masked_fill_(sibling, SIBLING)
    spare = torch.cat([r, r.new_zeros(B, T, 1)], 2)  # column T takes the writes of -1
    for level in reversed(range(LEVELS)):
        at = chain[:, :, level]
        spare.scatter_(2, torch.where(at >= 0, at, T)[:, :, None], ANCESTOR_1 + level)
    r = spare[:, :, :T]
    part = torch.where(segment == SEGMENT_MIDDLE, SEGMENT_PREFIX, segment)
    r = r.masked_fill(part[:, :, None] != part[:, None, :], SEGMENT)
    hidden = (j > i) | (j < document[:, :, None])
    return r.masked_fill(hidden, MASKED)


def rms_norm(x, weight, eps):
    return F.rms_norm(x, (x.shape[-1],), weight.to(x.dtype), eps)


def rope_tables(T, head_dim, base, device):
    half = head_dim // 2
    frequency = base ** (-torch.arange(half, device=device, dtype=torch.float32) / half)
    angle = torch.arange(T, device=device, dtype=torch.float32)[:, None] * frequency
    return angle.cos(), angle.sin()


def rope(x, cos, sin):
    a, b = x.float().chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1).to(x.dtype)


class TreeAttention(torch.autograd.Function):
    """softmax(q k^T / sqrt(d) + bias[h, r]) v in bf16 on a CPU: q, k, v [B, h, T, d],
    bias [h, RELATIONS] or None."""

    @staticmethod
    def forward(ctx, q, k, v, bias, relations):
        B, heads, T, d = q.shape
        table = torch.zeros(heads, 16)
        if bias is not None:
            table[:, :RELATIONS] = bias.detach()
        table[:, MASKED] = -1e30
        w = q @ k.transpose(-1, -2)
        parallel(lambda row, n: attention_library().attention_softmax(
            address(relations, row * T * T), address(table, 0), size(n), size(heads), size(T),
            ctypes.c_float(1 / math.sqrt(d)), address(w, 2 * row * heads * T * T)), B)
        ctx.save_for_backward(q, k, v, w, relations)
        ctx.has_bias = bias is not None
        return w @ v

    @staticmethod
    def backward(ctx, grad):
        q, k, v, w, relations = ctx.saved_tensors
        B, heads, T, d = q.shape
        dv = w.transpose(-1, -2) @ grad
        ds = grad @ v.transpose(-1, -2)
        sums = []

        def part(row, n):
            own = torch.zeros(heads, 16)
            sums.append(own)
            attention_library().attention_gradient(
                address(relations, row * T * T), address(w, 2 * row * heads * T * T), size(n),
                size(heads), size(T), ctypes.c_float(1 / math.sqrt(d)),
                address(ds, 2 * row * heads * T * T), address(own, 0) if ctx.has_bias else None)

        parallel(part, B)
        db = sum(sums)[:, :RELATIONS].contiguous() if ctx.has_bias else None
        return ds @ k, ds.transpose(-1, -2) @ q, dv, db, None


def address(tensor, offset):
    return ctypes.c_void_p(tensor.data_ptr() + offset)


size = ctypes.c_size_t


@functools.cache
def threads():
    return concurrent.futures.ThreadPoolExecutor(torch.get_num_threads())


def parallel(work, rows):
    """work(first row, rows) on as many threads as PyTorch has."""
    n = torch.get_num_threads()
    step = (rows + n - 1) // n
    list(threads().map(lambda row: work(row, min(step, rows - row)), range(0, rows, step)))


@functools.cache
def attention_library():
    source = pathlib.Path(__file__).with_name("attention.c")
    out = pathlib.Path(tempfile.mkdtemp()) / "attention.so"
    subprocess.run(["cc", "-O3", "-march=native", "-ffast-math", "-fno-finite-math-only", "-shared", "-fPIC", "-o", out, source], check=True)
    return ctypes.CDLL(str(out))


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.attn_q = nn.Linear(c.d_model, c.heads * c.head_dim, bias=False)
        self.attn_k = nn.Linear(c.d_model, c.kv_heads * c.head_dim, bias=False)
        self.attn_v = nn.Linear(c.d_model, c.kv_heads * c.head_dim, bias=False)
        self.attn_output = nn.Linear(c.heads * c.head_dim, c.d_model, bias=False)
        self.attn_q_norm = nn.Parameter(torch.ones(c.head_dim))
        self.attn_k_norm = nn.Parameter(torch.ones(c.head_dim))
        if c.structure == "additive_key":
            self.attn_structure = nn.Parameter(torch.zeros(c.heads, RELATIONS, c.head_dim))
        elif c.structure == "multiplicative":
            self.attn_structure = nn.Parameter(torch.full((c.heads, RELATIONS), 0.0))
        elif c.structure != "none":
            self.attn_structure = nn.Parameter(torch.zeros(c.heads, RELATIONS))

    def heads_of(self, x, cos, sin):
        c = self.c
        B, T, _ = x.shape
        q = self.attn_q(x).view(B, T, c.heads, c.head_dim)
        k = self.attn_k(x).view(B, T, c.kv_heads, c.head_dim)
        v = self.attn_v(x).view(B, T, c.kv_heads, c.head_dim)
        flat = rms_norm(q, self.attn_q_norm, c.eps).transpose(1, 2)
        k = rms_norm(k, self.attn_k_norm, c.eps).transpose(1, 2)
        q, k = rope(flat, cos, sin), rope(k, cos, sin)
        group = c.heads // c.kv_heads
        k = k.repeat_interleave(group, 1)
        v = v.transpose(1, 2).repeat_interleave(group, 1)
        return q.contiguous(), k.contiguous(), v.contiguous(), flat

    def forward(self, q, k, v, flat, relations, fused):
        if fused:
            out = TreeAttention.apply(q, k, v, getattr(self, "attn_structure", None), relations)
        else:
            out = self.weights(q, k, flat, relations).to(v.dtype) @ v
        return out

    def weights(self, q, k, flat, relations):
        """Attention weights of every structure in plain tensor operations."""
        structure, table = self.c.structure, getattr(self, "attn_structure", None)
        hidden = (relations == MASKED)[:, None]
        index = relations.long().clamp_max(RELATIONS - 1)
        s = (q @ k.transpose(-1, -2)).float() / math.sqrt(self.c.head_dim)
        if structure == "additive":
            s = s + table[:, index].transpose(0, 1)
        elif structure == "additive_key":
            e = torch.einsum("bhtd,hrd->bhtr", flat.float(), table) / math.sqrt(self.c.head_dim)
            s = s + e.gather(3, index[:, None].expand(-1, q.shape[1], -1, -1))
        elif structure == "multiplicative":
            s = s * (F.softplus(table) / math.log(2))[:, index].transpose(0, 1)
        w = s.masked_fill(hidden, float("-inf")).softmax(-1)
        if structure == "gated":
            w = w * torch.sigmoid(table)[:, index].transpose(0, 1)
            w = w / w.sum(-1, keepdim=True)
        return w


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.attn_norm = nn.Parameter(torch.ones(c.d_model))
        self.attention = Attention(c)
        self.ffn_norm = nn.Parameter(torch.ones(c.d_model))
        self.ffn_up = nn.Linear(c.d_model, c.d_ff, bias=False)
        self.ffn_down = nn.Linear(c.d_ff, c.d_model, bias=False)

    # In two parts around the attention itself, so that each compiles as a whole.

    def before(self, x, cos, sin):
        return self.attention.heads_of(rms_norm(x, self.attn_norm, self.c.eps), cos, sin)

    def after(self, x, out):
        x = x + self.attention.attn_output(out.transpose(1, 2).flatten(2))
        h = self.ffn_up(rms_norm(x, self.ffn_norm, self.c.eps))
        return x + self.ffn_down(F.relu(h).square())


class Decoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.token_embd = nn.Embedding(c.vocab, c.d_model)
        self.blocks = nn.ModuleList(Block(c) for _ in range(c.layers))
        self.output_norm = nn.Parameter(torch.ones(c.d_model))
        for name, p in self.named_parameters():
            if p.ndim < 2 or "structure" in name:
                continue
            if "attn_output" in name or "ffn_down" in name:
                nn.init.zeros_(p)
            else:
                nn.init.normal_(p, std=0.04 if "embd" in name else 1 / math.sqrt(p.shape[1]))

    def compile(self):
        """Compiles what lies between the attentions."""
        for block in self.blocks:
            block.before = torch.compile(block.before, dynamic=False)
            block.after = torch.compile(block.after, dynamic=False)

    def hidden(self, ids, relations, fused=False):
        """[B, T, d_model] after the last norm. fused: bf16 on a CPU with the loops of
        attention.c; "none" and "additive" only."""
        x = F.embedding(ids, self.token_embd.weight)
        if torch.is_autocast_enabled(ids.device.type):
            x = x.to(torch.get_autocast_dtype(ids.device.type))
        cos, sin = rope_tables(ids.shape[1], self.c.head_dim, self.c.rope_base, ids.device)
        for block in self.blocks:
            q, k, v, flat = block.before(x, cos, sin)
            x = block.after(x, block.attention(q, k, v, flat, relations, fused))
        return rms_norm(x, self.output_norm, self.c.eps)

    def logits(self, ids, relations):
        return F.linear(self.hidden(ids, relations), self.token_embd.weight)
