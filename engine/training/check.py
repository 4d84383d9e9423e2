#!/usr/bin/env python3
"""Holds attention.c and loss.c against plain tensor operations: outputs and gradients of every
structure, and of the loss, on random rows. Holds rounded weights (quantize.py) against what
gguf.py writes and reads back.

    check.py
"""

import copy
import sys
import tempfile

import numpy as np
import torch

import gguf
from model import KINDS, LEVELS, MASKED, STRUCTURES, Batch, Config, Decoder, WeightedLoss, relations_of, sparse_relations
from quantize import Types, fake_quantize, quantized
from train import weighted_loss

B, T, BOUND = 2, 192, 0.03  # bf16 keeps 8 bits


def random_batch(vocab):
    ids = torch.randint(0, vocab, (B, T))
    start = torch.where(torch.arange(T) < 40, 0, 40).expand(B, T)
    chain = torch.stack([torch.randint(0, 1 << 30, (B, LEVELS)) % (t + 1) - 1 for t in range(T)], 1)
    chain = torch.where(chain >= start[:, :, None], chain, -1).sort(-1, descending=True).values
    segment = torch.randint(1, 4, (B, T))
    features = torch.stack([torch.randint(0, n, (B, T)) for n in (40, KINDS, 9)], -1)
    relations = relations_of(chain, segment, start)
    return Batch(ids, torch.roll(ids, -1, 1), torch.rand(B, T), relations, start, features)


def distance(a, b):
    a, b = a.detach(), b.detach()
    return float((a.float() - b.float()).norm() / b.float().norm().clamp_min(1e-9))


def gradients(model, batch, fused):
    model.zero_grad(set_to_none=True)
    with torch.autocast("cpu", torch.bfloat16, enabled=fused):
        hidden = model.hidden(batch, fused)
    (hidden.float() * torch.arange(hidden.shape[-1]).cos()).sum().backward()
    dense = lambda g: g.to_dense() if g.is_sparse else g
    return hidden, {n: dense(p.grad) for n, p in model.named_parameters() if p.grad is not None}


def check_structure(structure, window=0, tree_positions=False):
    torch.manual_seed(7)
    model = Decoder(Config(vocab=512, d_model=64, layers=3, heads=4, kv_heads=2, head_dim=32, d_ff=128,
                           structure=structure, ngram_orders=(2, 3), ngram_buckets=97, ngram_dim=16, window=window, tree_positions=tree_positions))
    for name, p in model.named_parameters():  # away from the neutral start
        if p.ndim >= 2:
            torch.nn.init.normal_(p, std=0.5 if "structure" in name or "attn_tree" in name else 0.1)
    batch = random_batch(512)
    (a, ga), (b, gb) = gradients(model, batch, True), gradients(model, batch, False)
    worst = max((distance(ga[n], gb[n]), n) for n in gb)
    out = distance(a, b)
    print(f"{structure:15} window {window:3}{' tree positions' * tree_positions}: outputs {out:.4f}, gradients {worst[0]:.4f} ({worst[1]})")
    return out < BOUND and worst[0] < 3 * BOUND


def check_loss(soft):
    hidden = torch.randn(300, 64, dtype=torch.bfloat16).requires_grad_()
    embedding = (torch.randn(704, 64) * 0.2).requires_grad_()
    targets, weight = torch.randint(0, 704, (300,)), torch.rand(300)
    taught = (torch.randn(300, 96, dtype=torch.bfloat16), (torch.randn(704, 96) * 0.2).bfloat16(), soft)
    results = []
    for loss_of_kind in (WeightedLoss.apply, weighted_loss):
        hidden.grad = embedding.grad = None
        loss_of_kind(hidden, embedding, targets, weight, taught if soft else None).backward()
        results.append((hidden.grad, embedding.grad))
    worst = max(distance(a, b) for a, b in zip(*results))
    print(f"loss, {soft:.1f} of it a teacher's: {worst:.4f}")
    return worst < BOUND


def check_sparse():
    batch = random_batch(64)
    sparse = sparse_relations(batch.relations, batch.start, 8)
    kept = sparse != MASKED
    diagonal = kept.diagonal(dim1=1, dim2=2).all()
    return bool(diagonal) and bool((sparse == batch.relations)[kept].all())


def check_rounding(kind):
    """Bit for bit, with gradients passed through, and no value further off than its block allows."""
    torch.manual_seed(3)
    weight = torch.randn(96, 256) * 10 ** torch.empty(96, 256 // 32).uniform_(-9, 3).repeat_interleave(32, 1)
    weight[5], weight[6], weight[7] = 0, 1, -1
    weight[8] = torch.arange(256) % 32 - 16
    weight.requires_grad_()
    with tempfile.TemporaryDirectory() as folder:
        writer = gguf.Writer()
        writer.tensor("w", weight.detach().numpy(), kind)
        writer.save(f"{folder}/w.gguf")
        _, tensors = gguf.read(f"{folder}/w.gguf")
        written = torch.from_numpy(np.array(tensors["w"].array()))
    out = fake_quantize(weight, kind)
    (out * torch.arange(256)).sum().backward()
    scale, q = gguf.grid(weight.detach().reshape(-1, 32).T, kind, torch)
    bits = lambda t: t.detach().contiguous().view(torch.int32)
    same = torch.equal(bits(out), bits(written)) and torch.equal(bits((scale * q).T.reshape(96, 256)), bits(written))
    through = torch.equal(weight.grad, torch.arange(256.0).expand(96, 256))
    top, error = (t.detach().view(-1, 32).abs().amax(1) for t in (weight, out - weight))
    plain = (top == 0) | (top > 0.01)  # smaller ones have scales of a few bits
    near = bool((error <= top * {"Q8_0": 0.0045, "Q4_0": 0.2}[kind])[plain].all())
    print(f"{kind}: as written {same}, gradient {through}, near {near}, error {distance(out, weight):.4f}")
    return same and through and near


def check_swap():
    """Inside `quantized`, logits are those of the model that a reader gets; outside, nothing changed."""
    torch.manual_seed(5)
    types = Types("Q4_0", "Q4_0", "Q8_0")
    model = Decoder(Config(vocab=512, d_model=64, layers=2, heads=4, kv_heads=2, head_dim=32, d_ff=128,
                           ngram_orders=(2, 3), ngram_buckets=97, ngram_dim=32))
    for p in model.parameters():
        if p.ndim == 2:
            torch.nn.init.normal_(p, std=0.1)
    before, batch = copy.deepcopy(model.state_dict()), random_batch(512)
    model.table_type = types.tables
    with quantized(model, types), torch.no_grad():
        got = model.logits(batch)
    kept = all(torch.equal(p, before[n]) for n, p in model.state_dict().items())
    model.table_type = None
    for name, p in model.named_parameters():
        kind = types.of(name, p)
        if kind != "F32":
            raw = gguf.quantize(p.detach().numpy(), kind)
            p.data.copy_(torch.from_numpy(gguf.dequantize(raw.tobytes(), kind, tuple(p.shape))))
    with torch.no_grad():
        same = torch.equal(got, model.logits(batch))
    print(f"model with rounded weights: as read {same}, restored {kept}")
    return same and kept


def main():
    good = [check_structure(s) for s in STRUCTURES]
    good += [check_structure("additive", window=16), check_structure("none", tree_positions=True)]
    good += [check_rounding("Q8_0"), check_rounding("Q4_0"), check_swap()]
    return 0 if all([*good, check_loss(0.0), check_loss(0.3), check_sparse()]) else 1


if __name__ == "__main__":
    sys.exit(main())
