#!/usr/bin/env python3
"""Trains a model on packed rows (samples.py) and measures it on held-out holes.

    train.py --rows F --holes F --vocab F --library F --out RUN --structure additive --steps 1000
    train.py ... --out RUN2 --structure none --like RUN        the same steps and learning rates
    train.py ... --out RUN --steps 20000 --slice 9             nine minutes of it; again to go on
    train.py ... --out RUN --init RUN0/checkpoint.pt           from another run's weights
    train.py ... --out RUN --init F --qat Q4_0 --qat-tables Q4_0   for a file of 4 bits, see quantize.py

The learning rate follows the share of --steps that has been done, or of --minutes. A run that was
cut off goes on from its last checkpoint when started again with the same --out. log.jsonl holds
one line every few steps; plot.py draws it.
"""
import argparse
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
from torch import nn

import export
from batches import MIDDLE_WEIGHT, NEWLINE, TREES, Batches, attended
from model import STRUCTURES, Config, Decoder, WeightedLoss, sparse_relations
from quantize import KINDS, Types, quantized
from tokenizer import Vocabulary

WARMUP_STEPS = 40
LAST_SHARE = 0.02


def orthogonal(g, steps=5):
    """The Newton-Schulz iteration of Muon: approximates U V^T of each g [n, rows, columns],
    rows <= columns."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g.bfloat16()
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        s = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(s, s, s, beta=b, alpha=c), x, beta=a)
    return x.float()


class Muon(torch.optim.Optimizer):
    def __init__(self, params, lr, momentum=0.95, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    def moved(self, p, momentum):
        """The gradient with Nesterov's momentum."""
        state = self.state[p]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(p)
        m = state["momentum"]
        m.lerp_(p.grad, 1 - momentum)
        return p.grad.lerp(m, momentum)

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            alike = {}  # matrices of one shape are made orthogonal together, which is faster
            for p in group["params"]:
                alike.setdefault(p.shape, []).append(p)
            for (rows, columns), same in alike.items():
                updates = torch.stack([self.moved(p, group["momentum"]) for p in same])
                updates = orthogonal(updates.mT).mT if rows > columns else orthogonal(updates)
                for p, update in zip(same, updates):
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    p.add_(update, alpha=-group["lr"] * max(1, rows / columns) ** 0.5)


def weighted_loss(hidden, embedding, targets, weight, taught=None):
    """WeightedLoss in plain operations; the result is the loss that is minimised."""
    logits = F.linear(hidden, embedding.to(hidden.dtype)).float()
    nats = F.cross_entropy(logits, targets, reduction="none")
    if taught:
        other, table, soft = taught
        wanted = F.linear(other, table).float().softmax(-1)
        nats = (1 - soft) * nats + soft * F.cross_entropy(logits, wanted, reduction="none")
    return (nats * weight).sum() / weight.sum()


def loss_of(model, batch, fused, teacher=None):
    hidden = model.hidden(batch, fused).flatten(0, 1)
    weight = batch.weight.flatten()
    taught = teacher.of(batch, fused) if teacher else None
    loss = WeightedLoss.apply if fused else weighted_loss
    soft = taught if taught and taught[2] else None
    loss = loss(hidden, model.token_embd.weight, batch.targets.flatten(), weight, soft)
    return loss + teacher.distance(hidden, taught[0], weight) if teacher else loss


def checkpoint_of(path, device):
    """What a run kept, or as much of it as a GGUF file of ours holds: weights and sizes."""
    if path.suffix != ".gguf":
        return torch.load(path, map_location=device, weights_only=False)
    model = export.from_gguf(str(path)).to(device)
    return {"model": model.state_dict(), "config": model.c.dict(), "state": {}}


def some_layers(kept, layers):
    """The checkpoint with these blocks alone, in this order."""
    weights = {}
    for name, tensor in kept["model"].items():
        part, _, rest = name.removeprefix("blocks.").partition(".")
        if not name.startswith("blocks."):
            weights[name] = tensor
        elif int(part) in layers:
            weights[f"blocks.{layers.index(int(part))}.{rest}"] = tensor
    return {"model": weights, "config": dict(kept["config"], layers=len(layers)), "state": {}}


