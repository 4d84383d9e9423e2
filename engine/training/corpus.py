#!/usr/bin/env python3
"""Corpus of permissively licensed code from Debian source packages.

    corpus.py fetch    --work DIR            downloads the packages of packages.txt
    corpus.py extract  --work DIR            reads archives and licences, one pickle a package
    corpus.py assemble --work DIR            deduplicates, splits, writes shards and manifest

The source of truth for licences is each package's machine-readable debian/copyright (DEP-5),
read file by file: the last paragraph of `Files:` patterns that matches wins. What has no
such paragraph, or a licence that is not on the permissive list, is dropped, and so is a
file whose own head names a copyleft licence.

Everything lives under --work; apt runs on private folders there, with the mirror and the
keyring the machine is configured with, and the system's own package state is not touched.
A package is held out as a whole when sha256(its name) mod 50 is 0, and what nearly repeats
a held-out file is dropped from training.
"""

import argparse
import bz2
import gzip
import hashlib
import io
import json
import lzma
import multiprocessing
import os
import pickle
import random
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
LANGUAGES = {
    ".c": "c", ".h": "c", ".py": "python",
    ".js": "javascript", ".mjs": "javascript", ".cjs": "javascript", ".jsx": "javascript",
}
MIN_BYTES, MAX_BYTES = 200, 200_000
PACKAGE_CAP = 900_000  # bytes a language a package; keeps one project from setting the style
HELD_OUT_CAP = 300_000
VOCABULARY_BYTES = 11_000_000
SUITE = "trixie"


def held_out(package):
    return int(hashlib.sha256(package.encode()).hexdigest(), 16) % 50 == 0


def package_names():
    lines = (HERE / "packages.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


# ---- fetch ---------------------------------------------------------------------------------


def configured_mirror():
    """The address of the Debian archive that this machine's apt is set up with."""
    files = [Path("/etc/apt/sources.list")]
    files += sorted(Path("/etc/apt/sources.list.d").glob("*"))
    for file in files:
        if not file.is_file():
            continue
        for line in file.read_text(errors="replace").splitlines():
            m = re.match(r"(?:URIs:|deb(?:-src)?(?:\s+\[[^]]*\])?)\s+(\S+/debian/?)(?:\s|$)", line)
            if m:
                return m.group(1)
    raise SystemExit("corpus: no Debian mirror found in the apt configuration")


def fetch(work):
    apt = work / "apt"
    for sub in ("state/lists/partial", "cache/archives/partial"):
        (apt / sub).mkdir(parents=True, exist_ok=True)
    (apt / "status").touch()
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    signed = f" [signed-by={keyring}]" if os.path.exists(keyring) else ""
    line = f"{signed} {configured_mirror()} {SUITE} main\n"
    (apt / "sources.list").write_text("deb-src" + line + "deb" + line)
    (apt / "apt.conf").write_text(
        f'Dir::State "{apt}/state";\nDir::State::status "{apt}/status";\n'
        f'Dir::Cache "{apt}/cache";\nDir::Etc::sourcelist "{apt}/sources.list";\n'
        'Dir::Etc::sourceparts "-";\nAcquire::Check-Valid-Until "false";\n'
        'Acquire::Languages "none";\n'
    )
    env = dict(os.environ, APT_CONFIG=str(apt / "apt.conf"))
    subprocess.run(["apt-get", "-qq", "update"], env=env, check=True)
    sources = work / "src"
    sources.mkdir(exist_ok=True)
    names = package_names()
    for at in range(0, len(names), 50):
        # One archive that a mirror lacks must not stop the others: the extraction skips
        # packages that are not complete.
        subprocess.run(["apt-get", "-y", "-qq", "source", "--download-only", *names[at : at + 50]],
                       env=env, cwd=sources, check=False)
        print(f"fetch: {min(at + 50, len(names))} of {len(names)} packages", file=sys.stderr)
    fetch_copyrights(work, env)


def fetch_copyrights(work, env):
    """debian/copyright of the packages whose packaging archive the mirror lacks: the binary
    packages made of the same source version carry the same file."""
    folder = work / "copyright"
    folder.mkdir(exist_ok=True)
    wanted = {}
    for file in (work / "src").glob("*.orig*.tar.*"):
        name, version = re.match(r"(.+?)_(.+?)\.orig", file.name).groups()
        if not any((work / "src").glob(f"{name}_*.debian.tar.*")):
            wanted[name] = version
    dump = subprocess.run(["apt-cache", "dumpavail"], env=env, check=True, capture_output=True, text=True)
    best = {}
    for paragraph in dump.stdout.split("\n\n"):
        fields = dict(re.findall(r"^(Package|Source|Version|Size): (.*)$", paragraph, re.M))
        if "Package" not in fields:
            continue
        source, _, version = fields.get("Source", fields["Package"]).partition(" ")
        version = version.strip("()") or fields["Version"]
        upstream = version.split(":", 1)[-1].rsplit("-", 1)[0]
        if wanted.get(source) == upstream and not (folder / source).exists():
            best[source] = min(best.get(source, (1 << 40, "")), (int(fields["Size"]), fields["Package"]))
    binaries = {package: source for source, (size, package) in best.items() if size < 3_000_000}
    debs = work / "debs"
    debs.mkdir(exist_ok=True)
    names = sorted(binaries)
    for at in range(0, len(names), 100):
        subprocess.run(["apt-get", "-qq", "download", *names[at : at + 100]], env=env, cwd=debs, check=False)
    for deb in debs.glob("*.deb"):
        package = deb.name.split("_", 1)[0]
        tar = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], capture_output=True).stdout
        member = f"./usr/share/doc/{package}/copyright"
        out = subprocess.run(["tar", "-xO", member], input=tar, capture_output=True)
        if out.returncode == 0 and package in binaries:
            (folder / binaries[package]).write_bytes(out.stdout)
        deb.unlink()


