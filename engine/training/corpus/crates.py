"""Crates, through `cargo fetch`: the list is a workspace's lock, name and exact version a line."""

import re
import subprocess
import tomllib

from packages import Package, Reading, project_of, tar_members
import licences

# Bindings and tables made by tools, too large to be worth the look at each file.
MADE = re.compile(r"(-sys|_data)$|^(windows|winapi|libc|linux-raw-sys|web-sys|js-sys|aws-sdk|encoding-index|icu_|objc2-)")
LICENCE_FILE = re.compile(r"(licen[sc]e|copying)[^/]*$", re.I)


def fetch(work, names):
    """cargo resolves one version a compatible range in a manifest, so a crate that is listed in
    two such versions is asked for under two names; foreign platforms' crates come along."""
    folder = work / "crates/project"
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "src/lib.rs").touch()
    home = {"CARGO_HOME": str(work / "crates/home")}
    import os
    for start in range(0, len(names), 150):
        lines = ['[package]\nname = "corpus"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]']
        for number, spec in enumerate(names[start : start + 150]):
            name, _, version = spec.rpartition("@")
            lines.append(f'c{number} = {{ package = "{name}", version = "={version}", default-features = false }}')
        (folder / "Cargo.toml").write_text("\n".join(lines) + "\n")
        (folder / "Cargo.lock").unlink(missing_ok=True)
        subprocess.run(["cargo", "fetch", "--quiet"], cwd=folder, env=dict(os.environ, **home), check=False)


def found(work):
    for file in sorted((work / "crates/home/registry/cache").glob("*/*.crate")):
        name, version = re.match(r"(.+?)-(\d[\w.+-]*)$", file.stem).groups()
        if not MADE.search(name):
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
