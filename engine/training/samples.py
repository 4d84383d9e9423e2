#!/usr/bin/env python3
"""Training samples from the corpus: tokens and tree features, packed into rows.

    samples.py build --corpus DIR --vocab FILE --library FILE --out DIR [--tokens N]
    samples.py holes --heldout DIR --vocab FILE --library FILE --out FILE
    samples.py leak  --heldout DIR --vocab FILE --library FILE

A sample is what lsp/assist/training.h draws: the same C code as in serving. Samples are put
into rows of ROW tokens, whole samples only, first fit; a token attends within its own sample.
A row is one record of ROW_TYPE. The order of the rows is random and fixed by the seed.
"""

import argparse
import ctypes
import hashlib
import json
import multiprocessing
import sys
from pathlib import Path

import numpy as np

ROW = 512
LANGUAGES = ("c", "python", "javascript")
BYTES_A_TOKEN = 3.5  # about
# weight: 0 padding, 1 text, 2 middle (with its end). start: where the token's sample begins.
ROW_TYPE = np.dtype([
    ("ids", np.uint16, ROW), ("chain", np.int16, (ROW, 8)), ("segment", np.uint8, ROW),
    ("start", np.int16, ROW), ("weight", np.uint8, ROW),
])
ANY = -1
SPM = 0
LINE = 1


class Options(ctypes.Structure):
    _fields_ = [("order", ctypes.c_int32), ("span", ctypes.c_int32)] + [
        (n, ctypes.c_uint32)
        for n in ("budget", "middle_max", "suffix_max", "chunk", "span_bytes", "single_line")]

    def __init__(self, order=ANY, span=ANY, budget=ROW, middle_max=64, suffix_max=96, chunk=64,
                 span_bytes=220, single_line=0):
        super().__init__(order, span, budget, middle_max, suffix_max, chunk, span_bytes, single_line)


class _Sample(ctypes.Structure):
    _fields_ = [(n, ctypes.c_void_p) for n in ("ids", "chain", "depth", "kind", "sibling", "segment")] + [
        ("length", ctypes.c_uint32), ("middle", ctypes.c_uint32), ("order", ctypes.c_int32),
        ("hole_start", ctypes.c_uint64), ("hole_end", ctypes.c_uint64), ("heal_start", ctypes.c_uint64)]


class Session:
    """One vocabulary, one document at a time; samples come back as dicts of arrays."""

    def __init__(self, library, vocabulary, capacity=4096):
        self.c = ctypes.CDLL(str(library))
        self.c.training_open.restype = ctypes.c_void_p
        self.c.training_error.restype = ctypes.c_char_p
        self.c.training_tokens.restype = ctypes.c_int64
        self.handle = ctypes.c_void_p(self.c.training_open(str(vocabulary).encode()))
        if self.c.training_error(self.handle):
            raise RuntimeError(self.c.training_error(self.handle).decode())
        self.arrays = {
            "ids": np.zeros(capacity, np.int32), "chain": np.zeros((capacity, 8), np.int32),
            "depth": np.zeros(capacity, np.uint8), "kind": np.zeros(capacity, np.uint8),
            "sibling": np.zeros(capacity, np.uint8), "segment": np.zeros(capacity, np.uint8)}
        self.sample = _Sample(*(a.ctypes.data for a in self.arrays.values()))

    def close(self):
        self.c.training_close(self.handle)

    def document(self, language, data):
        self.bytes = data
        return self.c.training_document(self.handle, language.encode(), data, ctypes.c_size_t(len(data))) == 0

    def tokens(self):
        return self.c.training_tokens(self.handle)

    def _result(self, status):
        if status < 0:
            raise RuntimeError(self.c.training_error(self.handle).decode())
        if status:
            return None
        s = self.sample
        out = {name: array[: s.length].copy() for name, array in self.arrays.items()}
        out.update(middle=s.middle, order=s.order, hole=(s.hole_start, s.hole_end), heal=s.heal_start)
        return out

    def draw(self, seed, options):
        return self._result(self.c.training_draw(
            self.handle, ctypes.c_uint64(seed), ctypes.byref(options), ctypes.byref(self.sample)))

    def hole(self, start, end, options, text=None):
        return self._result(self.c.training_hole(
            self.handle, ctypes.c_uint64(start), ctypes.c_uint64(end), text,
            ctypes.c_size_t(len(text) if text is not None else 0), ctypes.byref(options),
            ctypes.byref(self.sample)))