# ---- licences ------------------------------------------------------------------------------

PERMISSIVE = re.compile(
    r"^(expat|mit|x11|isc|bsd|0bsd|apache-?v?-?2|asl-?2|zlib|libpng|unlicen[sc]e|psf|python"
    r"|cc0|public-domain|pd$|bsl-1|boost|curl|ncsa|postgresql|hpnd|ntp|icu|unicode|wtfpl"
    r"|blueoak|sqlite|tcl|bzip2|beerware|fsfap|mit0|zpl-2|w3c|afl-2)"
)
COPYLEFT = re.compile(r"gpl|mpl|epl|cddl|cc-by|eupl|osl|artistic|proprietary|non-?free|agpl|bsd-4|4-clause|advertising-clause|original-ssleay")
COPYLEFT_HEAD = re.compile(
    rb"GNU (?:Lesser |Library |Affero )?General Public|\bA?L?GPL(?:v?[23]|-|\b)|Mozilla Public License"
    rb"|Eclipse Public License|CDDL|Creative Commons Attribution|All rights reserved\.? *(?:Proprietary|Confidential)"
)


def permissive(expression):
    """A DEP-5 licence expression: `or` needs one permissive side, `and` and commas all."""
    text = expression.strip().lower()
    for clause in re.split(r",\s*(?:and\s+)?|\s+and\s+", text):
        sides = re.split(r"\s+or\s+|\s*\|\s*|/(?=[a-z])", clause.strip())
        if not any(PERMISSIVE.match(s.strip()) and not COPYLEFT.search(s) for s in sides):
            return False
    return bool(text)


def read_copyright(text):
    """[(compiled pattern, licence)] in file order, or None when it is not machine-readable."""
    if "Format:" not in text[:2000] and "Format-Specification:" not in text[:2000]:
        return None
    rules = []
    for paragraph in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")):
        fields, name = {}, None
        for line in paragraph.split("\n"):
            if line.startswith("#"):
                continue
            if line[:1] in " \t" and name:
                fields[name].append(line.strip())
            elif ":" in line:
                name, value = line.split(":", 1)
                name = name.strip().lower()
                fields[name] = [value.strip()]
        if "files" not in fields or "license" not in fields:
            continue
        licence = fields["license"][0]
        for pattern in " ".join(fields["files"]).replace(",", " ").split():
            regex = re.escape(pattern.removeprefix("./")).replace(r"\*", ".*").replace(r"\?", ".")
            rules.append((re.compile(regex + r"\Z", re.S), licence))
    return rules


def licence_of(rules, path):
    for regex, licence in reversed(rules):
        if regex.match(path):
            return licence
    return ""


# ---- files ---------------------------------------------------------------------------------

GENERATED = re.compile(
    rb"do not edit|generated (?:by|from|automatically|file)|automatically generated|auto-?generated"
    rb"|autogenerated|this file was generated|machine generated|@generated|produced by"
    rb"|bison|yacc|flex|ragel|swig|cython|browserify|webpackBootstrap|sourceMappingURL", re.I)
SKIP_PATH = re.compile(
    r"(^|/)(node_modules|third[_-]?party|3rdparty|vendor(ed)?|_vendor|extern(al)?|bundled|dist|build|deps"
    r"|locale|i18n|l10n|debian/patches|\.pc)/|[.-]min\.|\.bundle\.|_pb2(_grpc)?\.py$|\.tab\.[ch]$|lex\.yy|\.umd\.|\.esm\.js$|/moc_|"
    r"versioneer\.py$|(^|/)_version\.py$|unicode.*(data|tables?)|(^|/)(config\.h|configure)")
