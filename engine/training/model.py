"""The "espalier" decoder in PyTorch, tensor for tensor what the GGUF file holds.

RMSNorm, grouped-query attention with an RMSNorm over each head of q and k before RoPE
(half-split form), a ReLU^2 feed-forward, tied embeddings, no biases. Beside the token's own
embedding, hashed n-grams of the tokens up to it are looked up in large tables: parameters that
cost no arithmetic.

The structure term of attention enters by relation: `relations` holds r(i, j) for every pair of
positions of a row, MASKED where j may not be seen (later, or in another packed sample). Every
structure starts neutral, so that at step 0 all variants are the plain decoder. Structures:

  none            softmax(s)
  additive        s + b[h, r]
  additive_key    s + q . e[h, r]
  additive_names  additive, over the tree's relations and those between uses of a name
  multiplicative  s * softplus(g[h, r]) / ln 2
  gated           w * sigmoid(g[h, r]) renormalised, which is s + ln sigmoid(g[h, r])
  embedding       depth, kind and sibling number as input embeddings; attention is plain

Tree positions come on top of any of them: q and k are rotated further, by learnt frequencies of
the token's depth and sibling number. On a CPU all take
attention.c and loss.c; elsewhere the direct form.
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

from quantize import fake_quantize

LEVELS, RELATIONS, KINDS = 8, 12, 33
TABLE = 16  # relations of the tree, three between names, MASKED
NAMES = RELATIONS  # the first of the three
MASKED = TABLE - 1  # not to be attended to
ELSEWHERE, ANCESTOR_1, SAME_NODE, SIBLING, SEGMENT = 0, 1, 9, 10, 11
STRUCTURES = ("none", "additive", "additive_key", "additive_names", "multiplicative", "gated",
              "embedding")
HEADER = 64  # tokens at a sample's start that sparse layers see
DENSE_INTERVAL = 3  # of the layers of linear models, and of sparse ones that name none, each third is dense
TREE_STEPS, TREE_SCALE = 32, 8  # tree positions: coordinates above are this one; their unit
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
    tree_positions: bool = False
    ngram_orders: tuple = ()  # lengths of the n-grams looked up, the token itself included
    ngram_buckets: int = 131072  # of each order
    ngram_dim: int = 128
    window: int = 0  # not 0: some layers attend sparsely, see sparse_relations
    sparse_layers: tuple = ()  # their numbers, below 32; empty: all but each third
    outline: int = 0  # tokens of a prompt that rows give to an outline, for the server to do the same
    linear: bool = False  # all layers but each third are gated linear attention

    def dict(self):
        return asdict(self)

    def is_dense(self, layer):
        return layer % DENSE_INTERVAL == DENSE_INTERVAL - 1

    def is_sparse(self, layer):
        if not self.window:
            return False
        return layer in self.sparse_layers if self.sparse_layers else not self.is_dense(layer)

    @property
    def previous(self):
        """How many tokens before each one the input needs."""
        return max(self.ngram_orders, default=1) - 1


@dataclass
class Batch:
    """One batch of rows on the device; B rows of T positions."""

    ids: torch.Tensor  # [B, T] int64
    targets: torch.Tensor  # [B, T] the token that follows
    weight: torch.Tensor  # [B, T] of the target in the loss, 0 at a sample's end
    relations: torch.Tensor  # [B, T, T] uint8
    start: torch.Tensor  # [B, T] where the sample of the position begins
    features: torch.Tensor  # [B, T, 3] int64: depth, kind, sibling

    def previous(self, count):
        """The tokens 1 ... count before each one, -1 in front of the sample: [B, T, count]."""
        position = torch.arange(self.ids.shape[1], device=self.ids.device)
        return torch.stack([torch.where(position - k >= self.start, torch.roll(self.ids, k, 1), -1)
                            for k in range(1, count + 1)], -1)


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


def sparse_relations(relations, start, window):
    """MASKED as well where a sparse layer does not look: it sees the last `window` tokens, the
    starts of enclosing nodes and of earlier siblings, and a sample's first HEADER tokens."""
    T = relations.shape[1]
    position = torch.arange(T, device=relations.device)
    i, j = position[:, None], position[None, :]
    kept = (i - j < window) | (j - start[:, :, None] < HEADER)
    kept |= (relations >= ANCESTOR_1) & (relations < SAME_NODE) | (relations == SIBLING)
    return relations.masked_fill(~kept, MASKED)


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
    """softmax(factor[h, r] q k^T / sqrt(d) + add[h, r]) v in bf16 on a CPU: q [B, h, T, d],
    k, v [B, kv_heads, T, d], add [h, TABLE] or [B, h, T, TABLE], factor [h, TABLE] or None."""

    @staticmethod
    def forward(ctx, q, k, v, add, factor, relations):
        q, k, v = q.contiguous(), k.contiguous(), v.contiguous()
        add = add.detach().float().clone()
        add[..., MASKED] = -1e30
        out, lse = torch.empty_like(q), torch.empty(q.shape[:3])
        TreeAttention.over_rows("attention_forward", q, k, v, add, factor, relations, lambda row: (
            part(out, row), part(lse, row)))
        ctx.save_for_backward(q, k, v, add, factor, relations, out, lse)
        ctx.wants_add = ctx.needs_input_grad[3]
        return out

    @staticmethod
    def backward(ctx, grad):
        q, k, v, add, factor, relations, out, lse = ctx.saved_tensors
        grad, by_query = grad.contiguous(), add.ndim == 4
        dq, dk, dv = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        d_add = torch.zeros_like(add) if by_query else None
        sums = {}

        def outputs(row):
            own = sums[row] = torch.zeros(2, q.shape[1], TABLE)
            target = part(d_add, row) if by_query else address(own, 0)
            return (part(out, row), part(lse, row), part(grad, row), part(dq, row), part(dk, row), part(dv, row),
                    target if ctx.wants_add else None, address(own[1], 0))

        TreeAttention.over_rows("attention_backward", q, k, v, add, factor, relations, outputs)
        total = sum(sums.values())
        if not by_query:
            d_add = total[0]
        return (dq, dk, dv, d_add if ctx.wants_add else None, total[1] if factor is not None else None, None)

    @staticmethod
    def over_rows(function, q, k, v, add, factor, relations, outputs):
        """Calls a function of attention.c; outputs(row) are its arguments beside the inputs."""
        B, heads, T, d = q.shape
        by_query = add.ndim == 4

        def work(row, n):
            if getattr(attention_library(), function)(
                    part(q, row), part(k, row), part(v, row), part(relations, row),
                    part(add, row) if by_query else address(add, 0), by_query, address(factor, 0), size(n), size(heads),
                    size(k.shape[1]), size(T), size(d), ctypes.c_float(1 / math.sqrt(d)), *outputs(row)):
                raise MemoryError(function)

        parallel(work, B)


