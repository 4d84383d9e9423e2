#!/usr/bin/env python3
"""Trains a model on packed rows (samples.py) and measures it on held-out holes.

    train.py --rows DIR/train.npy --holes DIR/holes.npy --out RUN --structure additive --minutes 30
    train.py ... --out RUN2 --structure none --like RUN        the same steps and learning rates

The first form spends a given time: the learning rate follows the share of it that has gone.
The second replays another run's number of steps and its learning rate of each, so that two
structures see equal tokens in equal order. A run that was cut off goes on from its last
checkpoint when started again with the same --out. log.jsonl holds one line every few steps.

Muon trains the matrices of the blocks, AdamW the rest. Middles count MIDDLE_WEIGHT times in the loss.
"""

import argparse
import ctypes
import json
import math
import os
import sys
import time
from pathlib import Path

# glibc gives every large block back to the system at once and asks for it again a moment
# later; the page faults cost a good part of a step. This has to be set before the start.
ALLOCATOR = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000", "MALLOC_ARENA_MAX": "1",
             "MALLOC_TOP_PAD_": "268435456", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
if __name__ == "__main__" and "MALLOC_MMAP_MAX_" not in os.environ:
    os.execve(sys.executable, [sys.executable, *sys.argv], dict(os.environ, **ALLOCATOR))

import numpy as np
import torch
import torch.nn.functional as F

from model import STRUCTURES, Config, Decoder, relations_of

MIDDLE_WEIGHT = 6.0
WARMUP_STEPS = 40
FLAT_SHARE = 0.35  # of the time at the full learning rate, then linearly down
LAST_SHARE = 0.02