CPLUSPLUS = re.compile(rb"^\s*(?:class\s+\w+\s*[:{]|template\s*<|namespace\s+\w+|using\s+namespace)|std::", re.M)


def wanted_text(path, data):
    """None when the bytes are not hand-written code in one of the languages."""
    if not MIN_BYTES <= len(data) <= MAX_BYTES or b"\0" in data:
        return None
    head = data[:3000]
    if GENERATED.search(head[:1500]) or COPYLEFT_HEAD.search(head):
        return None
    if path.endswith(".h") and CPLUSPLUS.search(data):
        return None
    lines = data.split(b"\n")
    if max(map(len, lines)) > 400 or len(data) / len(lines) > 90 or len(lines) < 8:
        return None
    # Tables of numbers teach nothing about code.
    table = sum(data.count(c) for c in b"0123456789,")
    if table > 0.22 * len(data):
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def open_tar(path):
    if path.suffix == ".xz":
        raw = lzma.open(path)
    elif path.suffix == ".gz":
        raw = gzip.open(path)
    elif path.suffix == ".bz2":
        raw = bz2.open(path)
    else:
        return None
    return tarfile.open(fileobj=io.BufferedReader(raw, 1 << 20), mode="r|")


def archive_groups(folder):
    """{package: (version, [archives])} of what was fetched. A mirror may lack some archive:
    what is there still counts when the one with debian/copyright is among it (apt has
    checked every file against the signed index)."""
    groups = {}
    for file in sorted(folder.glob("*.tar.*")):
        m = re.match(r"([a-z0-9.+-]+)_(.+?)(?:\.orig(?:-[A-Za-z0-9-]+)?|-[^-]+\.debian|)\.tar\.(?:gz|xz|bz2)$", file.name)
        if m:
            groups.setdefault((m[1], m[2]), []).append(file)
    found = {}
    for (name, version), files in groups.items():
        debian = [f for f in files if ".debian.tar." in f.name]
        native = len(files) == 1 and ".orig" not in files[0].name and not debian
        outside = (folder.parent / "copyright" / name).exists()
        if native or (debian and len(files) > 1) or (outside and not debian):
            found[name] = (version, files)
    return found


def read_package(job):
    """All wanted files of one package, licence by licence; the pickle is the result."""
    name, version, archives, out = job
    if out.exists():
        return
    if sum(a.stat().st_size for a in archives) > 60_000_000:
        return
    candidates, rules = [], None
    outside = out.parent.parent / "copyright" / name
    if outside.exists():
        rules = read_copyright(outside.read_text(errors="replace"))
    try:
        for archive in archives:
            component = re.search(r"\.orig-([A-Za-z0-9-]+)\.tar", archive.name)
            debian = ".debian.tar" in archive.name
            with open_tar(archive) as tar:
                for member in tar:
                    if not member.isfile():
                        continue
                    parts = member.name.removeprefix("./").split("/")
                    path = "/".join(parts if debian else parts[1:])
                    if component:
                        path = component.group(1) + "/" + path
                    if path == "debian/copyright":
                        rules = read_copyright(tar.extractfile(member).read().decode("utf-8", "replace"))
                        continue
                    lang = LANGUAGES.get(os.path.splitext(path)[1].lower())
                    if not lang or member.size > MAX_BYTES or member.size < MIN_BYTES:
                        continue
                    if path.startswith("debian/") or SKIP_PATH.search(path.lower()):
                        continue
                    if component and component.group(1).startswith("types"):
                        continue
                    candidates.append((path, lang, tar.extractfile(member).read()))
    except (tarfile.TarError, lzma.LZMAError, EOFError, OSError, KeyError) as error:
        print(f"extract: {name}: {error}", file=sys.stderr)
        return
    files = []
    if rules:
        for path, lang, data in candidates:
            licence = licence_of(rules, path)
            if not permissive(licence):
                continue
            text = wanted_text(path, data)
            if text is not None:
                files.append((path, lang, licence, text))
    scratch = out.with_suffix(".part")
    with open(scratch, "wb") as f:
        pickle.dump((name, version, files), f)
    os.rename(scratch, out)


def extract(work, processes):
    out = work / "packages"
    out.mkdir(exist_ok=True)
    jobs = []
    wanted = set(package_names())
    for name, (version, archives) in sorted(archive_groups(work / "src").items()):
        if name in wanted:
            jobs.append((name, version, archives, out / f"{name}.pickle"))
    with multiprocessing.Pool(processes) as pool:
        for _ in pool.imap_unordered(read_package, jobs, chunksize=4):
            pass
    print(f"extract: {len(list(out.glob('*.pickle')))} packages of {len(wanted)}", file=sys.stderr)


# ---- assemble ------------------------------------------------------------------------------