class Teacher(nn.Module):
    """Another checkpoint of the same vocabulary to learn from: its distribution takes `soft` of
    the loss, and its hidden state, from which the student's is mapped linearly, adds `near`
    times their squared distance. The mapping is learnt along and belongs to no model file."""

    def __init__(self, path, d_model, soft, near, device):
        super().__init__()
        kept = checkpoint_of(path, device)
        teacher = Decoder(Config(**kept["config"])).to(device)
        teacher.load_state_dict(kept["model"])
        self.teacher = [teacher.requires_grad_(False)]  # in a list: none of our parameters
        self.table = teacher.token_embd.weight.to(torch.bfloat16)
        self.soft, self.near = soft, near
        self.map = nn.Linear(d_model, teacher.c.d_model, bias=False, device=device)

    @torch.no_grad()
    def of(self, batch, fused):
        """Its hidden state [N, d'], its embedding [vocab, d'], soft."""
        hidden = self.teacher[0].hidden(batch, fused).flatten(0, 1)
        return hidden.to(torch.bfloat16), self.table, self.soft

    def distance(self, hidden, wanted, weight):
        if not self.near:
            return 0.0
        apart = (self.map(hidden).float() - wanted.float()).square().mean(-1)
        return self.near * (apart * weight).sum() / weight.sum()


class Evaluation:
    """What a model makes of held-out holes, hole by hole: nats of the middle's tokens (<|end|> not
    counted) and of the text before them, both also by class of token, and whether each token of
    the middle is the likeliest one and what follows it ends the line: then greedy decoding gives
    exactly this text."""

    def __init__(self, path, batches, autocast, fused):
        self.rows = np.load(path)
        self.meta = json.loads(Path(str(path) + ".json").read_text())
        self.batches, self.autocast, self.fused = batches, autocast, fused

    @torch.no_grad()
    def nats(self, model, rows):
        """Of each position's token, given what is before it, and the likeliest token there."""
        batch = self.batches(rows)
        with self.autocast():
            hidden = model.hidden(batch, self.fused)
            nats, best = [], []
            for h, targets in zip(hidden, batch.targets):  # a row at a time, for the memory
                logits = F.linear(h, model.token_embd.weight.to(h.dtype)).float()
                nats.append(F.cross_entropy(logits, targets, reduction="none"))
                best.append(logits.argmax(-1))
        shift = lambda parts: np.roll(torch.stack(parts).cpu().numpy(), 1, 1)
        return shift(nats), shift(best)

    def __call__(self, model, limit=None, batch=16):
        n = min(limit or len(self.rows), len(self.rows))
        pick = np.linspace(0, len(self.rows) - 1, n).astype(int)
        result = []
        for at in range(0, n, batch):
            index = pick[at : at + batch]
            rows = self.rows[np.resize(index, batch)]  # one shape, so that nothing compiles again
            nats, best = self.nats(model, rows)
            for k, i in enumerate(index):
                result.append(self.of_hole(rows[k], nats[k], best[k], self.meta[i]))
        return result

    def of_hole(self, row, nats, best, meta):
        middle = np.flatnonzero(row["weight"] == 2)
        middle, end = middle[:-1], middle[-1]
        text = np.flatnonzero(row["weight"] == 1)[3:]
        sums = lambda at, values: np.bincount(row["class"][at], values[at], 6).round(4).tolist()
        sizes = self.batches.sizes[row["ids"]].astype(float)
        prefix = text[row["segment"][text] == 2]
        ends = best[end] == row["ids"][end] or self.batches.flags[best[end]] & NEWLINE
        return {
            "language": meta["language"], "package": meta["package"], "file": meta["file"], "hole": meta["hole"],
            "bytes": meta["bytes"], "tokens": len(middle), "exact": bool(ends and (best[middle] == row["ids"][middle]).all()),
            "middle_nats": float(nats[middle].sum()), "end_nats": float(nats[end]),
            "text_nats": float(nats[text].sum()), "text_tokens": len(text),
            "class_nats": sums(middle, nats), "class_bytes": sums(middle, sizes),
            "text_class_nats": sums(prefix, nats), "text_class_bytes": sums(prefix, sizes)}