class WeightedLoss(torch.autograd.Function):
    """Mean of the nats of targets [N] under softmax(hidden [N, d] embedding^T), weighted by
    weight [N], in bf16 on a CPU. Logits exist for ROWS tokens at a time; what they become in
    the backward pass is computed along with them. taught: a teacher's (hidden [N, d'],
    embedding [vocab, d'], soft): see loss.c; the result stays the nats of the targets."""

    ROWS = 2048

    @staticmethod
    def forward(ctx, hidden, embedding, targets, weight, taught=None):
        e, loss = embedding.detach().to(hidden.dtype), 0.0
        dh, de = torch.empty_like(hidden), torch.zeros_like(embedding)
        weight = weight / weight.sum()
        vocab, soft = len(e), taught[2] if taught else 0.0
        if vocab % 16:
            raise ValueError(f"a vocabulary of {vocab} tokens; expected a multiple of 16")
        for at in range(0, len(hidden), WeightedLoss.ROWS):
            rows = slice(at, at + WeightedLoss.ROWS)
            h, t, w = hidden[rows], targets[rows], weight[rows]
            logits, nats = h @ e.T, torch.empty(len(h))
            teacher = taught[0][rows] @ taught[1].T if taught else None
            parallel(lambda row, n: loss_library().loss_gradient(
                part(logits, row), None if teacher is None else part(teacher, row), ctypes.c_float(soft), part(t, row),
                part(w, row), size(n), size(vocab), part(nats, row)), len(h))
            loss += float((nats * w).sum())
            torch.matmul(logits, e, out=dh[rows])
            de += logits.T @ h
        ctx.save_for_backward(dh, de)
        return torch.tensor(loss)

    @staticmethod
    def backward(ctx, grad):
        dh, de = ctx.saved_tensors
        return dh * grad.to(dh.dtype), de * grad, None, None, None


