"""Packages from the npm registry, through `npm pack`. The list names exact versions.

What a package publishes beside its sources is compiled from them: only TypeScript, C#, Lua
and prose are read here; Debian has the JavaScript.
"""

import json
import re
import subprocess

from packages import Package, Reading, project_of, tar_members
import licences

TAKEN = re.compile(r"\.(ts|mts|cts|tsx|cs|lua|md)$")
LICENCE_FILE = re.compile(r"(licen[sc]e|copying)[^/]*$", re.I)


def file_name(spec):
    name, _, version = spec.rpartition("@")
    return f"{name.removeprefix('@').replace('/', '-')}-{version}.tgz"


def fetch(work, names):
    folder = work / "npm"
    folder.mkdir(parents=True, exist_ok=True)
    missing = [name for name in names if not (folder / file_name(name)).exists()]
    for start in range(0, len(missing), 40):
        # One that is gone stops the rest of its call, so what is left is asked for one by one.
        batch = missing[start : start + 40]
        if subprocess.run(["npm", "pack", "--silent", "--ignore-scripts", *batch], cwd=folder,
                          stdout=subprocess.DEVNULL).returncode:
            for name in batch:
                if not (folder / file_name(name)).exists():
                    subprocess.run(["npm", "pack", "--silent", "--ignore-scripts", name], cwd=folder,
                                   stdout=subprocess.DEVNULL)


def found(work):
    for file in sorted((work / "npm").glob("*.tgz")):
        yield Package("npm", file.stem, "", (file,))


def read(work, package):
    meta, texts, members = {}, [], []
    for path, data in tar_members(package.archives[0],
                                  lambda p: p == "package.json" or ("/" not in p and LICENCE_FILE.match(p))):
        if path == "package.json":
            meta = json.loads(data)
        elif "/" not in path and LICENCE_FILE.match(path):
            texts.append(data.decode("utf-8", "replace"))
        elif TAKEN.search(path):
            members.append((path, data))
    declared = meta.get("license") or meta.get("licenses") or ""
    if isinstance(declared, dict):
        declared = declared.get("type", "")
    elif isinstance(declared, list):
        declared = " or ".join(item.get("type", "") if isinstance(item, dict) else str(item) for item in declared)
    if not licences.permissive(declared) or licences.contradicts(declared, texts):
        members = []
    address = meta.get("repository") or ""
    if isinstance(address, dict):
        address = address.get("url", "")
    address = re.sub(r"^(?:github:)?([\w.-]+/[\w.-]+)$", r"github.com/\1", address)
    name = meta.get("name", package.name)
    return Reading(project_of(address, name.split("/")[0].lstrip("@")), members, lambda path: declared,
                   name, meta.get("version", ""))
