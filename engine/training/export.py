#!/usr/bin/env python3
"""A checkpoint as GGUF, and the reference vectors that the engine is tested against.

    export.py gguf      --checkpoint F --vocab F --out F [TYPES] [--name NAME]
    export.py reference --checkpoint F --vocab F --library F --out F [TYPES] FILE:START:END...

TYPES are --type for the matrices of the blocks, --tables for those of n-grams and --embedding for
the tokens' embeddings (which are the output matrix as well); each Q8_0, Q4_0 or F32, the last two
as --type where not given. Norms and the structure term are F32 always. `reference` writes, for
holes in the given files, the input sequence and logits at a few positions by this folder's
model.py in fp32: from the weights as a file of these types holds them, and from the original
ones. The format is told in tests/engine/test_reference.c.
"""

import argparse
import struct
from pathlib import Path

import numpy as np
import torch

import gguf
from model import HEADER, KINDS, LEVELS, Batch, Config, Decoder, relations_of
from quantize import KINDS as TYPES
from quantize import Types
from tokenizer import Vocabulary

POSITIONS = 4  # a prompt
SERVED = ("none", "additive", "additive_key", "multiplicative", "gated")  # structures the engine runs


def load(path):
    kept = torch.load(path, map_location="cpu", weights_only=False)
    model = Decoder(Config(**kept["config"]))
    model.load_state_dict(kept["model"])
    return model.eval(), kept["state"]


def tensor_name(name):
    """model.py's parameter names to GGUF's."""
    parts = name.split(".")
    if parts[0] == "ngram_embd":
        return f"ngram_embd.{parts[1]}.weight"
    if parts[0] != "blocks":
        return parts[0] + ".weight"
    inner = [p for p in parts[2:] if p not in ("attention", "weight")]
    return f"blk.{parts[1]}.{inner[0]}.weight"


def write_gguf(model, vocabulary, path, types, name):
    c, w = model.c, gguf.Writer()
    w.string("general.architecture", "espalier")
    w.string("general.name", name)
    w.string("general.license", "mit")
    for key, value in {
        "context_length": c.context, "embedding_length": c.d_model, "block_count": c.layers,
        "feed_forward_length": c.d_ff, "attention.head_count": c.heads,
        "attention.head_count_kv": c.kv_heads, "attention.key_length": c.head_dim,
        "tree.levels": LEVELS, "tree.kinds": KINDS,
    }.items():
        w.u32("espalier." + key, value)
    w.string("espalier.feed_forward.activation", "relu2")
    w.f32("espalier.attention.layer_norm_rms_epsilon", c.eps)
    w.f32("espalier.rope.freq_base", c.rope_base)
    w.string("espalier.attention.structure", c.structure)
    w.string("espalier.fim.order", "spm")
    if c.ngram_orders:
        w.i32s("espalier.ngram.orders", c.ngram_orders)
        w.u32("espalier.ngram.buckets", c.ngram_buckets)
        w.u32("espalier.ngram.length", c.ngram_dim)
    if c.tree_positions:
        w.bool("espalier.tree.positions", True)
    if c.window:
        w.u32("espalier.attention.window", c.window)
        w.u32("espalier.attention.header", HEADER)
        w.u32("espalier.attention.sparse_layers", sum(1 << n for n in range(c.layers) if c.is_sparse(n)))
    if c.outline:
        w.u32("espalier.prompt.outline", c.outline)
    vocabulary.put_keys(w)
    if c.linear or c.structure not in SERVED:
        raise SystemExit(f"export: the engine runs no {'linear attention' if c.linear else c.structure}")
    for parameter, value in model.state_dict().items():
        w.tensor(tensor_name(parameter), value.float().numpy(), types.of(parameter, value))
    w.save(path)