ROWS, BANDS = 4, 10


class NearDuplicates:
    """MinHash over the set of a file's lines; says whether a near copy was seen before."""

    def __init__(self):
        rng = np.random.default_rng(1)
        self.a = rng.integers(1, 2**61, ROWS * BANDS, dtype=np.uint64) | np.uint64(1)
        self.b = rng.integers(0, 2**61, ROWS * BANDS, dtype=np.uint64)
        self.exact, self.bands, self.signatures = set(), {}, []

    def seen(self, text):
        lines = {re.sub(r"\s+", " ", line.strip()) for line in text.splitlines()}
        lines = [line for line in lines if len(line) > 8]
        if len(lines) < 4:
            return True
        hashes = np.array([hash(line) & 0xFFFFFFFFFFFFFFFF for line in sorted(lines)], np.uint64)
        exact = hash(tuple(sorted(lines)))
        if exact in self.exact:
            return True
        self.exact.add(exact)
        with np.errstate(over="ignore"):
            mixed = hashes[:, None] * self.a[None] + self.b[None]
            mixed ^= mixed >> np.uint64(29)
        signature = mixed.min(0)
        keys = [(band, signature[band * ROWS : (band + 1) * ROWS].tobytes()) for band in range(BANDS)]
        for key in keys:
            other = self.bands.get(key)
            if other is not None and (self.signatures[other] == signature).mean() >= 0.6:
                return True
        for key in keys:
            self.bands.setdefault(key, len(self.signatures))
        self.signatures.append(signature)
        return False


def assemble(work):
    if os.environ.get("PYTHONHASHSEED") != "0":  # hash() above must not differ between runs
        os.execve(sys.executable, [sys.executable, *sys.argv], dict(os.environ, PYTHONHASHSEED="0"))
    pickles = sorted((work / "packages").glob("*.pickle"))
    # Held-out packages go first: a copy in another package then falls out of training.
    pickles.sort(key=lambda p: (not held_out(p.stem), hashlib.sha256(p.stem.encode()).digest()))
    duplicates, manifest = NearDuplicates(), []
    totals = {}
    shard_dir = work / "corpus"
    shard_dir.mkdir(exist_ok=True)
    shards = {lang: open(shard_dir / f"{lang}.jsonl", "w") for lang in sorted(set(LANGUAGES.values()))}
    for file in pickles:
        with open(file, "rb") as f:
            name, version, files = pickle.load(f)
        out = held_out(name)
        cap = HELD_OUT_CAP if out else PACKAGE_CAP
        used, kept = {}, {}
        files.sort(key=lambda f: hashlib.sha256(f[0].encode()).digest())
        for path, lang, licence, text in files:
            size = len(text.encode())
            if used.get(lang, 0) + size > cap or duplicates.seen(text):
                continue
            used[lang] = used.get(lang, 0) + size
            row = kept.setdefault((lang, licence), [0, 0])
            row[0] += 1
            row[1] += size
            if out:
                target = work / "heldout" / lang / name / path.replace("/", "__")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, newline="")
            else:
                json.dump({"package": name, "path": path, "licence": licence, "text": text}, shards[lang])
                shards[lang].write("\n")
            key = (lang, "held out" if out else "train")
            total = totals.setdefault(key, [0, 0, set()])
            total[0] += 1
            total[1] += size
            total[2].add(name)
        for (lang, licence), (count, size) in sorted(kept.items()):
            split = "held-out" if out else "train"
            manifest.append(f"{name}\t{version}\t{lang}\t{licence}\t{split}\t{count}\t{size}")
    for shard in shards.values():
        shard.close()
    vocabulary_sample(work)
    header = "package\tversion\tlanguage\tlicence\tsplit\tfiles\tbytes\n"
    (work / "manifest.tsv").write_text(header + "\n".join(sorted(manifest)) + "\n")
    for (lang, split), (count, size, names) in sorted(totals.items()):
        print(f"{lang:12} {split:9} {len(names):5} packages {count:7} files {size / 1e6:8.2f} MB")


def vocabulary_sample(work):
    """What the vocabulary is trained on: whole files at random, equal shares a language."""
    rng = random.Random(1)
    with open(work / "vocabulary.jsonl", "w") as out:
        for lang in ("c", "python", "javascript"):
            lines = (work / "corpus" / f"{lang}.jsonl").read_text().splitlines(keepends=True)
            rng.shuffle(lines)
            size = 0
            for line in lines:
                out.write(line)
                size += len(line)
                if size > VOCABULARY_BYTES:
                    break


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("step", choices=("fetch", "extract", "assemble"))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    if args.step == "fetch":
        fetch(args.work)
    elif args.step == "extract":
        extract(args.work, args.processes)
    else:
        assemble(args.work)


if __name__ == "__main__":
    main()
