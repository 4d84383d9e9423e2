#!/usr/bin/env python3
"""Writes data/blocks.bin: random blocks of the quantised types and what the Python package
"gguf" reads from them.

    pip install gguf && tests/engine/make_blocks.py

For each type: its number and the number of values (two little-endian u32), the bytes, the values
as float32.
"""
import pathlib
import struct

import numpy
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as Type
from gguf.quants import dequantize

BLOCKS = {Type.Q8_0: 8, Type.Q4_0: 8, Type.IQ4_NL: 8, Type.Q4_K: 3, Type.Q6_K: 3}
HALVES = {Type.Q4_K: (0, 2), Type.Q6_K: (208,)}


def main():
    random = numpy.random.default_rng(1)
    out = b""
    for kind, count in BLOCKS.items():
        values, size = GGML_QUANT_SIZES[kind]
        blocks = random.integers(0, 256, (count, size), numpy.uint8)
        for at in HALVES.get(kind, (0,)):
            scales = random.uniform(-0.1, 0.1, count).astype(numpy.float16)
            blocks[:, at:at + 2] = scales.view(numpy.uint8).reshape(count, 2)
        floats = dequantize(blocks, kind).astype("<f4")
        out += struct.pack("<II", int(kind), count * values) + blocks.tobytes() + floats.tobytes()
    (pathlib.Path(__file__).parent / "data" / "blocks.bin").write_bytes(out)


if __name__ == "__main__":
    main()
