"""Debian binary packages of languages that are installed as source.

Mirrors lack many source archives of Ruby, PHP and Lua packages; the binary package holds the
library's files and its debian/copyright all the same. Paths are those of the installation, so
the paragraphs of the copyright file cannot be matched: only packages whose every paragraph is
permissive are read, and a file's licence is that of the paragraph for everything.
"""

import io
import re
import subprocess
import tarfile

from packages import Package, Reading, project_of
import debian
import languages
import licences
import text

TAKEN = {"ruby", "php", "lua", "bash", "python", "javascript"}
SIZE_LIMIT = 6_000_000
OTHER = re.compile(r"-(dbg|dbgsym|doc|dev|udeb|l10n)$|locale")
INSTALLED = re.compile(
    r"usr/(?:share/rubygems-integration/[^/]+/gems/[^/]+|lib/ruby/vendor_ruby|lib/python3/dist-packages|share/php"
    r"|share/lua/5\.\d|share/nodejs/[^/]+|(?:share|lib)/[^/]+)/(.+)")


def fetch(work, names):
    """Names are binary packages of the first suite, or name=version as a manifest has them."""
    archive = debian.Archive(work)
    folder = work / "debian/binary"
    folder.mkdir(parents=True, exist_ok=True)
    index = {}
    for entries in archive.binaries().values():
        for version, size, address, digest, package in entries:
            index.setdefault(package, (version, size, address, digest))
    files = []
    for spec in names:
        name, _, version = spec.partition("=")
        if name not in index or index[name][1] > SIZE_LIMIT:
            print(f"fetch: debian has no {name} any more", flush=True)
            continue
        if version and index[name][0] != version:
            print(f"fetch: {name} {version} is gone, {index[name][0]} taken", flush=True)
        address, digest = index[name][2:]
        files.append((address, folder / address.rsplit("/", 1)[1], digest))
    archive.download(files)


def found(work):
    for file in sorted((work / "debian/binary").glob("*.deb")):
        name, version, _ = file.name.split("_")
        if not OTHER.search(name):
            yield Package("debian-binary", name, debian.upstream(version.replace("%3a", ":")), (file,))


def read(work, package):
    deb = package.archives[0]
    control = subprocess.run(["dpkg-deb", "-f", deb], capture_output=True, text=True, check=True).stdout
    data = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], capture_output=True, check=True).stdout
    copyright_text, members = "", []
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        for member in tar:
            name = member.name.removeprefix("./")
            if not member.isfile() or member.size > text.MAX_BYTES:
                continue
            if name == f"usr/share/doc/{package.name}/copyright":
                copyright_text = tar.extractfile(member).read().decode("utf-8", "replace")
                continue
            match = INSTALLED.match(name)
            if name.startswith("usr/share/doc/") or not match or not languages.may_be_wanted(match[1]):
                continue
            content = tar.extractfile(member).read()
            if languages.language_of(match[1], content) in TAKEN:
                members.append((match[1], content))
    rules = licences.read_copyright(copyright_text) or []
    if not rules or not all(licences.permissive(licence) for _, licence in rules):
        members = []
    licence = licences.licence_of(rules, "any") or (rules[0][1] if rules else "")
    source = re.search(r"^Source: (\S+)", control, re.M)
    fallback = debian.PREFIX.sub("", source[1] if source else package.name).split("-")[0]
    return Reading(project_of(debian.homepage(control, copyright_text), fallback), members, lambda path: licence)
