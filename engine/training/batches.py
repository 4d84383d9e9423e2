"""Rows (samples.py) to batches: tensors, relations, and the trees that placebos put in place
of the real ones.

    real       the tree's chains, as the server computes them
    none       no chains: suffix and prefix are told apart, and nothing else
    shuffled   each row takes the chains of another row, as far as they fit its samples
    brackets   chains from brackets and indentation (relations.c)
"""

import ctypes

import numpy as np
import torch

from model import MASKED, NAMES, TABLE, Batch, compiled

MIDDLE_WEIGHT = 6.0
TREES = ("real", "none", "shuffled", "brackets")
WORD_FIRST, WORD_JOINED, WORD_LAST, OPENS, CLOSES, NEWLINE, BLANK, COMMA = (1 << k for k in range(8))


def word_byte(byte):
    return byte >= 0x80 or chr(byte).isalnum() or byte == 0x5F


def vocabulary_tables(vocabulary):
    """Of each token: flags and hash for relations.c, columns of leading white space."""
    n = len(vocabulary)
    flags, hashes, widths = np.zeros(n, np.uint8), np.zeros(n, np.uint32), np.zeros(n, np.uint8)
    for token in range(n):
        text = vocabulary.text(token)
        bare = text.removeprefix(b" ")
        blank = len(text) - len(text.lstrip(b" \t"))
        widths[token] = min(200, text[:blank].count(b" ") + 4 * text[:blank].count(b"\t"))
        hash32 = 2166136261
        for byte in bare:
            hash32 = (hash32 ^ byte) * 16777619 & 0xFFFFFFFF
        hashes[token] = hash32
        if not text:
            continue
        if bare and word_byte(bare[0]):
            flags[token] |= WORD_FIRST * (not bare[:1].isdigit()) | WORD_JOINED * (text[:1] != b" ")
        flags[token] |= WORD_LAST * word_byte(text[-1]) | NEWLINE * (text[-1] in b"\r\n")
        flags[token] |= OPENS * (bare in (b"(", b"[", b"{")) | CLOSES * (bare in (b")", b"]", b"}"))
        flags[token] |= COMMA * (bare == b",") | BLANK * (not text.strip(b" \t\x0b\x0c"))
    return flags, hashes, widths


def pointer(array):
    return ctypes.c_void_p(array.ctypes.data)


class Batches:
    """rows of samples.row_type to Batch. names: add the relations between uses of names."""

    def __init__(self, device, library, vocabulary, trees="real", names=False):
        self.device, self.trees, self.names = device, trees, names
        self.library = ctypes.CDLL(str(library.resolve()))
        self.own = compiled("relations.c")
        self.flags, self.hashes, self.widths = vocabulary_tables(vocabulary)
        self.sizes = vocabulary.sizes()

    def chains(self, rows):
        chain = np.ascontiguousarray(rows["chain"])
        n, length = rows["ids"].shape
        if self.trees == "none":
            chain[:] = -1
        elif self.trees == "brackets":
            ids, segment, start = (np.ascontiguousarray(rows[k]) for k in ("ids", "segment", "start"))
            self.own.relations_brackets(
                *(pointer(a) for a in (ids, segment, start, self.flags, self.widths)),
                ctypes.c_size_t(n), ctypes.c_size_t(length), pointer(chain))
        elif self.trees == "shuffled":
            other = np.roll(chain, 1, 0)
            inside = (other >= rows["start"][:, :, None]) & (other < np.arange(length)[None, :, None])
            chain = np.where(inside, other, np.int16(-1))
            # Levels that were cut off must not leave gaps in front of those that stay.
            order = np.argsort(chain < 0, axis=2, kind="stable")
            chain = np.ascontiguousarray(np.take_along_axis(chain, order, 2))
        return chain

    def relations(self, rows):
        n, length = rows["ids"].shape
        chain = self.chains(rows)
        ids, segment, start, kind = (np.ascontiguousarray(rows[k]) for k in ("ids", "segment", "start", "kind"))
        out = np.empty((n, length, length), np.uint8)
        sizes = ctypes.c_size_t(n), ctypes.c_size_t(length)
        self.library.training_relations(pointer(chain), pointer(segment), pointer(start), *sizes, pointer(out))
        if self.names:
            arrays = (ids, chain, kind, segment, start, self.flags, self.hashes)
            if self.own.relations_names(*map(pointer, arrays), *sizes, NAMES, pointer(out)):
                raise MemoryError("relations between names")
        return torch.from_numpy(out).to(self.device)

    def __call__(self, rows):
        to = lambda array, kind=np.int64: torch.from_numpy(np.ascontiguousarray(array, kind)).to(self.device)
        weight, start = rows["weight"], rows["start"]
        of_target = np.zeros(weight.shape, np.float32)
        of_target[:, :-1] = np.array([0, 1, MIDDLE_WEIGHT], np.float32)[weight[:, 1:]] * (start[:, 1:] == start[:, :-1])
        ids = to(rows["ids"])
        return Batch(ids, torch.roll(ids, -1, 1), to(of_target, np.float32), self.relations(rows), to(start),
                     to(np.stack([rows["depth"], rows["kind"], rows["sibling"]], -1)))


def attended(batch, relations):
    """Share of the pairs allowed by causality that `relations` leaves."""
    return float((relations != MASKED).sum() / (batch.relations != MASKED).sum())


assert NAMES + 3 == TABLE - 1