def from_gguf(path):
    """The model that a GGUF file of ours holds, expanded to fp32."""
    keys, tensors = gguf.read(path)
    k = lambda name: keys["espalier." + name]
    model = Decoder(Config(
        vocab=len(keys["tokenizer.ggml.tokens"]), d_model=k("embedding_length"), layers=k("block_count"),
        heads=k("attention.head_count"), kv_heads=k("attention.head_count_kv"),
        head_dim=k("attention.key_length"), d_ff=k("feed_forward_length"), context=k("context_length"),
        rope_base=k("rope.freq_base"), eps=k("attention.layer_norm_rms_epsilon"),
        structure=k("attention.structure"), ngram_orders=tuple(keys.get("espalier.ngram.orders", ())),
        ngram_buckets=keys.get("espalier.ngram.buckets", 0), ngram_dim=keys.get("espalier.ngram.length", 0),
        tree_positions=keys.get("espalier.tree.positions", False), window=keys.get("espalier.attention.window", 0),
        sparse_layers=tuple(n for n in range(32) if keys.get("espalier.attention.sparse_layers", 0) >> n & 1),
        outline=keys.get("espalier.prompt.outline", 0)))
    model.load_state_dict({p: torch.from_numpy(np.array(tensors[tensor_name(p)].array())).reshape(v.shape)
                           for p, v in model.state_dict().items()})
    return model.eval()


def types_of(path):
    """The types that a file of ours stores its weights in."""
    _, tensors = gguf.read(path)
    kind = lambda name, otherwise: tensors[name].kind if name in tensors else otherwise
    matrices = kind("blk.0.ffn_up.weight", None)
    return Types(matrices, kind("ngram_embd.0.weight", matrices), kind("token_embd.weight", None))


@torch.no_grad()
def logits(model, sample):
    n = len(sample["ids"])
    as_batch = lambda a: torch.from_numpy(np.asarray(a, np.int64))[None]
    start = torch.zeros(1, n, dtype=torch.int64)
    relations = relations_of(as_batch(sample["chain"]), as_batch(sample["segment"]), start)
    features = as_batch(np.stack([sample["depth"], sample["kind"], sample["sibling"]], -1))
    ids = as_batch(sample["ids"])
    return model.logits(Batch(ids, torch.roll(ids, -1, 1), None, relations, start, features))[0].numpy()


def write_reference(args, types):
    from samples import SPM, Options, Session

    original, _ = load(args.checkpoint)
    scratch = args.out.with_suffix(".gguf.tmp")
    write_gguf(original, Vocabulary.load(str(args.vocab)), str(scratch), types, "reference")
    stored = from_gguf(str(scratch))
    scratch.unlink()
    session = Session(args.library, args.vocab)
    out = [struct.pack("<4sIIII", b"EREF", 1, len(args.holes), original.c.vocab, LEVELS)]
    for hole in args.holes:
        path, start, end = hole.rsplit(":", 2)
        language = Path(path).parent.name  # tests/samples/<language>/<file>
        if not session.document(language, Path(path).read_bytes()):
            raise SystemExit(f"{path} does not parse")
        sample = session.hole(int(start), int(end), Options(order=SPM))
        n = len(sample["ids"])
        at = np.unique(np.linspace(n // 6, n - 1, POSITIONS).astype(np.uint32))
        out.append(struct.pack("<II", n, len(at)))
        out.append(sample["ids"].astype("<i4").tobytes())
        out.append(sample["chain"].astype("<i4").tobytes())
        for field in ("depth", "kind", "sibling", "segment"):
            out.append(sample[field].tobytes())
        out.append(b"\0" * (-4 * n % 4))
        out.append(at.astype("<u4").tobytes())
        for model in (stored, original):
            out.append(logits(model, sample)[at].astype("<f4").tobytes())
    args.out.write_bytes(b"".join(out))
    print(f"{args.out}: {args.out.stat().st_size} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("gguf", "reference"):
        command = commands.add_parser(name)
        command.add_argument("--checkpoint", type=Path, required=True)
        command.add_argument("--vocab", type=Path, required=True)
        command.add_argument("--out", type=Path, required=True)
        command.add_argument("--type", choices=TYPES, default="Q8_0")
        command.add_argument("--tables", choices=TYPES)
        command.add_argument("--embedding", choices=TYPES)
    commands.choices["gguf"].add_argument("--name", default="espalier-small")
    commands.choices["reference"].add_argument("--library", type=Path, required=True)
    commands.choices["reference"].add_argument("holes", nargs="+", metavar="FILE:START:END")
    args = parser.parse_args()
    types = Types(args.type, args.tables or args.type, args.embedding or args.type)
    if args.command == "reference":
        write_reference(args, types)
    else:
        model, _ = load(args.checkpoint)
        write_gguf(model, Vocabulary.load(str(args.vocab)), str(args.out), types, args.name)


if __name__ == "__main__":
    main()
