"""Go modules, through `go mod download`: whole repositories, so most of the shell scripts too.

A module declares no licence; the text of its licence file says which one it is.
"""

import os
import re
import subprocess
import zipfile

from packages import Package, Reading, project_of
import languages
import licences
import text

LICENCE_FILE = re.compile(r"(licen[sc]e|copying)[^/]*$", re.I)


def fetch(work, names):
    cache = work / "go/mod"
    cache.mkdir(parents=True, exist_ok=True)
    env = dict(os.environ, GOMODCACHE=str(cache), GOFLAGS="-modcacherw")
    for name in names:
        if subprocess.run(["go", "mod", "download", name], cwd=work / "go", env=env, capture_output=True).returncode:
            print(f"fetch: no Go module {name}", flush=True)


def unescaped(path):
    """The module cache writes capitals as an exclamation mark and the small letter."""
    return re.sub(r"!([a-z])", lambda m: m[1].upper(), path)


def found(work):
    cache = work / "go/mod/cache/download"
    for file in sorted(cache.rglob("@v/*.zip")):
        yield Package("go", unescaped(str(file.parent.parent.relative_to(cache))), unescaped(file.stem), (file,))


def read(work, package):
    members, texts = [], []
    with zipfile.ZipFile(package.archives[0]) as archive:
        for info in archive.infolist():
            path = info.filename.partition("@")[2].partition("/")[2]
            if "/" not in path and LICENCE_FILE.match(path):
                texts.append(archive.read(info).decode("utf-8", "replace"))
            elif text.MIN_BYTES <= info.file_size <= text.MAX_BYTES and languages.may_be_wanted(path):
                members.append((path, archive.read(info)))
    licence = licences.of_text(texts[0]) if len(texts) == 1 else ""
    if not licences.permissive(licence):
        members = []
    fallback = "/".join(package.name.split("/")[1:3]) if package.name.count("/") > 1 else package.name.split(".")[0]
    return Reading(project_of(package.name, fallback), members, lambda path: licence)
