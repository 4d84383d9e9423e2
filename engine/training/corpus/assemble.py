"""Puts the corpus together from what was extracted: splits, drops copies and leaks, writes.

Two passes over the packages. The first, in parallel, only counts: each project's main
language, and in how many projects each run of ten words of a benchmark occurs. The second
takes the files one after another, held-out projects first, so that what nearly repeats a
held-out file falls out of training; the order within each split is that of a hash, so that the
caps take a fair sample.
"""

import json
import multiprocessing
import pickle
import random
import shutil
from collections import Counter
from pathlib import Path

import benchmarks
import languages
import near_copies
import shares

BENCHMARKS = Path(__file__).resolve().parent / "benchmarks.bin"
VOCABULARY_BYTES = 8_000_000
TEXT_SHARE = 0.15  # of all training bytes
HEADER = "source\tpackage\tversion\tsha256\tlanguage\tlicence\tsplit\tfiles\tbytes"
_known = None  # the benchmarks' hashes, one copy a process


def count_package(path):
    global _known
    if _known is None:
        _known = benchmarks.Benchmarks.read(BENCHMARKS) if BENCHMARKS.exists() else benchmarks.Benchmarks([], [])
    with open(path, "rb") as file:
        entry = pickle.load(file)
    sizes, runs = {}, {}
    for number, (inner, lang, _, text, _) in enumerate(entry["files"]):
        project = shares.component(entry["project"], inner)
        sizes.setdefault(project, Counter())[lang] += len(text)
        shared = _known.shared_runs(text)
        if shared:
            runs[number] = (project, shared)
    return path, entry["project"], entry["drops"], sizes, runs


class Survey:
    """What the first pass learned of all packages."""

    def __init__(self, paths, processes):
        self.projects, self.drops, self.runs = {}, Counter(), {}
        self.sizes, seen_in = {}, {}  # bytes a group a language
        with multiprocessing.Pool(processes) as pool:
            for path, project, drops, found, runs in pool.imap_unordered(count_package, paths, chunksize=8):
                self.projects[path] = project
                self.drops.update(drops)
                for name, counter in found.items():
                    self.sizes.setdefault(shares.group_of(name), Counter()).update(counter)
                for name, shared in runs.values():
                    for run in shared:
                        seen_in.setdefault(run, set()).add(name)
                if runs:
                    self.runs[path] = {number: shared for number, (_, shared) in runs.items()}
        self.common = {run for run, names in seen_in.items() if len(names) > benchmarks.COMMON_PROJECTS}
        self.main = {}
        for group, counter in self.sizes.items():
            code = {lang: size for lang, size in counter.items() if lang != "text"}
            self.main[group] = max(code or counter, key=lambda lang: (counter[lang], lang))

    def leaks(self, path, number):
        return bool(self.runs.get(path, {}).get(number, set()) - self.common)

    def held_out(self, group):
        return shares.held_out(group, self.main.get(group, ""))


class Output:
    """The files of a corpus folder, and the rows of its manifest."""

    def __init__(self, folder):
        self.folder = folder
        shutil.rmtree(folder / "heldout", ignore_errors=True)
        (folder / "corpus").mkdir(parents=True, exist_ok=True)
        self.shards = {lang: open(folder / f"corpus/{lang}.jsonl", "w") for lang in languages.LANGUAGES}
        self.rows = {}

    def add(self, entry, group, file, held_out):
        path, lang, licence, text, _ = file
        if held_out:
            name = f"{entry['package']}/{path}".replace(":", "-").replace("/", "__")[-200:]
            target = self.folder / "heldout" / lang / group.replace("/", "-") / name
            target.parent.mkdir(parents=True, exist_ok=True)
            while target.exists():  # two paths can come out as one name
                target = target.with_name("_" + target.name)
            target.write_text(text, newline="")
        else:
            self.shards[lang].write(json.dumps({"package": entry["package"], "path": path, "licence": licence,
                                                "text": text, "source": entry["source"]}) + "\n")
        key = (entry["source"], entry["package"], entry["version"], entry["sha256"], lang, licence,
               "held-out" if held_out else "train")
        row = self.rows.setdefault(key, [0, 0])
        row[0] += 1
        row[1] += len(text.encode())

    def close(self):
        for shard in self.shards.values():
            shard.close()
        lines, above = [HEADER], None
        for (source, package, version, digest, *rest), counts in sorted(self.rows.items()):
            name = (source, package, version)
            # The digest stands in a package's first row only: it is most of the file otherwise.
            lines.append("\t".join([*name, "" if name == above else digest, *rest, *map(str, counts)]))
            above = name
        (self.folder / "manifest.tsv").write_text("\n".join(lines) + "\n")


class Caps:
    """Says whether a file still fits its project's and its language's share."""

    def __init__(self):
        self.of_project, self.of_language = Counter(), Counter()

    def full(self, project, group, lang, size, held_out):
        if held_out:
            return self.of_project[group, lang] + size > shares.HELD_OUT_CAP
        limit = shares.LANGUAGE_CAP
        if lang == "text":
            code = sum(total for name, total in self.of_language.items() if name != "text")
            limit = max(2_000_000, code * TEXT_SHARE / (1 - TEXT_SHARE))
        return self.of_project[project, lang] + size > shares.cap(lang) or self.of_language[lang] + size > limit

    def add(self, project, group, lang, size, held_out):
        self.of_project[group if held_out else project, lang] += size
        if not held_out:
            self.of_language[lang] += size


def take_packages(paths, survey, output):
    """The second pass. Returns what was dropped, by reason and split."""
    copies, caps, drops = near_copies.NearCopies(), Caps(), Counter()
    for held_out in (True, False):
        split = "held-out" if held_out else "train"
        for path in paths:
            groups = shares.group_of(survey.projects[path])
            if not shares.is_composite(survey.projects[path]) and survey.held_out(groups) != held_out:
                continue
            with open(path, "rb") as file:
                entry = pickle.load(file)
            for number, file in enumerate(entry["files"]):
                inner, lang, _, text, sketch = file
                project = shares.component(entry["project"], inner)
                group = shares.group_of(project)
                if survey.held_out(group) != held_out:
                    continue
                size = len(text)
                if caps.full(project, group, lang, size, held_out):
                    drops["over the cap", split] += 1
                elif survey.leaks(path, number):
                    drops["shares ten words with a benchmark", split] += 1
                elif copies.is_copy(sketch):
                    drops["near copy", split] += 1
                else:
                    copies.take(sketch)
                    caps.add(project, group, lang, size, held_out)
                    output.add(entry, group, file, held_out)
    return drops


def vocabulary_sample(folder):
    """What the vocabulary is trained on: whole files at random, equal shares a language."""
    rng = random.Random(1)
    with open(folder / "vocabulary.jsonl", "w") as out:
        for lang in languages.LANGUAGES:
            lines = (folder / f"corpus/{lang}.jsonl").read_text().splitlines(keepends=True)
            rng.shuffle(lines)
            size = 0
            for line in lines:
                if size > VOCABULARY_BYTES:
                    break
                out.write(line)
                size += len(line)


def assemble(work, folder, processes):
    paths = sorted((work / "extracted").glob("*.pickle"), key=lambda p: shares.number_of(p.stem))
    survey = Survey(paths, processes)
    output = Output(folder)
    drops = take_packages(paths, survey, output)
    output.close()
    vocabulary_sample(folder)
    for reason, count in survey.drops.items():
        drops[reason, "all"] += count
    (folder / "drops.json").write_text(json.dumps(
        {f"{reason} ({split})": count for (reason, split), count in sorted(drops.items())}, indent=1) + "\n")