class Packer:
    """First fit over a few open rows."""

    OPEN = 24

    def __init__(self):
        self.open, self.done, self.tokens = [], [], 0

    def add(self, sample):
        n = len(sample["ids"])
        self.tokens += n
        for i, (row, used) in enumerate(self.open):
            if used + n <= ROW:
                break
        else:
            if len(self.open) == self.OPEN:
                fullest = max(range(len(self.open)), key=lambda k: self.open[k][1])
                self.done.append(self.open.pop(fullest)[0])
            row = np.zeros((), ROW_TYPE)
            row["chain"] = -1
            row["start"] = np.arange(ROW)
            self.open.append((row, 0))
            i, used = len(self.open) - 1, 0
        part = slice(used, used + n)
        row["ids"][part] = sample["ids"]
        chain = sample["chain"]
        row["chain"][part] = np.where(chain >= 0, chain + used, -1)
        row["segment"][part] = sample["segment"]
        row["start"][part] = used
        row["weight"][part] = 1
        row["weight"][used + sample["middle"] : used + n] = 2
        self.open[i] = (row, used + n)
        if used + n > ROW - 24:
            self.done.append(self.open.pop(i)[0])

    def finish(self):
        self.done += [row for row, _ in self.open]
        self.open = []
        return self.done


def seed_of(*parts):
    return int.from_bytes(hashlib.sha256("\0".join(map(str, parts)).encode()).digest()[:8], "little")


def build_part(job):
    """Rows of one part of one language's files."""
    library, vocabulary, corpus, language, part, parts, density, out = job
    session, packer, options = Session(library, vocabulary), Packer(), Options()
    files = 0
    with open(corpus / f"{language}.jsonl") as lines:
        for number, line in enumerate(lines):
            if number % parts != part:
                continue
            entry = json.loads(line)
            data = entry["text"].encode()
            name = entry["package"] + "/" + entry["path"]
            # One sample sees up to ROW tokens. The fraction is rounded at random.
            wanted = density * max(len(data) / BYTES_A_TOKEN, 60) / ROW
            wanted = int(wanted + (seed_of("count", name) % 1000) / 1000)
            if not wanted or not session.document(language, data):
                continue
            files += 1
            for k in range(wanted):
                sample = session.draw(seed_of(name, k), options)
                if sample:
                    packer.add(sample)
    rows = np.array(packer.finish(), ROW_TYPE)
    np.save(out / f"{language}-{part}.npy", rows)
    session.close()
    return language, files, packer.tokens, len(rows)


def build(args):
    args.out.mkdir(parents=True, exist_ok=True)
    size = {lang: (args.corpus / f"{lang}.jsonl").stat().st_size for lang in LANGUAGES}
    # Square-root mixing keeps the smallest language from vanishing.
    share = {lang: size[lang] ** 0.5 for lang in LANGUAGES}
    total = sum(share.values())
    jobs = []
    for lang in LANGUAGES:
        wanted = args.tokens * share[lang] / total
        # Samples come out at about 0.7 of ROW.
        density = wanted / (size[lang] / BYTES_A_TOKEN) / 0.7
        print(f"{lang}: {size[lang] / 1e6:.1f} MB, {wanted / 1e6:.1f} M tokens, density {density:.2f}", flush=True)
        jobs += [(args.library, args.vocab, args.corpus, lang, p, 8, density, args.out) for p in range(8)]
    jobs.sort(key=lambda j: seed_of("job", j[3], j[4]))
    totals = {}
    with multiprocessing.Pool(args.processes) as pool:
        for language, files, tokens, rows in pool.imap_unordered(build_part, jobs):
            t = totals.setdefault(language, [0, 0, 0])
            for i, v in enumerate((files, tokens, rows)):
                t[i] += v
    rows = np.concatenate([np.load(args.out / f"{lang}-{p}.npy") for lang in LANGUAGES for p in range(8)])
    rows = rows[np.random.default_rng(args.seed).permutation(len(rows))]
    np.save(args.out / "train.npy", rows)
    for lang in LANGUAGES:
        for p in range(8):
            (args.out / f"{lang}-{p}.npy").unlink()
    fill = float((rows["weight"] > 0).mean())
    stats = {"rows": len(rows), "fill": fill, "tokens": int((rows["weight"] > 0).sum()),
             "middle_tokens": int((rows["weight"] == 2).sum()),
             "languages": {k: dict(zip(("files", "tokens", "rows"), v)) for k, v in totals.items()}}
    (args.out / "stats.json").write_text(json.dumps(stats, indent=1) + "\n")
    print(json.dumps(stats))


