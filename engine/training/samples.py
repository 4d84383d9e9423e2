#!/usr/bin/env python3
"""Training samples from the corpus: tokens and tree features, packed into rows.

    samples.py build --corpus DIR --vocab FILE --library FILE --out DIR [--tokens N]
    samples.py holes --heldout DIR --vocab FILE --library FILE --out FILE
    samples.py leak  --heldout DIR --vocab FILE --library FILE

A sample is what lsp/assist/training.h draws: the same C code as in serving. Samples are put
into rows of --length tokens, whole samples only, first fit; a token attends within its own
sample. A row is one record of row_type. The order of the rows is random and fixed by the seed.
"""

import argparse
import ctypes
import hashlib
import json
import multiprocessing
import sys
from pathlib import Path

import numpy as np

from tokenizer import LANGUAGES, Vocabulary

PROSE = "text"  # what has no grammar: plain windows only, empty records
BYTES_A_TOKEN = 3.0  # about
LONG_TRIES = 8  # draws for a sample whose window is cut
PARTS = 4  # of a language's files, each the work of one process
# Parts of the tokens; among the languages of code by the square root of what there is.
PROSE_SHARE = 0.15


def row_type(length):
    """weight: 0 padding, 1 text, 2 middle (with its end). start: where the token's sample begins.
    class: training_class of the tokens of held-out holes, 0 elsewhere."""
    return np.dtype([
        ("ids", np.uint16, length), ("chain", np.int16, (length, 8)), ("depth", np.uint8, length),
        ("kind", np.uint8, length), ("sibling", np.uint8, length), ("segment", np.uint8, length),
        ("start", np.int16, length), ("weight", np.uint8, length), ("class", np.uint8, length)])


ANY = -1
SPM, PSM, PLAIN = 0, 1, 2
LINE = 1