def address(tensor, offset):
    return None if tensor is None else ctypes.c_void_p(tensor.data_ptr() + offset)


def part(tensor, row):
    """Where a row of the batch begins."""
    return address(tensor, row * tensor.stride(0) * tensor.element_size())


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
def loss_library():
    return compiled("loss.c")


@functools.cache
def attention_library():
    return compiled("attention.c")


def compiled(source):
    """A C file of this folder as a library, built for the machine at hand."""
    source = pathlib.Path(__file__).with_name(source)
    out = pathlib.Path(tempfile.mkdtemp()) / "library.so"
    subprocess.run(["cc", "-O3", "-march=native", "-Wno-psabi", "-shared", "-fPIC", "-o", out, source], check=True)
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
        shapes = {"additive": (c.heads, RELATIONS), "additive_names": (c.heads, TABLE - 1),
                  "additive_key": (c.heads, RELATIONS, c.head_dim), "multiplicative": (c.heads, RELATIONS),
                  "gated": (c.heads, RELATIONS)}
        if c.structure in shapes:
            self.attn_structure = nn.Parameter(torch.zeros(shapes[c.structure]))
        if c.tree_positions:
            self.attn_tree = nn.Parameter(torch.zeros(2, c.kv_heads, c.head_dim // 2))

    def heads_of(self, x, cos, sin, features):
        """q [B, heads, T, head_dim], k, v [B, kv_heads, T, head_dim], and q before its rotation."""
        c = self.c
        B, T, _ = x.shape
        q = self.attn_q(x).view(B, T, c.heads, c.head_dim)
        k = self.attn_k(x).view(B, T, c.kv_heads, c.head_dim)
        v = self.attn_v(x).view(B, T, c.kv_heads, c.head_dim)
        flat = rms_norm(q, self.attn_q_norm, c.eps).transpose(1, 2)
        k = rms_norm(k, self.attn_k_norm, c.eps).transpose(1, 2)
        q, k = rope(flat, cos, sin), rope(k, cos, sin)
        if c.tree_positions:
            # Coordinates are scaled to about 1, so that frequencies learn at one rate.
            place = features[:, :, (0, 2)].float().clamp_max(TREE_STEPS) / TREE_SCALE  # [B, T, 2]
            angle = torch.einsum("btc,chd->bhtd", place, self.attn_tree)
            k = rope(k, angle.cos(), angle.sin())
            angle = angle.repeat_interleave(c.heads // c.kv_heads, 1)
            q = rope(q, angle.cos(), angle.sin())
        return q.contiguous(), k.contiguous(), v.transpose(1, 2).contiguous(), flat

    def terms(self, flat):
        """What is added to scores and what multiplies them, by relation: see TreeAttention."""
        c = self.c
        if c.structure == "additive_key":
            e = torch.einsum("bhtd,hrd->bhtr", flat.float(), self.attn_structure) / math.sqrt(c.head_dim)
            return F.pad(e, (0, TABLE - RELATIONS)), None
        table = torch.zeros(c.heads, TABLE, device=flat.device)
        if c.structure in ("none", "embedding"):
            return table, None
        own = F.pad(self.attn_structure, (0, TABLE - self.attn_structure.shape[1]))
        if c.structure == "multiplicative":
            return table, F.softplus(own) / math.log(2)
        return F.logsigmoid(own) if c.structure == "gated" else own, None

    def forward(self, q, k, v, flat, relations, fused):
        add, factor = self.terms(flat)
        if fused:
            return TreeAttention.apply(q, k, v, add, factor, relations)
        k, v = (x.repeat_interleave(self.c.heads // self.c.kv_heads, 1) for x in (k, v))
        index = relations.long()
        s = (q @ k.transpose(-1, -2)).float() / math.sqrt(self.c.head_dim)
        if factor is not None:
            s = s * factor[:, index].transpose(0, 1)
        if add.ndim == 4:
            s = s + add.gather(3, index[:, None].expand(-1, q.shape[1], -1, -1))
        else:
            s = s + add[:, index].transpose(0, 1)
        w = s.masked_fill((relations == MASKED)[:, None], float("-inf")).softmax(-1)
        return w.to(v.dtype) @ v


class LinearAttention(nn.Module):
    """Gated linear attention: a state S_t = a_t S_(t-1) + k_t v_t^T a head, read as q_t^T S_t, with
    a_t in (0, 1) from the token; computed in chunks. The state starts anew with each sample."""

    CHUNK = 64

    def __init__(self, c):
        super().__init__()
        self.c = c
        width = c.heads * c.head_dim
        self.attn_q = nn.Linear(c.d_model, width, bias=False)
        self.attn_k = nn.Linear(c.d_model, width, bias=False)
        self.attn_v = nn.Linear(c.d_model, width, bias=False)
        self.attn_output = nn.Linear(width, c.d_model, bias=False)
        self.attn_gate = nn.Linear(c.d_model, c.heads, bias=False)
        self.attn_gate_bias = nn.Parameter(torch.linspace(2, 6, c.heads))
        self.attn_out_norm = nn.Parameter(torch.ones(c.head_dim))

    def forward(self, x, start):
        """x [B, T, d_model], normalised; the result before attn_output, [B, heads, T, head_dim]."""
        c = self.c
        B, T, _ = x.shape
        N, C = T // self.CHUNK, self.CHUNK
        chunked = lambda y: y.view(B, N, C, c.heads, -1).permute(0, 3, 1, 2, 4)
        q, k, v = (chunked(p(x)) for p in (self.attn_q, self.attn_k, self.attn_v))
        q, k = (F.normalize(F.silu(y.float()), dim=-1).to(x.dtype) for y in (q, k))
        log_a = F.logsigmoid(self.attn_gate(x).float() + self.attn_gate_bias)
        fresh = start == torch.arange(T, device=x.device)
        log_a = log_a.masked_fill(fresh[:, :, None], -60.0)
        cum = chunked(log_a)[..., 0].cumsum(-1)  # [B, h, N, C]
        decay = (cum[..., :, None] - cum[..., None, :]).tril().exp().tril()
        out = ((q @ k.transpose(-1, -2)).float() * decay).to(x.dtype) @ v
        write = (cum[..., -1:] - cum).exp()[..., None]
        kept = (k * write).to(x.dtype).transpose(-1, -2) @ v  # [B, h, N, d, d]
        whole = cum[..., -1].exp()[..., None, None]
        state, states = torch.zeros_like(kept[:, :, 0]), []
        for n in range(N):
            states.append(state)
            state = (state * whole[:, :, n] + kept[:, :, n]).to(x.dtype)
        out = out + (q * cum.exp()[..., None]).to(x.dtype) @ torch.stack(states, 2)
        out = rms_norm(out, self.attn_out_norm, c.eps)
        return out.reshape(B, c.heads, T, c.head_dim)


class Block(nn.Module):
    def __init__(self, c, number):
        super().__init__()
        self.c = c
        self.linear = c.linear and not c.is_dense(number)
        self.sparse = c.is_sparse(number)
        self.attn_norm = nn.Parameter(torch.ones(c.d_model))
        self.attention = LinearAttention(c) if self.linear else Attention(c)
        self.ffn_norm = nn.Parameter(torch.ones(c.d_model))
        self.ffn_up = nn.Linear(c.d_model, c.d_ff, bias=False)
        self.ffn_down = nn.Linear(c.d_ff, c.d_model, bias=False)

    # In two parts around the attention itself, so that each compiles as a whole.

    def before(self, x, cos, sin, features):
        return self.attention.heads_of(rms_norm(x, self.attn_norm, self.c.eps), cos, sin, features)

    def after(self, x, out):
        x = x + self.attention.attn_output(out.transpose(1, 2).flatten(2))
        h = self.ffn_up(rms_norm(x, self.ffn_norm, self.c.eps))
        return x + self.ffn_down(F.relu(h).square())


# Multipliers of the n-gram hash; engine/ngram.c has the same.
HASH = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F)


def ngram_bucket(ids, previous, order, buckets):
    """Bucket of the n-gram that ends at each token: [B, T]. previous [B, T, >= order - 1].
    32-bit arithmetic: each token is multiplied by a constant of its own and mixed in."""
    h = (ids + 1) * HASH[0] & 0xFFFFFFFF
    for k in range(order - 1):
        h = h ^ ((previous[:, :, k] + 1) * HASH[k + 1] & 0xFFFFFFFF)
        h = (h ^ (h >> 15)) * 0x2C1B3C6D & 0xFFFFFFFF
    h = (h ^ (h >> 13)) * 0x297A2D39 & 0xFFFFFFFF
    return (h ^ (h >> 16)) % buckets


class Decoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.token_embd = nn.Embedding(c.vocab, c.d_model)
        if c.ngram_orders:
            self.ngram_embd = nn.ModuleList(
                nn.Embedding(c.ngram_buckets, c.ngram_dim, sparse=True) for _ in c.ngram_orders)
            self.ngram_proj = nn.Linear(len(c.ngram_orders) * c.ngram_dim, c.d_model, bias=False)
        if c.structure == "embedding":
            self.feature_embd = nn.ModuleList(nn.Embedding(n, c.d_model) for n in (32, KINDS, 32))
        self.blocks = nn.ModuleList(Block(c, n) for n in range(c.layers))
        self.output_norm = nn.Parameter(torch.ones(c.d_model))
        self.table_type = None  # what the rows of n-grams are rounded to
        for name, p in self.named_parameters():
            if p.ndim < 2 or "structure" in name or "attn_tree" in name:
                continue
            if any(zero in name for zero in ("attn_output", "ffn_down", "ngram_embd", "feature_embd")):
                nn.init.zeros_(p)
            else:
                nn.init.normal_(p, std=0.04 if "embd" in name else 1 / math.sqrt(p.shape[1]))

    def compile(self):
        """Compiles what lies between the attentions."""
        for block in self.blocks:
            if not block.linear:
                block.before = torch.compile(block.before, dynamic=False)
            block.after = torch.compile(block.after, dynamic=False)

    def embed(self, batch):
        c = self.c
        x = F.embedding(batch.ids, self.token_embd.weight)
        if c.structure == "embedding":
            for table, feature in zip(self.feature_embd, batch.features.unbind(-1)):
                x = x + table(feature.clamp_max(table.num_embeddings - 1))
        if torch.is_autocast_enabled(batch.ids.device.type):
            x = x.to(torch.get_autocast_dtype(batch.ids.device.type))
        if c.ngram_orders:
            previous = batch.previous(c.previous)
            rows = [fake_quantize(table(ngram_bucket(batch.ids, previous, n, c.ngram_buckets)), self.table_type)
                    for n, table in zip(c.ngram_orders, self.ngram_embd)]
            x = x + self.ngram_proj(torch.cat(rows, -1).to(x.dtype))
        return x

    def hidden(self, batch, fused=False):
        """[B, T, d_model] after the last norm. fused: bf16 on a CPU with attention.c."""
        c = self.c
        x = self.embed(batch)
        cos, sin = rope_tables(x.shape[1], c.head_dim, c.rope_base, x.device)
        sparse = sparse_relations(batch.relations, batch.start, c.window) if c.window else None
        for block in self.blocks:
            if block.linear:
                out = block.attention(rms_norm(x, block.attn_norm, c.eps), batch.start)
            else:
                q, k, v, flat = block.before(x, cos, sin, batch.features)
                relations = sparse if block.sparse else batch.relations
                out = block.attention(q, k, v, flat, relations, fused)
            x = block.after(x, out)
        return rms_norm(x, self.output_norm, c.eps)

    def logits(self, batch):
        return F.linear(self.hidden(batch), self.token_embd.weight)
