"""Crates, through `cargo fetch`. The list names exact versions."""

import os
import re
import subprocess
import tomllib

from packages import Package, Reading, project_of, tar_members
import licences

# Bindings and tables made by tools, too large to be worth the look at each file.
MADE = re.compile(r"(-sys|_data)$|^(windows|winapi|libc|linux-raw-sys|web-sys|js-sys|aws-sdk|encoding-index|icu_|objc2-)")
LICENCE_FILE = re.compile(r"(licen[sc]e|copying)[^/]*$", re.I)


def fetch(work, names):
    """Names are name@version. cargo has no command for one archive: a project that depends on
    exact versions is fetched, and what these depend on comes along unread. A batch whose
    versions exclude each other is halved until they do not."""
    folder = work / "crates"
    (folder / "project/src").mkdir(parents=True, exist_ok=True)
    (folder / "project/src/lib.rs").touch()
    (folder / "names.txt").write_text("\n".join(names) + "\n")
    env = dict(os.environ, CARGO_HOME=str(folder / "home"))
    cached = {file.stem for file in (folder / "home/registry/cache").glob("*/*.crate")}
    missing = [name for name in names if name.replace("@", "-") not in cached]

    def batch(specs):
        lines = ['[package]\nname = "corpus"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]']
        for number, spec in enumerate(specs):
            name, _, version = spec.rpartition("@")
            lines.append(f'c{number} = {{ package = "{name}", version = "={version}", default-features = false }}')
        (folder / "project/Cargo.toml").write_text("\n".join(lines) + "\n")
        (folder / "project/Cargo.lock").unlink(missing_ok=True)
        failed = subprocess.run(["cargo", "fetch", "--quiet"], cwd=folder / "project", env=env, capture_output=True).returncode
        if failed and len(specs) == 1:
            print(f"fetch: no crate {specs[0]}", flush=True)
        elif failed:
            batch(specs[: len(specs) // 2])
            batch(specs[len(specs) // 2 :])

    for start in range(0, len(missing), 32):
        batch(missing[start : start + 32])


def found(work):
    listed = work / "crates/names.txt"
    names = set(listed.read_text().split()) if listed.exists() else None
    for file in sorted((work / "crates/home/registry/cache").glob("*/*.crate")):
        name, version = re.match(r"(.+?)-(\d[\w.+-]*)$", file.stem).groups()
        if not MADE.search(name) and (names is None or f"{name}@{version}" in names):
            yield Package("crates", name, version, (file,))


def read(work, package):
    meta, texts, members = {}, [], []
    for path, data in tar_members(package.archives[0],
                                  lambda p: p == "Cargo.toml" or ("/" not in p and LICENCE_FILE.match(p))):
        if path == "Cargo.toml":
            meta = tomllib.loads(data.decode("utf-8", "replace")).get("package", {})
        elif "/" not in path and LICENCE_FILE.match(path):
            texts.append(data.decode("utf-8", "replace"))
        elif path.endswith((".rs", ".md")):
            members.append((path, data))
    declared = str(meta.get("license") or "")
    if not licences.permissive(declared) or licences.contradicts(declared, texts):
        members = []
    return Reading(project_of(str(meta.get("repository") or meta.get("homepage") or ""), package.name.split("-")[0]),
                   members, lambda path: declared)