def holes(args):
    """Held-out single-line holes, SPM, up to `--per-file` a file and `--per-language` in all;
    the count a package is levelled so that no package makes up most of a language."""
    session = Session(args.library, args.vocab)
    options = Options(order=SPM, span=LINE, single_line=1)
    rows, meta = [], []
    for lang in LANGUAGES:
        packages = {}
        for file in sorted((args.heldout / lang).glob("*/*")):
            if not session.document(lang, file.read_bytes()):
                continue
            for k in range(args.per_file):
                sample = session.draw(seed_of("heldout", file.parent.name, file.name, k), options)
                if sample and sample["hole"][1] - sample["hole"][0] >= 4:
                    packages.setdefault(file.parent.name, []).append((seed_of(file.name, k), file.name, sample))
        cap = max(40, 2 * args.per_language // max(1, len(packages)))
        chosen = []
        for name, found in sorted(packages.items()):
            found.sort(key=lambda f: f[0])
            chosen += [(s, name, f, sample) for s, f, sample in found[:cap]]
        chosen.sort(key=lambda f: f[0])
        for _, name, file, sample in chosen[: args.per_language]:
            packer = Packer()
            packer.add(sample)
            rows.append(packer.finish()[0])
            meta.append({"language": lang, "package": name, "file": file, "hole": sample["hole"],
                         "bytes": sample["hole"][1] - sample["heal"]})
        print(f"{lang}: {len(packages)} packages, {min(len(chosen), args.per_language)} holes")
    np.save(args.out, np.array(rows, ROW_TYPE))
    Path(str(args.out) + ".json").write_text(json.dumps(meta))


def leak(args):
    """What the model is given before the middle must not depend on the middle: the same hole
    with another text in it has to give the same sequence up to where the middle starts, and
    the records of a middle may depend on its own earlier tokens only."""
    session, other = Session(args.library, args.vocab), Session(args.library, args.vocab)
    options = Options(order=SPM, span=LINE, single_line=1)
    seen = wrong = 0
    for lang in LANGUAGES:
        for file in sorted((args.heldout / lang).glob("*/*"))[:: args.every]:
            data = file.read_bytes()
            if not session.document(lang, data):
                continue
            sample = session.draw(seed_of("leak", file.name), options)
            if not sample:
                continue
            start, end = sample["hole"]
            for text in (b"", b"x", b"if (a) {", b"f(1, [", data[start:end][::2]):
                changed = data[:start] + text + data[end:]
                try:
                    changed.decode()
                except UnicodeDecodeError:
                    continue
                other.document(lang, changed)
                twin = other.hole(start, start + len(text), options, data[start:end])
                seen += 1
                same = twin is not None and twin["middle"] == sample["middle"] and all(
                    np.array_equal(twin[k], sample[k]) for k in ("ids", "chain", "depth", "kind", "sibling", "segment"))
                wrong += not same
    print(f"leak: {seen} holes compared, {wrong} differ")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("build", "holes", "leak"):
        command = commands.add_parser(name)
        command.add_argument("--vocab", type=Path, required=True)
        command.add_argument("--library", type=Path, required=True)
        if name != "leak":
            command.add_argument("--out", type=Path, required=True)
        else:
            command.add_argument("--every", type=int, default=4, help="take every n-th file")
    b, h = commands.choices["build"], commands.choices["holes"]
    b.add_argument("--corpus", type=Path, required=True)
    b.add_argument("--tokens", type=float, default=26e6)
    b.add_argument("--processes", type=int, default=2)
    b.add_argument("--seed", type=int, default=1)
    for command in (h, commands.choices["leak"]):
        command.add_argument("--heldout", type=Path, required=True)
    h.add_argument("--per-file", type=int, default=24)
    h.add_argument("--per-language", type=int, default=600)
    args = parser.parse_args()
    return {"build": build, "holes": holes, "leak": leak}[args.command](args)


if __name__ == "__main__":
    sys.exit(main())
