#!/usr/bin/env python3
"""Writes the tiny random `llama` models that other programs' logits are compared on.

    make_model.py           llama-f32.gguf and llama-f16.gguf beside this file

The weights come from a fixed seed. They are large enough that the softmax rows are far from
flat, so that an error in any part of the forward pass shows.
"""

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "engine/training"))
import gguf  # noqa: E402
from tokenizer import BYTE_CHARACTERS  # noqa: E402

D_MODEL, LAYERS, HEADS, KV_HEADS, D_FF, VOCAB, CONTEXT = 64, 2, 4, 2, 96, 320, 256
HEAD_DIM = D_MODEL // HEADS


def put_tokenizer(writer):
    """Bytes, the first merges of a test vocabulary, and two special tokens: 320 in all."""
    keys, _ = gguf.read(HERE.parent / "data/tokenizer/gpt2/vocab.gguf")
    merges = keys["tokenizer.ggml.merges"][:VOCAB - 256 - 2]
    tokens = [*BYTE_CHARACTERS.values(), *(m.replace(" ", "") for m in merges),
              "<|end|>", "<|pad|>"]
    assert len(set(tokens)) == VOCAB
    writer.string("tokenizer.ggml.model", "gpt2")
    writer.string("tokenizer.ggml.pre", "gpt-2")
    writer.strings("tokenizer.ggml.tokens", tokens)
    writer.i32s("tokenizer.ggml.token_type", [1] * (VOCAB - 2) + [3, 3])
    writer.strings("tokenizer.ggml.merges", merges)
    writer.u32("tokenizer.ggml.bos_token_id", VOCAB - 2)
    writer.u32("tokenizer.ggml.eos_token_id", VOCAB - 2)
    writer.bool("tokenizer.ggml.add_bos_token", False)


def write(path, kind):
    rng = np.random.default_rng(1)

    def matrix(rows, cols, scale):
        return (rng.standard_normal((rows, cols)) * scale / np.sqrt(cols)).astype(np.float32)

    def norm():
        return (1 + 0.2 * rng.standard_normal(D_MODEL)).astype(np.float32)

    writer = gguf.Writer()
    writer.string("general.architecture", "llama")
    writer.string("general.name", "random test model")
    for name, value in [("context_length", CONTEXT), ("embedding_length", D_MODEL),
                        ("block_count", LAYERS), ("feed_forward_length", D_FF),
                        ("attention.head_count", HEADS), ("attention.head_count_kv", KV_HEADS),
                        ("rope.dimension_count", HEAD_DIM), ("vocab_size", VOCAB)]:
        writer.u32(f"llama.{name}", value)
    writer.f32("llama.attention.layer_norm_rms_epsilon", 1e-5)
    writer.f32("llama.rope.freq_base", 10000.0)
    put_tokenizer(writer)
    writer.tensor("token_embd.weight", matrix(VOCAB, D_MODEL, 2.5), kind)
    for layer in range(LAYERS):
        blk = f"blk.{layer}."
        writer.tensor(blk + "attn_norm.weight", norm())
        writer.tensor(blk + "attn_q.weight", matrix(HEADS * HEAD_DIM, D_MODEL, 2), kind)
        writer.tensor(blk + "attn_k.weight", matrix(KV_HEADS * HEAD_DIM, D_MODEL, 2), kind)
        writer.tensor(blk + "attn_v.weight", matrix(KV_HEADS * HEAD_DIM, D_MODEL, 1.5), kind)
        writer.tensor(blk + "attn_output.weight", matrix(D_MODEL, HEADS * HEAD_DIM, 1.5), kind)
        writer.tensor(blk + "ffn_norm.weight", norm())
        writer.tensor(blk + "ffn_gate.weight", matrix(D_FF, D_MODEL, 1.5), kind)
        writer.tensor(blk + "ffn_up.weight", matrix(D_FF, D_MODEL, 1.5), kind)
        writer.tensor(blk + "ffn_down.weight", matrix(D_MODEL, D_FF, 1.5), kind)
    writer.tensor("output_norm.weight", norm())
    writer.save(path)


if __name__ == "__main__":
    write(HERE / "llama-f32.gguf", "F32")
    write(HERE / "llama-f16.gguf", "F16")