def summary(result):
    total = lambda key: sum(r[key] for r in result)
    return (total("middle_nats") / math.log(2) / max(1, total("bytes")),
            total("text_nats") / max(1, total("text_tokens")), total("exact") / max(1, len(result)))


def optimizers_of(model, args):
    """Muon for the matrices of the blocks, SparseAdam for the n-gram tables (only the rows that
    a batch looks up move), AdamW for the rest. names of each: its parameters in order."""
    matrices, tables, structure, rest = [], [], [], []
    for name, p in model.named_parameters():
        if "structure" in name or "attn_tree" in name:
            structure.append((name, p))
        elif "ngram_embd" in name:
            tables.append((name, p))
        elif "blocks" in name and p.ndim == 2:
            matrices.append((name, p))
        else:
            rest.append((name, p))
    of = lambda named: [p for _, p in named]
    groups = [{"params": of(rest), "lr": args.lr_adam}]
    if structure:
        groups.append({"params": of(structure), "lr": args.lr_structure})
    optimizers = [Muon(of(matrices), args.lr),
                  torch.optim.AdamW(groups, betas=(0.9, 0.95), weight_decay=0.0, fused=True)]
    if tables:
        optimizers.append(torch.optim.SparseAdam(of(tables), lr=args.lr_tables, betas=(0.9, 0.99)))
    for o, named in zip(optimizers, (matrices, rest + structure, tables)):
        o.names = [name for name, _ in named]
    return optimizers


def load_moments(optimizer, kept, names):
    """What another optimizer knows of parameters of these names; the learning rates stay."""
    own = optimizer.state_dict()
    known = {names[i]: state for i, state in kept["state"].items()}
    own["state"] = {i: known[name] for i, name in enumerate(optimizer.names) if name in known}
    optimizer.load_state_dict(own)


def scale_at(step, share, flat):
    """Of the learning rate: full for a share `flat` of the way, then linearly down."""
    down = 1.0 if share < flat else 1 - (1 - LAST_SHARE) * (share - flat) / (1 - flat)
    return min(1.0, (step + 1) / WARMUP_STEPS) * max(LAST_SHARE, down)


def config_of(args, vocab, kept):
    """The sizes that the arguments ask for, or those of a checkpoint with what is asked for beside."""
    if not kept:
        return Config(
            vocab=vocab, d_model=args.d_model, layers=args.layers, heads=args.heads, kv_heads=args.kv_heads,
            head_dim=args.head_dim, d_ff=args.d_ff, context=args.context, structure=args.structure or "additive",
            tree_positions=args.tree_positions, ngram_orders=tuple(args.ngram), ngram_buckets=args.buckets,
            ngram_dim=args.ngram_dim, window=args.window,
            sparse_layers=tuple(args.sparse_layers), linear=args.linear, outline=args.outline)
    config = Config(**kept["config"])
    if config.vocab != vocab:
        raise SystemExit(f"train: the checkpoint has {config.vocab} tokens, the vocabulary {vocab}")
    config.structure = args.structure or config.structure
    config.tree_positions |= args.tree_positions
    config.window = args.window or config.window
    config.sparse_layers = tuple(args.sparse_layers) or config.sparse_layers
    config.context = max(args.context, config.context)
    config.outline = args.outline or config.outline
    return config


