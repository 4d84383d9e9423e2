"""Keeps public benchmarks out of training: no file shares ten words in a row with a problem.

The repository holds no benchmark text, only hashes of its runs of ten words (benchmarks.bin,
made by `corpus benchmarks FILE...`). A word is a run of ASCII letters, digits and
underscores, in lower case; punctuation and layout do not count.

On disk: "EGRM", the number of long runs and of short runs (u32 little endian), then
  long runs   5 bytes each, ascending: CRC-32 and first byte of BLAKE2b of the ten words,
              joined by a blank;
  short runs  3 bytes each, ascending: low bytes of the CRC-32 of each run of five words.
Looking up every run of ten words of a gigabyte is slow. Of any ten words in a row, one run of
five starts at a multiple of six, so only those are looked up first; where one is known, the
runs of ten around it are.
"""

import hashlib
import json
import re
import struct
from pathlib import Path
from zlib import crc32

MAGIC = b"EGRM"
LONG, SHORT, STRIDE = 10, 5, 6
COMMON_PROJECTS = 12  # a run in more projects than this is idiom or boilerplate, not a problem's text
WORD = re.compile(rb"\w+")


def words_of(text):
    return WORD.findall(text.encode("utf-8", "replace").lower())


def long_hash(words):
    joined = b" ".join(words)
    return crc32(joined) << 8 | hashlib.blake2b(joined, digest_size=1).digest()[0]


def short_hash(words):
    return crc32(b" ".join(words)) & 0xFFFFFF


class Benchmarks:
    def __init__(self, long_runs, short_runs):
        self.long_runs, self.short_runs = frozenset(long_runs), frozenset(short_runs)

    @classmethod
    def of_texts(cls, texts):
        long_runs, short_runs = set(), set()
        for text in texts:
            words = words_of(text)
            for at in range(len(words) - LONG + 1):
                long_runs.add(long_hash(words[at : at + LONG]))
                for start in range(at, at + STRIDE):
                    short_runs.add(short_hash(words[start : start + SHORT]))
        return cls(long_runs, short_runs)

    @classmethod
    def read(cls, path):
        data = Path(path).read_bytes()
        magic, longs, shorts = struct.unpack_from("<4sII", data)
        if magic != MAGIC or len(data) != 12 + 5 * longs + 3 * shorts:
            raise ValueError(f"{path}: not a file of benchmark hashes")
        end = 12 + 5 * longs
        return cls((int.from_bytes(data[at : at + 5], "big") for at in range(12, end, 5)),
                   (int.from_bytes(data[at : at + 3], "big") for at in range(end, len(data), 3)))

    def write(self, path):
        out = [struct.pack("<4sII", MAGIC, len(self.long_runs), len(self.short_runs))]
        out += [run.to_bytes(5, "big") for run in sorted(self.long_runs)]
        out += [run.to_bytes(3, "big") for run in sorted(self.short_runs)]
        Path(path).write_bytes(b"".join(out))

    def shared_runs(self, text):
        """The hashes of the runs of ten words that a text has in common with the problems."""
        words, found = words_of(text), set()
        known, space = self.short_runs, b" "
        for at in range(0, len(words) - SHORT + 1, STRIDE):
            if crc32(space.join(words[at : at + SHORT])) & 0xFFFFFF not in known:  # short_hash, without the call
                continue
            for start in range(max(0, at - (LONG - SHORT)), min(at, len(words) - LONG) + 1):
                run = long_hash(words[start : start + LONG])
                if run in self.long_runs:
                    found.add(run)
        return found


# ---- reading benchmark files ---------------------------------------------------------------

FIELDS = ("prompt", "canonical_solution", "text", "code", "docstring", "declaration", "buggy_solution",
          "ground_truth", "eval_prompt", "suffix", "problem", "solution")


def texts_of_file(path):
    """The problem texts of one file: JSON lines (also a JSON list) by their fields, a source
    file whole."""
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    if Path(path).suffix not in (".jsonl", ".json"):
        yield text
        return
    if text.lstrip()[:1] == "[":
        records = json.loads(text)
    else:
        records = [json.loads(line) for line in text.splitlines() if line.strip()]
    for record in records:
        whole = [record[field] for field in FIELDS if isinstance(record.get(field), str)]
        yield "\n".join(whole)


def texts_of(paths):
    for path in paths:
        path = Path(path)
        for file in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
            yield from texts_of_file(file)