class Options(ctypes.Structure):
    _fields_ = [("order", ctypes.c_int32), ("span", ctypes.c_int32)] + [
        (n, ctypes.c_uint32)
        for n in ("budget", "middle_max", "suffix_max", "chunk", "span_bytes", "single_line", "outline_max")]

    def __init__(self, order=ANY, span=ANY, budget=512, middle_max=96, suffix_max=None, chunk=64,
                 span_bytes=320, single_line=0, outline_max=0):
        suffix_max = suffix_max or min(256, max(96, budget // 8))
        super().__init__(order, span, budget, middle_max, suffix_max, chunk, span_bytes, single_line, outline_max)


class _Sample(ctypes.Structure):
    _fields_ = [(n, ctypes.c_void_p) for n in ("ids", "chain", "depth", "kind", "sibling", "segment")] + [
        ("length", ctypes.c_uint32), ("middle", ctypes.c_uint32), ("order", ctypes.c_int32),
        ("hole_start", ctypes.c_uint64), ("hole_end", ctypes.c_uint64), ("heal_start", ctypes.c_uint64),
        ("window_start", ctypes.c_uint64), ("outline", ctypes.c_uint32)]


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

    def classes(self, starts, ends):
        """training_class of tokens by their bytes in the document."""
        starts, ends = (np.ascontiguousarray(a, np.uint64) for a in (starts, ends))
        out = np.zeros(len(starts), np.uint8)
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in (starts, ends, out)]
        self._result(self.c.training_classes(
            self.handle, *pointers[:2], ctypes.c_size_t(len(starts)), pointers[2]), fetch=False)
        return out

    def _result(self, status, fetch=True):
        if status < 0:
            raise RuntimeError(self.c.training_error(self.handle).decode())
        if status or not fetch:
            return None
        s = self.sample
        out = {name: array[: s.length].copy() for name, array in self.arrays.items()}
        out.update(middle=s.middle, order=s.order, hole=(s.hole_start, s.hole_end), heal=s.heal_start,
                   window=s.window_start, outline=s.outline)
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
    """First fit over a few open rows of `length` tokens."""

    OPEN = 24

    def __init__(self, length):
        self.length = length
        self.open, self.done, self.tokens = [], [], 0

    def add(self, sample):
        n = len(sample["ids"])
        self.tokens += n
        for i, (row, used) in enumerate(self.open):
            if used + n <= self.length:
                break
        else:
            if len(self.open) == self.OPEN:
                fullest = max(range(len(self.open)), key=lambda k: self.open[k][1])
                self.done.append(self.open.pop(fullest)[0])
            row = np.zeros((), row_type(self.length))
            row["chain"] = -1
            row["start"] = np.arange(self.length)
            self.open.append((row, 0))
            i, used = len(self.open) - 1, 0
        part = slice(used, used + n)
        chain = sample["chain"]
        row["chain"][part] = np.where(chain >= 0, chain + used, -1)
        for name in ("ids", "depth", "kind", "sibling", "segment"):
            row[name][part] = sample[name]
        row["class"][part] = sample.get("class", 0)
        row["start"][part] = used
        row["weight"][part] = 1
        row["weight"][used + sample["middle"] : used + n] = 2
        self.open[i] = (row, used + n)
        if used + n > self.length - 24:
            self.done.append(self.open.pop(i)[0])

    def finish(self):
        self.done += [row for row, _ in self.open]
        self.open = []
        return self.done


def seed_of(*parts):
    return int.from_bytes(hashlib.sha256("\0".join(map(str, parts)).encode()).digest()[:8], "little")


def options_of(args, language, seed):
    """What to draw. --served: half of the code as it is asked for in use, rests of single lines
    with the suffix in front; and as requests differ in how much text there is, half of the samples
    see a quarter of the length."""
    if language == PROSE:
        return Options(budget=args.length, order=PLAIN)
    asked = dict(order=SPM, span=LINE, single_line=1) if args.served and seed & 1 else {}
    budget = args.length // 4 if args.served and seed & 2 else args.length
    return Options(budget=budget, outline_max=args.outline * budget // args.length, **asked)


def draw_long(session, seed, options):
    """A sample whose window is cut, of an order drawn beforehand: holes are as frequent as ever."""
    if options.order == ANY:
        options.order = PLAIN if seed % 100 < 30 else SPM if seed // 100 % 2 else PSM
    for i in range(LONG_TRIES):
        sample = session.draw(seed_of("long", seed, i), options)
        if sample and sample["window"] > 0:
            return sample
    return None


def build_part(job):
    """Rows of one part of one language's files."""
    args, language, part, density, out = job
    if out.exists():
        return language, 0, 0
    session, packer = Session(args.library, args.vocab), Packer(args.length)
    kind = "served" if args.served else "count"
    with open(args.corpus / f"{language}.jsonl") as lines:
        for number, line in enumerate(lines):
            if number % PARTS != part:
                continue
            entry = json.loads(line)
            data = entry["text"].encode()
            name = entry["package"] + "/" + entry["path"]
            # One sample sees up to a row. The fraction is rounded at random.
            wanted = density * max(len(data) / BYTES_A_TOKEN, 60) / args.length
            wanted = int(wanted + (seed_of(kind, name) % 1000) / 1000)
            if not wanted or not session.document(language, data):
                continue
            if args.long and session.tokens() <= args.length:
                continue
            for k in range(wanted):
                seed = seed_of(kind, name, k) if args.served else seed_of(name, k)
                options = options_of(args, language, seed)
                sample = draw_long(session, seed, options) if args.long else session.draw(seed, options)
                if sample:
                    packer.add(sample)
    rows = np.array(packer.finish(), row_type(args.length))
    with open(out.with_suffix(".part"), "wb") as file:
        np.save(file, rows)
    out.with_suffix(".part").rename(out)
    session.close()
    return language, packer.tokens, len(rows)


def shares(sizes):
    """Of the tokens, by language; the square root keeps small languages from vanishing."""
    roots = {lang: size**0.5 for lang, size in sizes.items() if lang != PROSE}
    prose = PROSE_SHARE if PROSE in sizes else 0
    share = {lang: (1 - prose) * root / sum(roots.values()) for lang, root in roots.items()}
    return share | ({PROSE: prose} if prose else {})


def build(args):
    args.out.mkdir(parents=True, exist_ok=True)
    sizes = {file.stem: file.stat().st_size for file in sorted(args.corpus.glob("*.jsonl"))}
    jobs = []
    for lang, share in shares(sizes).items():
        wanted = args.tokens * share
        # Samples come out at about 0.7 of a row; long rows are filled less by short files.
        filled = (0.7 if args.length <= 512 else 0.6) * (0.7 if args.served else 1)
        density = wanted / (sizes[lang] / BYTES_A_TOKEN) / filled
        print(f"{lang}: {sizes[lang] / 1e6:.1f} MB, {wanted / 1e6:.1f} M tokens, density {density:.3f}", flush=True)
        jobs += [(args, lang, p, density, args.out / f"{lang}-{p}.npy") for p in range(PARTS)]
    jobs.sort(key=lambda j: seed_of("job", j[1], j[2]))
    with multiprocessing.Pool(args.processes) as pool:
        for language, tokens, rows in pool.imap_unordered(build_part, jobs):
            print(f"{language}: {tokens} tokens, {rows} rows", flush=True)
    join(args, [job[-1] for job in jobs])


def join(args, parts):
    """All rows in random order, in one file that is written a part at a time."""
    loaded = [np.load(part, mmap_mode="r") for part in parts]
    total = sum(map(len, loaded))
    place = np.random.default_rng(args.seed).permutation(total)
    rows = np.lib.format.open_memmap(args.out / "train.npy", "w+", row_type(args.length), (total,))
    at, stats = 0, {"rows": total, "tokens": 0, "middle_tokens": 0, "languages": {}}
    for path, part in zip(parts, loaded):
        rows[place[at : at + len(part)]] = part
        at += len(part)
        tokens = int((part["weight"] > 0).sum())
        language = path.stem.rsplit("-", 1)[0]
        stats["languages"][language] = stats["languages"].get(language, 0) + tokens
        stats["tokens"] += tokens
        stats["middle_tokens"] += int((part["weight"] == 2).sum())
    rows.flush()
    stats["fill"] = stats["tokens"] / total / args.length
    (args.out / "stats.json").write_text(json.dumps(stats, indent=1) + "\n")
    print(json.dumps(stats))
    for part in parts:
        part.unlink()


def with_classes(session, sample, sizes):
    """Adds the class of each token of the middle and of the prefix, whose bytes are contiguous; an
    outline in front of them stays 0."""
    ids, middle = sample["ids"], sample["middle"]
    length = sizes[ids].astype(np.int64)
    at = np.flatnonzero((length > 0) & (sample["segment"] >= 2))[sample["outline"]:]
    ends = np.cumsum(length[at])
    ends += sample["heal"] - ends[np.searchsorted(at, middle) - 1] if at[0] < middle else sample["heal"]
    sample["class"] = np.zeros(len(ids), np.uint8)
    sample["class"][at] = session.classes(ends - length[at], ends)
    return sample


class Holes:
    """Held-out holes, one a row, and beside them what train.py tells of each."""

    def __init__(self, length):
        self.length, self.rows, self.meta = length, [], []

    def add(self, language, package, file, sample):
        packer = Packer(self.length)
        packer.add(sample)
        self.rows.append(packer.finish()[0])
        self.meta.append({"language": language, "package": package, "file": file, "hole": sample["hole"],
                          "bytes": sample["hole"][1] - sample["heal"], "outline": sample["outline"]})

    def save(self, path):
        np.save(path, np.array(self.rows, row_type(self.length)))
        Path(str(path) + ".json").write_text(json.dumps(self.meta))


def languages_of(heldout):
    return [lang for lang in LANGUAGES if (heldout / lang).is_dir()]


def holes(args):
    """Held-out single-line holes, SPM, up to `--per-file` a file and `--per-language` in all;
    the count a package is levelled so that no package makes up most of a language. Which holes
    they are does not depend on --outline. --long: only those whose prefix does not fit."""
    session = Session(args.library, args.vocab)
    vocabulary = Vocabulary.load(str(args.vocab))
    sizes = vocabulary.sizes()
    options = Options(order=SPM, span=LINE, single_line=1, budget=args.length, outline_max=args.outline)
    found = Holes(args.length)
    for lang in languages_of(args.heldout):
        packages = {}
        for file in sorted((args.heldout / lang).glob("*/*")):
            if not session.document(lang, file.read_bytes()):
                continue
            for k in range(args.per_file):
                sample = session.draw(seed_of("heldout", file.parent.name, file.name, k), options)
                if sample and args.long and not sample["window"]:
                    continue
                if sample and sample["hole"][1] - sample["hole"][0] >= 4:
                    sample = with_classes(session, sample, sizes)
                    packages.setdefault(file.parent.name, []).append((seed_of(file.name, k), file.name, sample))
        cap = max(args.per_language // 15, 2 * args.per_language // max(1, len(packages)))
        chosen = []
        for name, own in sorted(packages.items()):
            own.sort(key=lambda f: f[0])
            chosen += [(s, name, f, sample) for s, f, sample in own[:cap]]
        chosen.sort(key=lambda f: f[0])
        for _, name, file, sample in chosen[: args.per_language]:
            found.add(lang, name, file, sample)
        print(f"{lang}: {len(packages)} packages, {min(len(chosen), args.per_language)} holes", flush=True)
    found.save(args.out)


def leak(args):
    """What the model is given before the middle must not depend on the middle: the same hole
    with another text in it has to give the same sequence up to where the middle starts, and
    the records of a middle may depend on its own earlier tokens only."""
    session, other = Session(args.library, args.vocab), Session(args.library, args.vocab)
    options = Options(order=SPM, span=LINE, single_line=1, budget=args.length, outline_max=args.outline)
    seen = wrong = outlines = 0
    for lang in languages_of(args.heldout):
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
                outlines += sample["outline"] > 0
                same = twin is not None and twin["middle"] == sample["middle"] and all(
                    np.array_equal(twin[k], sample[k]) for k in ("ids", "chain", "depth", "kind", "sibling", "segment"))
                wrong += not same
    print(f"leak: {seen} holes compared, {outlines} with an outline, {wrong} differ")
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
    b.add_argument("--served", action="store_true", help="half of the code as completions in use ask for it")
    for command in commands.choices.values():
        command.add_argument("--length", type=int, default=512, help="of rows, in tokens")
        command.add_argument("--outline", type=int, default=0, metavar="TOKENS",
                             help="of a window that is cut, for lines in front of it that the tree chooses")
    for command in (b, h):
        command.add_argument("--long", action="store_true", help="only samples whose window is cut")
    for command in (h, commands.choices["leak"]):
        command.add_argument("--heldout", type=Path, required=True)
    h.add_argument("--per-file", type=int, default=12)
    h.add_argument("--per-language", type=int, default=150)
    args = parser.parse_args()
    return {"build": build, "holes": holes, "leak": leak}[args.command](args)


if __name__ == "__main__":
    sys.exit(main())