def orthogonal(g, steps=5):
    """The Newton-Schulz iteration of Muon: an approximate U V^T of g."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        s = x @ x.mT
        x = a * x + (b * s + c * s @ s) @ x
    return (x.mT if tall else x).float()


class Muon(torch.optim.Optimizer):
    def __init__(self, params, lr, momentum=0.95, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(p)
                m = state["momentum"]
                m.lerp_(p.grad, 1 - group["momentum"])
                update = orthogonal(p.grad.lerp(m, group["momentum"]))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update, alpha=-group["lr"] * max(1, p.shape[0] / p.shape[1]) ** 0.5)


class Batches:
    """Row arrays to tensors on the device; the relations by C when the library is given."""

    def __init__(self, device, library):
        self.device = device
        self.c = ctypes.CDLL(str(library.resolve())) if library and device == "cpu" else None

    def relations(self, rows):
        if not self.c:
            t = lambda name: torch.from_numpy(rows[name].astype(np.int64)).to(self.device)
            return relations_of(t("chain"), t("segment"), t("start"))
        n, length = rows["ids"].shape
        chain, segment, start = (np.ascontiguousarray(rows[k]) for k in ("chain", "segment", "start"))
        out = np.empty((n, length, length), np.uint8)
        self.c.training_relations(
            *(ctypes.c_void_p(a.ctypes.data) for a in (chain, segment, start)), ctypes.c_size_t(n),
            ctypes.c_size_t(length), ctypes.c_void_p(out.ctypes.data))
        return torch.from_numpy(out)

    def __call__(self, rows):
        ids = torch.from_numpy(rows["ids"].astype(np.int64))
        weight, start = rows["weight"], rows["start"]
        target_weight = np.zeros(weight.shape, np.float32)
        same = start[:, 1:] == start[:, :-1]
        table = np.array([0, 1, MIDDLE_WEIGHT], np.float32)
        target_weight[:, :-1] = table[weight[:, 1:]] * same
        targets = torch.roll(ids, -1, 1)
        return (ids.to(self.device), targets.to(self.device),
                torch.from_numpy(target_weight).to(self.device), self.relations(rows))


def weighted_loss(hidden, embedding, targets, weight):
    logits = F.linear(hidden, embedding.to(hidden.dtype)).flatten(0, 1).float()
    nats = F.cross_entropy(logits, targets.flatten(), reduction="none")
    return (nats * weight.flatten()).sum() / weight.sum()


def nats_of(hidden, embedding, targets):
    logits = F.linear(hidden, embedding.to(hidden.dtype)).flatten(0, 1).float()
    return F.cross_entropy(logits, targets.flatten(), reduction="none").view(targets.shape)


class Evaluation:
    """Bits per byte of held-out middles (<|end|> not counted) and nats a token before them."""

    def __init__(self, path, batches, autocast, fused):
        self.rows = np.load(path)
        self.meta = json.loads(Path(str(path) + ".json").read_text())
        self.batches, self.autocast, self.fused = batches, autocast, fused

    @torch.no_grad()
    def __call__(self, model, limit=None, batch=16):
        n = min(limit or len(self.rows), len(self.rows))
        pick = np.linspace(0, len(self.rows) - 1, n).astype(int)
        result = []
        for at in range(0, n, batch):
            index = pick[at : at + batch]
            whole = np.resize(index, batch)  # one shape, so that nothing compiles again
            rows = self.rows[whole]
            ids, targets, _, relations = self.batches(rows)
            with self.autocast():
                hidden = model.hidden(ids, relations, self.fused)
                nats = nats_of(hidden, model.token_embd.weight, targets).float().cpu().numpy()
            w = rows["weight"]
            for k, i in enumerate(index):
                middle = np.flatnonzero(w[k] == 2)[:-1]
                text = np.flatnonzero(w[k] == 1)[2:]
                meta = self.meta[i]
                result.append({
                    "language": meta["language"], "package": meta["package"], "file": meta["file"],
                    "hole": meta["hole"], "bytes": meta["bytes"], "tokens": len(middle),
                    "middle_nats": float(nats[k][middle - 1].sum()),
                    "end_nats": float(nats[k][middle[-1]]) if len(middle) else 0.0,
                    "text_nats": float(nats[k][text - 1].sum()), "text_tokens": len(text)})
        return result


def summary(result):
    bits = sum(r["middle_nats"] for r in result) / math.log(2) / max(1, sum(r["bytes"] for r in result))
    text = sum(r["text_nats"] for r in result) / max(1, sum(r["text_tokens"] for r in result))
    return bits, text


def optimizers_of(model, args):
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "blocks" in n and "structure" not in n]
    taken = {id(p) for p in matrices}
    structure = [p for n, p in model.named_parameters() if "structure" in n]
    taken |= {id(p) for p in structure}
    rest = [p for p in model.parameters() if id(p) not in taken]
    groups = [{"params": rest, "lr": args.lr_adam}]
    if structure:
        groups.append({"params": structure, "lr": args.lr_structure})
    optimizers = [Muon(matrices, args.lr), torch.optim.AdamW(groups, betas=(0.9, 0.95), weight_decay=0.0, fused=True)]
    for o in optimizers:
        for g in o.param_groups:
            g["full_lr"] = g["lr"]
    return optimizers


def scale_at(step, share):
    down = 1.0 if share < FLAT_SHARE else 1 - (1 - LAST_SHARE) * (share - FLAT_SHARE) / (1 - FLAT_SHARE)
    return min(1.0, (step + 1) / WARMUP_STEPS) * max(LAST_SHARE, down)


def save_checkpoint(path, model, optimizers, state):
    part = path.with_suffix(".part")
    torch.save({"model": model.state_dict(), "config": model.c.dict(), "state": state,
                "optimizers": [o.state_dict() for o in optimizers]}, part)
    os.replace(part, path)


def run(args):
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(args.seed)
    torch.set_flush_denormal(True)
    if args.threads:
        torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    config = Config(vocab=args.vocab, d_model=args.d_model, layers=args.layers, heads=args.heads,
                    kv_heads=args.kv_heads, head_dim=args.head_dim, d_ff=args.d_ff,
                    context=args.context, structure=args.structure)
    model = Decoder(config).to(device)
    optimizers = optimizers_of(model, args)
    state = {"step": 0, "elapsed": 0.0, "tokens": 0, "scales": []}
    checkpoint = args.out / "checkpoint.pt"
    if checkpoint.exists():
        kept = torch.load(checkpoint, map_location=device, weights_only=False)
        model.load_state_dict(kept["model"])
        for o, s in zip(optimizers, kept["optimizers"]):
            o.load_state_dict(s)
        state = kept["state"]
        print(f"going on from step {state['step']}", flush=True)
    scales = None
    if args.like:
        scales = torch.load(args.like / "checkpoint.pt", map_location="cpu", weights_only=False)["state"]["scales"]

    fused = device == "cpu" and args.structure in ("none", "additive")
    autocast = lambda: torch.autocast(device, torch.bfloat16)
    batches = Batches(device, args.library)
    rows = np.load(args.rows, mmap_mode="r")
    evaluation = Evaluation(args.holes, batches, autocast, fused) if args.holes else None
    loss_of = weighted_loss
    if args.compile:
        model.compile()
        loss_of = torch.compile(weighted_loss, dynamic=False)
    log = open(args.out / "log.jsonl", "a")

    def note(**fields):
        fields.update(step=state["step"], tokens=state["tokens"], elapsed=round(state["elapsed"], 1))
        log.write(json.dumps(fields) + "\n")
        log.flush()

    parameters = sum(p.numel() for p in model.parameters())
    if state["step"] == 0:
        note(event="start", config=config.dict(), parameters=parameters, batch=args.batch,
             device=device, seed=args.seed, lr=[args.lr, args.lr_adam, args.lr_structure],
             rows=len(rows), middle_weight=MIDDLE_WEIGHT)
    print(f"{parameters / 1e6:.2f} M parameters, {args.structure}, {device}, {len(rows)} rows", flush=True)

    def one_step(step, update=True):
        take = np.arange(step * args.batch, (step + 1) * args.batch) % len(rows)
        part = np.array(rows[take])
        ids, targets, weight, relations = batches(part)
        with autocast():
            hidden = model.hidden(ids, relations, fused)
            loss = loss_of(hidden, model.token_embd.weight, targets, weight)
        loss.backward()
        if update:
            for o in optimizers:
                o.step()
        for o in optimizers:
            o.zero_grad(set_to_none=True)
        return float(loss), int((part["weight"] > 0).sum())

    one_step(state["step"], update=False)  # compiles; not on the clock
    last = saved = measured = time.monotonic()
    window, window_tokens, window_time = [], 0, 0.0
    while True:
        share = state["elapsed"] / (60 * args.minutes) if not scales else state["step"] / len(scales)
        if share >= 1 or (args.steps and state["step"] >= args.steps):
            break
        scale = scales[state["step"]] if scales else scale_at(state["step"], share)
        for o in optimizers:
            for g in o.param_groups:
                g["lr"] = g["full_lr"] * scale
        loss, tokens = one_step(state["step"])
        if not math.isfinite(loss):
            raise SystemExit(f"train: loss is {loss} at step {state['step']}")
        now = time.monotonic()
        state["elapsed"] += now - last
        window_time += now - last
        last = now
        state["step"] += 1
        state["tokens"] += tokens
        state["scales"].append(scale)
        window.append(loss)
        window_tokens += tokens
        if state["step"] % args.log_every == 0:
            rate, mean = window_tokens / window_time, sum(window) / len(window)
            left = (len(scales) - state["step"]) * window_time / len(window) / 60 if scales \
                else args.minutes - state["elapsed"] / 60
            print(f"step {state['step']:5} {state['tokens'] / 1e6:6.2f} M tokens  loss {mean:.4f}  "
                  f"{rate:6.0f} tokens/s  lr x{scale:.3f}  {left:.1f} min left", flush=True)
            note(loss=round(mean, 4), rate=round(rate), scale=round(scale, 4))
            window, window_tokens, window_time = [], 0, 0.0
        if now - saved > 60 * args.save_minutes:
            save_checkpoint(checkpoint, model, optimizers, state)
            saved = time.monotonic()
        if evaluation and now - measured > 60 * args.measure_minutes:
            bits, text = summary(evaluation(model, 128))
            print(f"held out (128 holes): {bits:.4f} bits/byte of middle, {text:.4f} nats/token of text", flush=True)
            note(middle_bits_per_byte=round(bits, 4), text_nats=round(text, 4), holes=128)
            measured = time.monotonic()
        last = time.monotonic()  # saving and measuring are not on the clock
    save_checkpoint(checkpoint, model, optimizers, state)
    if evaluation:
        result = evaluation(model)
        (args.out / "heldout.json").write_text(json.dumps(result))
        bits, text = summary(result)
        print(f"held out ({len(result)} holes): {bits:.4f} bits/byte of middle, {text:.4f} nats/token of text", flush=True)
        note(event="end", middle_bits_per_byte=round(bits, 4), text_nats=round(text, 4), holes=len(result))


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--rows", type=Path, required=True)
    p.add_argument("--holes", type=Path)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--library", type=Path, help="libespalier_training, for fast relations")
    p.add_argument("--structure", choices=STRUCTURES, default="additive")
    p.add_argument("--minutes", type=float, default=30)
    p.add_argument("--steps", type=int, default=0, help="stop after so many steps")
    p.add_argument("--like", type=Path)
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--vocab", type=int, default=8192)
    p.add_argument("--d-model", type=int, default=384)
    p.add_argument("--layers", type=int, default=6)
    p.add_argument("--heads", type=int, default=4)
    p.add_argument("--kv-heads", type=int, default=2)
    p.add_argument("--head-dim", type=int, default=64)
    p.add_argument("--d-ff", type=int, default=1152)
    p.add_argument("--context", type=int, default=512)
    p.add_argument("--lr", type=float, default=0.012, help="Muon's")
    p.add_argument("--lr-adam", type=float, default=0.003)
    p.add_argument("--lr-structure", type=float, default=0.01)
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--log-every", type=int, default=10)
    p.add_argument("--save-minutes", type=float, default=4)
    p.add_argument("--measure-minutes", type=float, default=8)
    p.add_argument("--no-compile", dest="compile", action="store_false")
    run(p.parse_args())


if __name__ == "__main__":
    main()
