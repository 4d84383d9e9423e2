#!/usr/bin/env python3
"""The default model's vocabulary: byte-level BPE over the pre-tokens of code.

    tokenizer.py train --vocab 16384 --out vocab.gguf INPUT...
    tokenizer.py encode --vocab vocab.gguf FILE      ids of a file, one line of text a line

Inputs are text files, or *.jsonl (also .gz) with a "text" or "content" field a line. The
pre-tokenizer below says in a regular expression what engine/tokenizer_split.c says in C; the
tests hold the two together. Merges never cross pre-tokens, so no token crosses a newline.
"""

import argparse
import gzip
import json
import random
import sys
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

sys.path.insert(0, str(Path(__file__).resolve().parent))
import gguf  # noqa: E402

NAMES = ["<|end|>", "<|pad|>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file|>"]
# In the order of the registry, grammars/languages.def: ids are part of the model format.
LANGUAGES = ["c", "cpp", "csharp", "java", "kotlin", "scala", "javascript", "typescript", "tsx",
             "python", "go", "rust", "ruby", "php", "bash", "lua", "haskell"]
SPECIALS = NAMES + [f"<|lang:{language}|>" for language in LANGUAGES]

HIGH = r"\x{80}-\x{10ffff}"
BLANK = r"[ \t\x0b\x0c]"
PATTERN = "|".join([
    r"\r\n|\n|\r",
    # A run of blanks whose last space is lent to what follows, without that space.
    rf"{BLANK}+(?= [!-~{HIGH}])",
    rf" ?[A-Za-z_{HIGH}][A-Za-z0-9_{HIGH}]*",
    r" ?[0-9]{1,3}",
    r""" ?[()\[\]{};,"'`]""",
    r" ?[!#$%&*+\-./:<=>?@\\^|~]+",
    rf"{BLANK}+",
    r"[\x00-\x08\x0e-\x1f\x7f]",
])


def byte_characters():
    """GPT-2's printable character of each byte."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table, next_free = {}, 256
    for byte in range(256):
        if byte in plain:
            table[byte] = chr(byte)
        else:
            table[byte] = chr(next_free)
            next_free += 1
    return table


BYTE_CHARACTERS = byte_characters()
CHARACTER_BYTES = {character: byte for byte, character in BYTE_CHARACTERS.items()}


def pre_tokenizer():
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])


def _configured(model):
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizer()
    return tokenizer


class Vocabulary:
    """tokens: specials, the 256 bytes in order, then what the merges make, in rank order."""

    def __init__(self, merges):
        self.merges = [tuple(pair) for pair in merges]
        made = dict.fromkeys(a + b for a, b in self.merges)
        self.tokens = SPECIALS + list(BYTE_CHARACTERS.values()) + list(made)
        if len(set(self.tokens)) != len(self.tokens):
            raise ValueError("a merge makes a token that exists already")
        first = len(SPECIALS)
        ids = {token: i for i, token in enumerate(self.tokens) if i >= first}
        self._tokenizer = _configured(models.BPE(ids, self.merges))

    @classmethod
    def train(cls, texts, size, min_frequency=2, progress=False):
        tokenizer = _configured(models.BPE())
        trainer = trainers.BpeTrainer(
            vocab_size=size - len(SPECIALS), min_frequency=min_frequency, show_progress=progress,
            initial_alphabet=list(BYTE_CHARACTERS.values()), special_tokens=[])
        tokenizer.train_from_iterator(texts, trainer)
        merges = json.loads(tokenizer.to_str())["model"]["merges"]
        return cls(pair.split(" ") if isinstance(pair, str) else pair for pair in merges)

    @classmethod
    def load(cls, path):
        keys, _ = gguf.read(path)
        if keys.get("tokenizer.ggml.pre") != "espalier":
            raise ValueError(f"{path}: not a vocabulary of this tokenizer")
        vocabulary = cls(line.split(" ") for line in keys["tokenizer.ggml.merges"])
        if vocabulary.tokens != keys["tokenizer.ggml.tokens"]:
            raise ValueError(f"{path}: tokens do not follow from its merges")
        return vocabulary

    def __len__(self):
        return len(self.tokens)

    def encode(self, text):
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def encode_batch(self, texts):
        return [e.ids for e in self._tokenizer.encode_batch(texts, add_special_tokens=False)]

    def text(self, token):
        """Bytes of a token; empty for specials."""
        if token < len(SPECIALS):
            return b""
        return bytes(CHARACTER_BYTES[c] for c in self.tokens[token])

    def sizes(self):
        """Bytes of each token."""
        return np.array([len(self.text(token)) for token in range(len(self))])

    def decode(self, ids):
        return b"".join(self.text(token) for token in ids)

    def put_keys(self, writer):
        """Adds the tokenizer's keys to a gguf.Writer, for a vocabulary or a whole model."""
        writer.string("tokenizer.ggml.model", "gpt2")
        writer.string("tokenizer.ggml.pre", "espalier")
        writer.strings("tokenizer.ggml.tokens", self.tokens)
        writer.i32s("tokenizer.ggml.token_type",
                    [3] * len(SPECIALS) + [1] * (len(self.tokens) - len(SPECIALS)))
        writer.strings("tokenizer.ggml.merges", [f"{a} {b}" for a, b in self.merges])
        writer.u32("tokenizer.ggml.eos_token_id", SPECIALS.index("<|end|>"))
        writer.u32("tokenizer.ggml.padding_token_id", SPECIALS.index("<|pad|>"))
        writer.bool("tokenizer.ggml.add_bos_token", False)

    def save(self, path, name="espalier vocabulary"):
        """A GGUF file of the vocabulary alone, without tensors."""
        writer = gguf.Writer()
        writer.string("general.architecture", "espalier")
        writer.string("general.name", name)
        writer.string("espalier.fim.order", "spm")
        self.put_keys(writer)
        writer.save(path)


def _open(path):
    return gzip.open(path, "rt", newline="") if path.endswith(".gz") else open(path, newline="")


def texts_of(paths, max_bytes=None, seed=0):
    """The texts of all files, shuffled by file, until max_bytes are reached."""
    paths = list(paths)
    random.Random(seed).shuffle(paths)
    left = max_bytes if max_bytes else float("inf")
    for path in paths:
        if ".jsonl" in path:
            with _open(path) as file:
                for line in file:
                    row = json.loads(line)
                    text = row["text"] if "text" in row else row["content"]
                    yield text
                    left -= len(text)
                    if left <= 0:
                        return
        else:
            with open(path, encoding="utf-8", errors="replace", newline="") as file:
                text = file.read()
            yield text
            left -= len(text)
            if left <= 0:
                return


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train")
    train.add_argument("inputs", nargs="+")
    train.add_argument("--vocab", type=int, default=16384, help="tokens in all")
    train.add_argument("--min-frequency", type=int, default=2)
    train.add_argument("--max-bytes", type=int, help="read this much text at most")
    train.add_argument("--out", required=True)
    encode = commands.add_parser("encode")
    encode.add_argument("--vocab", required=True)
    encode.add_argument("file")
    options = parser.parse_args()
    if options.command == "train":
        texts = texts_of(options.inputs, options.max_bytes)
        vocabulary = Vocabulary.train(texts, options.vocab, options.min_frequency,
                                      progress=sys.stderr.isatty())
        vocabulary.save(options.out)
        print(f"{options.out}: {len(vocabulary)} tokens", file=sys.stderr)
    else:
        with open(options.file, encoding="utf-8", newline="") as file:
            print(*Vocabulary.load(options.vocab).encode(file.read()))


if __name__ == "__main__":
    main()
