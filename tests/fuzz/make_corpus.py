#!/usr/bin/env python3
"""Makes the hand-made inputs of the gguf and tokenizer fuzz targets.

    tests/fuzz/corpus/gguf/*.gguf          good files, and files hostile in one way each
    tests/fuzz/corpus/tokenizer/*          a choosing byte, then text or a vocabulary file
    tests/engine/data/gguf.expected        name, status, and a part of the message of each
                                           corpus/gguf file, which test_gguf.c holds the
                                           reader to
"""

import struct
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
GGUF = TESTS / "fuzz/corpus/gguf"
TOKENIZER = TESTS / "fuzz/corpus/tokenizer"

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
FORMS = {U8: "<B", I8: "<b", U16: "<H", I16: "<h", U32: "<I", I32: "<i", F32: "<f", BOOL: "<B",
         U64: "<Q", I64: "<q", F64: "<d"}
HUGE = 2**64 - 1


def string(text):
    raw = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(raw)) + raw


def scalar(kind, value):
    return string(value) if kind == STRING else struct.pack(FORMS[kind], value)


def key(name, kind, value):
    return string(name) + struct.pack("<I", kind) + scalar(kind, value)


def array(name, kind, values, count=None):
    head = struct.pack("<IIQ", ARRAY, kind, len(values) if count is None else count)
    return string(name) + head + b"".join(scalar(kind, v) for v in values)


def tensor(name, dims, kind=0, offset=0, n_dims=None):
    n = len(dims) if n_dims is None else n_dims
    return string(name) + struct.pack(f"<I{len(dims)}QIQ", n, *dims, kind, offset)


def file(keys=(), tensors=(), data=b"", alignment=32, version=3, n_keys=None, n_tensors=None,
         magic=b"GGUF"):
    head = magic + struct.pack("<IQQ", version, len(tensors) if n_tensors is None else n_tensors,
                               len(keys) if n_keys is None else n_keys)
    head += b"".join(keys) + b"".join(tensors)
    if data:
        head += bytes(-len(head) % alignment)
    return head + data


EVERY_TYPE = [key("a.u8", U8, 200), key("a.i8", I8, -5), key("a.u16", U16, 60000),
              key("a.i16", I16, -300), key("a.u32", U32, 4000000000), key("a.i32", I32, -70000),
              key("a.f32", F32, 0.5), key("a.bool", BOOL, 1), key("a.string", STRING, "a \"b\"\n"),
              key("a.u64", U64, HUGE), key("a.i64", I64, -2**63), key("a.f64", F64, 1e300),
              array("b.ints", I16, [1, -2, 3, 4, 5, 6, 7, 8]), array("b.floats", F32, [1.5, -2]),
              array("b.strings", STRING, ["", "x", "yy"]), array("b.empty", STRING, []),
              array("b.bools", BOOL, [0, 1])]
TWO = [tensor("a", [4, 2]), tensor("b", [32], 8, 32)]