class Run:
    """One run: model, optimizers, rows, log; and where it stands."""

    def __init__(self, args):
        self.args = args
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.manual_seed(args.seed)
        torch.set_flush_denormal(True)
        if args.threads:
            torch.set_num_threads(args.threads)
        args.out.mkdir(parents=True, exist_ok=True)
        self.fused = self.device == "cpu"
        self.autocast = lambda: torch.autocast(self.device, torch.bfloat16)
        vocabulary = Vocabulary.load(str(args.vocab))
        self.rows = np.load(args.rows, mmap_mode="r")
        # Not the generator that put the rows where they are: its permutation undoes itself.
        self.order = np.random.default_rng((args.seed, 2)).permutation(len(self.rows))
        self.checkpoint = args.out / "checkpoint.pt"
        source = self.checkpoint if self.checkpoint.exists() else args.init
        kept = checkpoint_of(source, self.device) if source else None
        if args.keep_layers and source == args.init:
            kept = some_layers(kept, args.keep_layers)
        config = config_of(args, len(vocabulary), kept)
        self.model = Decoder(config).to(self.device)
        self.types = Types(args.qat, args.qat_tables, args.qat_embedding)
        self.model.table_type = self.types.tables
        self.optimizers = optimizers_of(self.model, args)
        self.teacher = None
        if args.teacher:
            self.teacher = Teacher(args.teacher, config.d_model, args.soft, args.near, self.device)
            self.optimizers.append(torch.optim.AdamW(self.teacher.parameters(), lr=args.lr_adam, weight_decay=0.0))
            self.optimizers[-1].names = ["teacher.map"]
        for o in self.optimizers:
            for g in o.param_groups:
                g["full_lr"] = g["lr"]
        self.batches = Batches(self.device, args.library, vocabulary, args.trees,
                               config.structure == "additive_names")
        self.evaluation = Evaluation(args.holes, self.batches, self.autocast, self.fused) if args.holes else None
        self.state = {"step": 0, "elapsed": 0.0, "tokens": 0, "scales": []}
        if kept:
            self.resume(source, kept)
        self.scales = self.scales_to_replay()
        self.log = open(args.out / "log.jsonl", "a")
        if args.compile:
            self.model.compile()
            if self.teacher:
                self.teacher.teacher[0].compile()
        self.describe(config)

    def resume(self, source, kept):
        own = source == self.checkpoint
        missing = self.model.load_state_dict(kept["model"], strict=own).missing_keys
        print(f"weights of {source}" + (f", without {missing}" if missing else ""), flush=True)
        for o, state, names in zip(self.optimizers, kept.get("optimizers", ()), kept.get("names", ())):
            load_moments(o, state, names)
        if own:
            if self.teacher:
                self.teacher.load_state_dict(kept["teacher"])
            self.state = kept["state"]
            print(f"going on from step {self.state['step']}", flush=True)

    def save(self):
        kept = {"model": self.model.state_dict(), "config": self.model.c.dict(), "state": self.state,
                "optimizers": [o.state_dict() for o in self.optimizers],
                "names": [o.names for o in self.optimizers]}
        if self.teacher:
            kept["teacher"] = self.teacher.state_dict()
        part = self.checkpoint.with_suffix(".part")
        torch.save(kept, part)
        os.replace(part, self.checkpoint)

    def scales_to_replay(self):
        if not self.args.like:
            return None
        kept = torch.load(self.args.like / "checkpoint.pt", map_location="cpu", weights_only=False)
        return kept["state"]["scales"]

    def note(self, **fields):
        state = self.state
        fields.update(step=state["step"], tokens=state["tokens"], elapsed=round(state["elapsed"], 1))
        self.log.write(json.dumps(fields) + "\n")
        self.log.flush()

    def describe(self, config):
        args = self.args
        parameters = sum(p.numel() for p in self.model.parameters())
        tables = sum(p.numel() for n, p in self.model.named_parameters() if "embd" in n)
        print(f"{parameters / 1e6:.2f} M parameters ({tables / 1e6:.2f} M looked up), {config.structure}, "
              f"{args.trees} trees, {self.device}, {len(self.rows)} rows", flush=True)
        if self.state["step"] == 0:
            self.note(event="start", config=config.dict(), parameters=parameters, batch=args.batch,
                      device=self.device, seed=args.seed, trees=args.trees, rows=len(self.rows),
                      lr=[args.lr, args.lr_adam, args.lr_structure, args.lr_tables], middle_weight=MIDDLE_WEIGHT)

    def share(self):
        """Of the way that the learning rate follows: steps, or time where only that is given."""
        if self.scales:
            return self.state["step"] / len(self.scales)
        if self.args.steps:
            return self.state["step"] / self.args.steps
        return self.state["elapsed"] / (60 * self.args.minutes)

    def one_step(self, step, update=True):
        take = self.order[np.arange(step * self.args.batch, (step + 1) * self.args.batch) % len(self.order)]
        rows = self.rows[np.sort(take)]
        batch = self.batches(rows)
        with quantized(self.model, self.types):
            with self.autocast():
                loss = loss_of(self.model, batch, self.fused, self.teacher)
            loss.backward()
        if update:
            for o in self.optimizers:
                o.step()
        for o in self.optimizers:
            o.zero_grad(set_to_none=True)
        return float(loss.detach()), int((rows["weight"] > 0).sum())

    def set_rate(self, share):
        scale = self.scales[self.state["step"]] if self.scales else scale_at(self.state["step"], share, self.args.flat)
        for o in self.optimizers:
            for g in o.param_groups:
                g["lr"] = g["full_lr"] * scale
        return scale

    def minutes_left(self, seconds, steps):
        if self.args.steps or self.scales:
            whole = len(self.scales) if self.scales else self.args.steps
            return (whole - self.state["step"]) * seconds / steps / 60
        return self.args.minutes - self.state["elapsed"] / 60

    def report(self, window, scale):
        """window: loss, tokens and seconds of the last steps."""
        losses, tokens, seconds = zip(*window)
        rate, mean, state = sum(tokens) / sum(seconds), sum(losses) / len(losses), self.state
        print(f"step {state['step']:5} {state['tokens'] / 1e6:6.2f} M tokens  loss {mean:.4f}  {rate:6.0f} tokens/s  "
              f"lr x{scale:.3f}  {self.minutes_left(sum(seconds), len(window)):.1f} min left", flush=True)
        self.note(loss=round(mean, 4), rate=round(rate), scale=round(scale, 4))

    def measure(self, limit=None, **fields):
        with quantized(self.model, self.types):
            result = self.evaluation(self.model, limit)
        bits, text, exact = summary(result)
        print(f"held out ({len(result)} holes): {bits:.4f} bits/byte of middle, {text:.4f} nats/token of text, "
              f"{100 * exact:.1f} % exact", flush=True)
        self.note(middle_bits_per_byte=round(bits, 4), text_nats=round(text, 4), exact=round(exact, 4),
                  holes=len(result), **fields)
        return result

    def train(self):
        """Trains until the schedule's end, or for --slice minutes; True at the end."""
        state, args, window = self.state, self.args, []
        self.one_step(state["step"], update=False)  # compiles; not on the clock
        began = last = saved = measured = time.monotonic()
        while (share := self.share()) < 1:
            if args.slice and time.monotonic() - began > 60 * args.slice:
                break
            scale = self.set_rate(share)
            loss, tokens = self.one_step(state["step"])
            if not math.isfinite(loss):
                raise SystemExit(f"train: loss is {loss} at step {state['step']}")
            now = time.monotonic()
            window.append((loss, tokens, now - last))
            state["elapsed"] += now - last
            state["step"] += 1
            state["tokens"] += tokens
            state["scales"].append(scale)
            if state["step"] % args.log_every == 0:
                self.report(window, scale)
                window = []
            if now - saved > 60 * args.save_minutes:
                self.save()
                saved = time.monotonic()
            if self.evaluation and now - measured > 60 * args.measure_minutes:
                self.measure(args.measure_holes)
                measured = time.monotonic()
            last = time.monotonic()  # saving and measuring are not on the clock
        self.save()
        return self.share() >= 1

    def finish(self):
        if self.evaluation:
            result = self.measure(self.args.final_holes, event="end", attended=self.attended())
            (self.args.out / "heldout.json").write_text(json.dumps(result))

    def attended(self):
        """Share of the causal pairs that all layers together attend to."""
        c = self.model.c
        if not c.window:
            return 1.0
        batch = self.batches(self.evaluation.rows[:64])
        share = attended(batch, sparse_relations(batch.relations, batch.start, c.window))
        sparse = sum(c.is_sparse(n) for n in range(c.layers))
        return round((c.layers - sparse + sparse * share) / c.layers, 4)


