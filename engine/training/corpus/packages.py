"""What every kind of source gives: packages with archives, and a reading of one package.

A `Package` names archives on disk. A `Reading` is what a source makes of it: the project it
belongs to, its members and the licence of each path. `extract.py` needs no more.
"""

import bz2
import gzip
import hashlib
import io
import lzma
import re
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import languages
import text


@dataclass(frozen=True)
class Package:
    source: str  # a key of extract.SOURCES
    name: str
    version: str
    archives: tuple  # paths; the last one holds the content


@dataclass
class Reading:
    project: str  # "owner/name" of its repository where that is known
    members: list  # [(path, bytes)]
    licence: Callable[[str], str]  # of a path; "" when unknown
    name: str = ""  # where the archive's own description names the package better than its file name does
    version: str = ""


# A forge's address has the owner and the name of a repository.
FORGE = re.compile(r"(?:github\.com|gitlab\.[a-z.]+|bitbucket\.org|codeberg\.org|salsa\.debian\.org|git\.sr\.ht)[/:]~?"
                   r"([\w.-]+)/([\w.-]+)", re.I)


def project_of(address, fallback):
    match = FORGE.search(address or "")
    if not match:
        return fallback.lower()
    return f"{match[1]}/{match[2].removesuffix('.git')}".lower()


def file_sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_tar(path):
    openers = {".xz": lzma.open, ".gz": gzip.open, ".bz2": bz2.open, ".tgz": gzip.open, ".crate": gzip.open}
    raw = openers[Path(path).suffix](path)
    return tarfile.open(fileobj=io.BufferedReader(raw, 1 << 20), mode="r|")


def tar_members(path, also=lambda name: False):
    """[(path without the leading folder, bytes)] of the members that may be wanted. Trees whose
    members have no leading folder in common are not made by the tools read here."""
    with open_tar(path) as tar:
        for member in tar:
            if not member.isfile() or member.size > text.MAX_BYTES:
                continue
            inner = member.name.removeprefix("./").partition("/")[2]
            if also(inner) or (member.size >= text.MIN_BYTES and languages.may_be_wanted(inner)):
                yield inner, tar.extractfile(member).read()


def zip_members(path):
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.is_dir() and text.MIN_BYTES <= info.file_size <= text.MAX_BYTES \
                    and languages.may_be_wanted(info.filename):
                yield info.filename, archive.read(info)