def gguf_files():
    """name: (bytes, status, part of the message); statuses as enum eng_status counts."""
    ok, bad, unsupported = 0, 3, 4
    good = file(EVERY_TYPE, TWO, bytes(66))
    return {
        "good": (good, ok, ""),
        "good-empty": (file(), ok, ""),
        "good-no-data": (file(EVERY_TYPE), ok, ""),
        "good-alignment-64": (file([key("general.alignment", U32, 64)],
                                   [tensor("a", [4]), tensor("b", [4], 1, 64)], bytes(72), 64),
                              ok, ""),
        "good-out-of-order": (file([], [tensor("a", [8], 0, 32), tensor("b", [8], 0, 0)],
                                   bytes(64)), ok, ""),
        "good-every-type": (file([], [tensor(f"t{k}", [256], k, i * 1024) for i, k in
                                      enumerate([0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 30])],
                                 bytes(11 * 1024)), ok, ""),
        "good-q4_0": (file([], [tensor("a", [64, 2], 2)], bytes(range(1, 73))), ok, ""),
        "good-iq4_nl": (file([], [tensor("a", [64, 2], 20)], bytes(range(1, 73))), ok, ""),
        "good-q4_k": (file([], [tensor("a", [256, 1], 12)], bytes(range(144))), ok, ""),
        "good-q6_k": (file([], [tensor("a", [256, 1], 14)], bytes(range(210))), ok, ""),
        "nothing": (b"", bad, ""),
        "magic-only": (b"GGUF", bad, "ends inside the file header"),
        "no-magic": (file(magic=b"GGML"), bad, "not a GGUF file"),
        "version-2": (file(version=2), bad, "version 2, expected 3"),
        "big-endian": (file(version=3 << 24), bad, "big-endian"),
        "too-many-keys": (file(n_keys=HUGE), bad, "claims"),
        "too-many-tensors": (file(n_tensors=60000), bad, "claims"),
        "one-key-more": (file(EVERY_TYPE, n_keys=len(EVERY_TYPE) + 1), bad, "ends inside a key"),
        "key-name-empty": (file([key("", U8, 1)]), bad, "name of 0 bytes"),
        "key-name-long": (file([key("n" * 257, U8, 1)]), bad, "name of 257 bytes"),
        "key-name-huge": (file([struct.pack("<Q", HUGE) + bytes(20)]), bad, "bytes, expected 1 to"),
        "key-name-zero": (file([key(b"a\0b", U8, 1)]), bad, "control byte"),
        "key-name-escape": (file([key(b"\x1b[2J", U8, 1)]), bad, "control byte"),
        "key-twice": (file([key("a", U8, 1), key("a", U32, 2)]), bad, "key 'a' occurs twice"),
        "key-type-unknown": (file([string("a") + struct.pack("<I", 13)]), bad, "value type 13"),
        "bool-2": (file([key("a", BOOL, 2)]), bad, "bool of value 2"),
        "string-huge": (file([string("a") + struct.pack("<IQ", STRING, HUGE)]), bad,
                        "ends inside a string"),
        "array-nested": (file([string("a") + struct.pack("<IIQIQ", ARRAY, ARRAY, 1, U8, 0)]), bad,
                         "array of arrays"),
        "array-type-unknown": (file([string("a") + struct.pack("<IIQ", ARRAY, 99, 1) + b"x"]), bad,
                               "unknown value type 99"),
        "array-huge": (file([array("a", U64, [1], HUGE // 8 + 2)]), bad, "ends inside a value"),
        "array-strings-huge": (file([array("a", STRING, ["x"], HUGE)]), bad,
                               "ends inside a string"),
        "alignment-0": (file([key("general.alignment", U32, 0)]), bad, "power of two"),
        "alignment-48": (file([key("general.alignment", U32, 48)]), bad, "power of two"),
        "alignment-1": (file([key("general.alignment", U32, 1)]), bad, "power of two"),
        "alignment-huge": (file([key("general.alignment", U64, 2**63)]), bad, "power of two"),
        "alignment-string": (file([key("general.alignment", STRING, "32")]), bad,
                             "is string, expected"),
        "alignment-negative": (file([key("general.alignment", I32, -32)]), bad, "is -32, expected"),
        "dims-0": (file([], [tensor("a", [], n_dims=0)]), bad, "0 dimensions"),
        "dims-5": (file([], [tensor("a", [1] * 5)], bytes(32)), bad, "5 dimensions"),
        "dim-zero": (file([], [tensor("a", [4, 0])], bytes(32)), bad, "empty or too large"),
        "dims-overflow": (file([], [tensor("a", [2**32, 2**32])], bytes(32)), bad,
                          "empty or too large"),
        "bytes-overflow": (file([], [tensor("a", [2**62])], bytes(32)), bad, "is too large"),
        "tensor-type-unknown": (file([], [tensor("a", [4], 4)], bytes(32)), unsupported, "type 4"),
        "tensor-row-odd": (file([], [tensor("a", [33], 8)], bytes(68)), bad, "multiple of 32"),
        "tensor-row-odd-q4_0": (file([], [tensor("a", [48, 2], 2)], bytes(54)), bad,
                                "48 values, not a multiple of 32 as Q4_0 needs"),
        "tensor-row-odd-q4_k": (file([], [tensor("a", [128, 2], 12)], bytes(144)), bad,
                                "128 values, not a multiple of 256 as Q4_K needs"),
        "tensor-twice": (file([], [tensor("a", [4]), tensor("a", [4], 0, 32)], bytes(64)), bad,
                         "tensor 'a' occurs twice"),
        "tensors-overlap": (file([], [tensor("a", [16]), tensor("b", [4], 0, 32)], bytes(96)), bad,
                            "'a' and 'b' overlap"),
        "tensors-same-place": (file([], [tensor("a", [4]), tensor("b", [4])], bytes(64)), bad,
                               "overlap"),
        "offset-odd": (file([], [tensor("a", [4], 0, 4)], bytes(64)), bad, "not aligned"),
        "offset-huge": (file([], [tensor("a", [4], 0, HUGE - 31)], bytes(64)), bad,
                        "passes the end"),
        "data-short": (file([], [tensor("a", [16])], bytes(63)), bad, "passes the end"),
        "data-short-q4_0": (file([], [tensor("a", [64, 2], 2)], bytes(71)), bad,
                            "passes the end"),
        "data-short-q6_k": (file([], [tensor("a", [256, 1], 14)], bytes(209)), bad,
                            "passes the end"),
        "data-none": (file([], [tensor("a", [4])]), bad, "before its tensor data"),
        "cut-in-key": (good[:100], bad, "truncated?"),
        "cut-in-tensor": (good[:good.index(b"a\x02\x00\x00\x00") + 9], bad, "truncated?"),
        "cut-in-data": (good[:-1], bad, "passes the end"),
    }


def byte_characters():
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [b for b in range(256) if b not in plain]
    return [chr(b) if b in plain else chr(256 + rest.index(b)) for b in range(256)]


def vocabulary(model="gpt2", pre="espalier", tokens=None, merges=("a b", "ab c"), **more):
    tokens = byte_characters() + ["ab", "abc"] if tokens is None else tokens
    keys = [key("tokenizer.ggml.model", STRING, model), key("tokenizer.ggml.pre", STRING, pre),
            array("tokenizer.ggml.tokens", STRING, tokens),
            array("tokenizer.ggml.merges", STRING, merges)]
    if "scores" in more:
        keys.append(array("tokenizer.ggml.scores", F32, more["scores"]))
    if "types" in more:
        keys.append(array("tokenizer.ggml.token_type", I32, more["types"]))
    return file(keys)


def tokenizer_inputs():
    fallback = [f"<0x{b:02X}>" for b in range(256)]
    pieces = ["▁", "a", "b", "ab", "▁ab"]
    nan = float("nan")
    texts = {
        "text-code": b"int main(void)\r\n{\n\treturn x->y + 0x1F;  // 12345\n}\n",
        "text-bytes": bytes(range(256)),
        "text-blanks": b"   \t\v\f  x   \n \r \r\n  ",
        "text-long": b"e" * 100 + b" " * 70 + b"-" * 50 + b"9" * 40,
    }
    files = {
        "file-good": vocabulary(),
        "file-gpt2": vocabulary(pre="gpt-2"),
        "file-llama3": vocabulary(pre="llama-bpe"),
        "file-llama": vocabulary("llama", tokens=fallback + pieces, types=[6] * 256 + [1] * 5,
                                 scores=[0] * 256 + [-1, -2, -3, -4, -5]),
        "file-llama-nan": vocabulary("llama", tokens=fallback + pieces, types=[6] * 256 + [1] * 5,
                                     scores=[nan] * 258 + [float("inf"), -1, nan]),
        "file-llama-no-scores": vocabulary("llama", tokens=fallback, types=[6] * 256),
        "file-no-bytes": vocabulary(tokens=["ab", "abc"]),
        "file-no-tokens": vocabulary(tokens=[]),
        "file-empty-tokens": vocabulary(tokens=[""] * 300),
        "file-types-short": vocabulary(types=[1, 1]),
        "file-merge-alone": vocabulary(merges=["a"]),
        "file-merge-spaces": vocabulary(merges=["   "]),
        "file-merge-unknown": vocabulary(merges=["q q"]),
        "file-merge-twice": vocabulary(merges=["a b", "a b"]),
        "file-model-unknown": vocabulary("bert"),
        "file-pre-unknown": vocabulary(pre="\x1b]0;x"),
        "file-empty": b"",
    }
    inputs = {f"{name}-{i}": bytes([i]) + text for name, text in texts.items() for i in range(6)}
    inputs.update({name: b"\xff" + data for name, data in files.items()})
    return inputs


def main():
    GGUF.mkdir(parents=True, exist_ok=True)
    TOKENIZER.mkdir(parents=True, exist_ok=True)
    expected = []
    for name, (data, status, message) in sorted(gguf_files().items()):
        (GGUF / f"{name}.gguf").write_bytes(data)
        expected.append(f"{name}\t{status}\t{message}\n")
    (TESTS / "engine/data/gguf.expected").write_text("".join(expected))
    for name, data in tokenizer_inputs().items():
        (TOKENIZER / name).write_bytes(data)


if __name__ == "__main__":
    main()