def arguments(argv=None):
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--rows", type=Path, required=True)
    p.add_argument("--holes", type=Path)
    p.add_argument("--vocab", type=Path, required=True)
    p.add_argument("--library", type=Path, required=True, help="libespalier_training")
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--init", type=Path, help="a checkpoint or a GGUF file whose sizes and weights to start from")
    p.add_argument("--keep-layers", type=int, nargs="*", default=[], help="of these, these blocks alone")
    p.add_argument("--teacher", type=Path, help="a checkpoint or GGUF file of the same vocabulary to learn from")
    p.add_argument("--soft", type=float, default=0.5, help="share of the teacher's distribution in the loss")
    p.add_argument("--near", type=float, default=0.0, help="weight of the distance to the teacher's hidden state")
    p.add_argument("--qat", choices=KINDS, help="train and measure with matrices as a file of this type holds them")
    p.add_argument("--qat-tables", choices=KINDS, help="the same of the tables of n-grams")
    p.add_argument("--qat-embedding", choices=KINDS, help="the same of the tokens' embeddings")
    p.add_argument("--structure", choices=STRUCTURES, help="default: additive, or that of --init")
    p.add_argument("--tree-positions", action="store_true")
    p.add_argument("--trees", choices=TREES, default="real")
    p.add_argument("--window", type=int, default=0, help="sparse attention: tokens seen besides those the tree chooses")
    p.add_argument("--sparse-layers", type=int, nargs="*", default=[], help="in these layers (default: two of three)")
    p.add_argument("--linear", action="store_true", help="linear attention in two layers of three")
    p.add_argument("--steps", type=int, default=0, help="length of the schedule")
    p.add_argument("--minutes", type=float, default=30, help="the same by time")
    p.add_argument("--flat", type=float, default=0.35, help="share of it before the learning rate falls")
    p.add_argument("--like", type=Path, help="a run whose steps and learning rates to repeat")
    p.add_argument("--slice", type=float, default=0, help="stop after so many minutes, to go on later")
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--seed", type=int, default=1, help="of the weights and of the order of rows")
    p.add_argument("--d-model", type=int, default=384)
    p.add_argument("--layers", type=int, default=6)
    p.add_argument("--heads", type=int, default=4)
    p.add_argument("--kv-heads", type=int, default=2)
    p.add_argument("--head-dim", type=int, default=64)
    p.add_argument("--d-ff", type=int, default=1152)
    p.add_argument("--context", type=int, default=512)
    p.add_argument("--outline", type=int, default=0, help="what the rows were made with (samples.py), for the file")
    p.add_argument("--ngram", type=int, nargs="*", default=[2, 3], help="orders of the n-gram tables")
    p.add_argument("--buckets", type=int, default=131072)
    p.add_argument("--ngram-dim", type=int, default=128)
    p.add_argument("--lr", type=float, default=0.012, help="Muon's")
    p.add_argument("--lr-adam", type=float, default=0.003)
    p.add_argument("--lr-structure", type=float, default=0.01)
    p.add_argument("--lr-tables", type=float, default=0.003)
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--log-every", type=int, default=10)
    p.add_argument("--save-minutes", type=float, default=4)
    p.add_argument("--measure-minutes", type=float, default=8)
    p.add_argument("--measure-holes", type=int, default=160)
    p.add_argument("--final-holes", type=int, default=0, help="0: all")
    p.add_argument("--no-compile", dest="compile", action="store_false")
    return p.parse_args(argv)


def main():
    run = Run(arguments())
    if run.train():
        run.finish()


if __name__ == "__main__":
    main()
