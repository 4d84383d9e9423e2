"""Reads every fetched package once: what is wanted of it, cleaned, hashed and sketched.

One pickle a package under extracted/, made whole or not at all, so that a run that was cut off
goes on. Packages are independent here; what they have in common is assemble's matter.
"""

import multiprocessing
import os
import pickle
import sys
import zlib
from collections import Counter

import crates
import debian
import debian_binary
import go_modules
import languages
import licences
import maven
import near_copies
import npm
import packages
import privacy
import shares
import text

SOURCES = {"debian": debian, "debian-binary": debian_binary, "maven": maven, "npm": npm, "crates": crates,
           "go": go_modules}
SURPLUS = 1.4  # read beyond the cap: near copies fall out later


def target(work, package):
    return work / "extracted" / f"{package.source}__{package.name.replace(':', '__').replace('/', '-')}__{package.version}.pickle"


def wanted_files(reading, drops):
    """[(path, language, licence, text, sketch)] up to the caps."""
    used, files = Counter(), []
    order = sorted(reading.members, key=lambda member: zlib.crc32(member[0].encode()))
    for path, data in order:
        lang = languages.language_of(path, data)
        if lang is None:
            drops["path"] += 1
            continue
        key = (shares.component(reading.project, path), lang)
        if used[key] > SURPLUS * shares.cap(lang):
            drops["over the cap"] += 1
            continue
        licence = reading.licence(path)
        if not licences.permissive(licence):
            drops["licence"] += 1
            continue
        content = text.wanted_prose(data) if lang == "text" else text.wanted_code(lang, data)
        if content is None:
            drops["not hand-written, or copyleft head"] += 1
            continue
        if privacy.has_secret(content):
            drops["secret"] += 1
            continue
        content = privacy.without_addresses(content)
        sketched = near_copies.sketch(content)
        if sketched is None:
            drops["too few lines"] += 1
            continue
        used[key] += len(content)
        files.append((path, lang, licence, content, sketched))
    return files


def read_package(job):
    work, package = job
    out = target(work, package)
    drops = Counter()
    try:
        reading = SOURCES[package.source].read(work, package)
        files = wanted_files(reading, drops)
    except Exception as error:  # a broken archive costs its package, not the run
        print(f"extract: {package.name}: {type(error).__name__}: {error}", file=sys.stderr)
        return
    entry = {
        "source": package.source, "package": reading.name or package.name,
        "version": reading.version or package.version, "project": reading.project,
        "sha256": packages.file_sha256(package.archives[-1]) if files else "", "files": files, "drops": drops,
    }
    scratch = out.with_suffix(".part")
    scratch.write_bytes(pickle.dumps(entry, protocol=5))
    os.rename(scratch, out)


def extract(work, processes, sources=SOURCES):
    (work / "extracted").mkdir(exist_ok=True)
    jobs = []
    for source in sources:
        jobs += [(work, package) for package in SOURCES[source].found(work) if not target(work, package).exists()]
    jobs.sort(key=lambda job: shares.number_of(job[1].name))  # a run that is cut off has seen a fair sample
    with multiprocessing.Pool(processes) as pool:
        for number, _ in enumerate(pool.imap_unordered(read_package, jobs, chunksize=2), 1):
            if number % 200 == 0:
                print(f"extract: {number} of {len(jobs)} packages", file=sys.stderr, flush=True)
