"""Debian source packages, through apt on private folders.

apt verifies the archive's index; the index names every file with its SHA-256, and apt's own
helper downloads files and checks them against it. The mirror and the keyring are those the
machine is configured with, and the system's package state is not touched.

Licences are read file by file from debian/copyright. Mirrors lack some packaging archives; the
binary packages made of the same upstream version carry the same file.
"""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from packages import Package, Reading, open_tar, project_of, tar_members
import licences

SUITES = ("trixie", "sid")  # the first names what is fetched; the second helps with copyright files
HELPER = "/usr/lib/apt/apt-helper"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
ARCHIVE_LIMIT = 300_000_000
BINARY_LIMIT = 3_000_000
PREFIX = re.compile(r"^(?:node|python3?|ruby|haskell|golang(?:-[a-z]+-[a-z]+)?|rust|php|lua|lib)-?(?=[a-z]{2})")


# ---- apt -----------------------------------------------------------------------------------


def configured_mirror():
    """The address of the Debian archive that this machine's apt is set up with."""
    files = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    for file in files:
        if not file.is_file():
            continue
        for line in file.read_text(errors="replace").splitlines():
            m = re.match(r"(?:URIs:|deb(?:-src)?(?:\s+\[[^]]*\])?)\s+(\S+/debian/?)(?:\s|$)", line)
            if m:
                return m[1].rstrip("/")
    raise SystemExit("corpus: no Debian mirror found in the apt configuration")


class Archive:
    """The signed index of the suites, and downloads checked against it."""

    def __init__(self, work):
        self.mirror = configured_mirror()
        apt = work / "apt"
        for sub in ("state/lists/partial", "cache/archives/partial", "etc"):
            (apt / sub).mkdir(parents=True, exist_ok=True)
        (apt / "state/status").touch()
        signed = f" [signed-by={KEYRING}]" if os.path.exists(KEYRING) else ""
        (apt / "etc/sources.list").write_text("".join(
            f"{kind}{signed} {self.mirror} {suite} main\n" for kind in ("deb-src", "deb") for suite in SUITES))
        (apt / "apt.conf").write_text(
            f'Dir::State "{apt}/state";\nDir::State::status "{apt}/state/status";\nDir::Cache "{apt}/cache";\n'
            f'Dir::Etc::sourcelist "{apt}/etc/sources.list";\nDir::Etc::sourceparts "-";\n'
            'Acquire::Check-Valid-Until "false";\nAcquire::Languages "none";\n')
        self.lists = apt / "state/lists"
        self.env = dict(os.environ, APT_CONFIG=str(apt / "apt.conf"))
        subprocess.run(["apt-get", "-qq", "update"], env=self.env, check=True)

    def _paragraphs(self, suite, kind):
        (file,) = self.lists.glob(f"*_dists_{suite}_main_{kind}")
        text = subprocess.run([HELPER, "cat-file", file], env=self.env, check=True, capture_output=True).stdout
        return text.decode("utf-8", "replace").split("\n\n")

    def sources(self):
        """{name: [(version, [(address, file, sha256)])]}, the first suite first."""
        index = {}
        for suite in SUITES:
            for paragraph in self._paragraphs(suite, "source_Sources*"):
                fields = dict(re.findall(r"^(Package|Version|Directory): (\S+)", paragraph, re.M))
                block = re.search(r"^Checksums-Sha256:\s*\n((?: .*\n?)+)", paragraph, re.M)
                if "Package" not in fields or not block:
                    continue
                files = []
                for line in block[1].splitlines():
                    digest, size, name = line.split()
                    if ".tar." in name and not name.endswith(".asc") and int(size) < ARCHIVE_LIMIT:
                        files.append((f"{self.mirror}/{fields['Directory']}/{name}", name, digest))
                index.setdefault(fields["Package"], []).append((fields["Version"], files))
        return index

    def binaries(self):
        """{source name: [(upstream version, size, address, sha256, package)]}"""
        index = {}
        for suite in SUITES:
            for paragraph in self._paragraphs(suite, "binary-*_Packages*"):
                fields = dict(re.findall(r"^(Package|Source|Version|Filename|Size|SHA256): (.*)$", paragraph, re.M))
                if "Package" not in fields:
                    continue
                source, _, version = fields.get("Source", fields["Package"]).partition(" ")
                index.setdefault(source, []).append((
                    upstream(version.strip("()") or fields["Version"]), int(fields["Size"]),
                    f"{self.mirror}/{fields['Filename']}", fields["SHA256"], fields["Package"]))
        return index

    def download(self, files):
        """[(address, target, sha256)]; a file that the mirror lacks does not stop the others."""
        missing = [f for f in files if not f[1].exists()]
        batches = [missing[at : at + 30] for at in range(0, len(missing), 30)]

        def one(batch):
            arguments = [str(x) for address, target, digest in batch for x in (address, target, f"SHA256:{digest}")]
            subprocess.run([HELPER, "-qq", "download-file", *arguments], env=self.env, capture_output=True)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(one, batches))


def upstream(version):
    return version.split(":", 1)[-1].rsplit("-", 1)[0]


def fetch(work, names):
    """Names are packages, or package=version as a manifest has them: the index may hold another
    version by then, which is fetched in its place and said so."""
    archive = Archive(work)
    index = archive.sources()
    folder = work / "debian/src"
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for spec in names:
        name, _, version = spec.partition("=")
        if name not in index:
            print(f"fetch: debian has no {name} any more", flush=True)
            continue
        held = [entry for entry in index[name] if not version or upstream(entry[0]) == version] or index[name]
        if version and upstream(held[0][0]) != version:
            print(f"fetch: {name} {version} is gone, {held[0][0]} taken", flush=True)
        files += [(address, folder / file, digest) for address, file, digest in held[0][1]]
    archive.download(files)
    fetch_copyrights(work, archive)


def fetch_copyrights(work, archive):
    folder, debs = work / "debian/copyright", work / "debian/debs"
    folder.mkdir(parents=True, exist_ok=True)
    debs.mkdir(parents=True, exist_ok=True)
    packaged = {p.name.split("_", 1)[0] for p in (work / "debian/src").glob("*.debian.tar.*")}
    wanted = {}
    for file in (work / "debian/src").glob("*.orig.tar.*"):
        name, version = re.match(r"(.+?)_(.+?)\.orig", file.name).groups()
        if name not in packaged and not (folder / name).exists():
            wanted[name] = version
    binaries = archive.binaries()
    chosen = {}
    for name, version in wanted.items():
        fitting = sorted((size, address, digest, package) for held, size, address, digest, package
                         in binaries.get(name, []) if held == version and size < BINARY_LIMIT)
        if fitting:
            chosen[name] = fitting[0]
    archive.download([(address, debs / f"{name}.deb", digest) for name, (_, address, digest, _) in chosen.items()])
    for name, (_, _, _, package) in chosen.items():
        deb = debs / f"{name}.deb"
        if not deb.exists():
            continue
        tar = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], capture_output=True).stdout
        out = subprocess.run(["tar", "-xO", f"./usr/share/doc/{package}/copyright"], input=tar, capture_output=True)
        if out.returncode == 0:
            (folder / name).write_bytes(out.stdout)
        deb.unlink()


# ---- reading -------------------------------------------------------------------------------


def found(work):
    """What was fetched whole enough: the content, and debian/copyright from somewhere."""
    groups = {}
    for file in sorted((work / "debian/src").glob("*.tar.*")):
        m = re.match(r"([a-z0-9.+-]+)_(.+?)(?:\.orig(?:-[A-Za-z0-9-]+)?|-[^-]+\.debian|)\.tar\.(?:gz|xz|bz2)$", file.name)
        if m:
            groups.setdefault((m[1], m[2]), []).append(file)
    for (name, version), files in sorted(groups.items()):
        packaging = [f for f in files if ".debian.tar." in f.name]
        native = len(files) == 1 and ".orig" not in files[0].name and not packaging
        outside = (work / "debian/copyright" / name).exists()
        if native or (packaging and len(files) > 1) or (outside and not packaging):
            content = [f for f in files if f not in packaging]
            yield Package("debian", name, version, tuple(packaging + content))


def homepage(control, rules_text):
    for text, pattern in ((control, r"^Homepage:\s*(\S+)"), (rules_text, r"^Source:\s*(\S+)"),
                          (rules_text, r"(https?://(?:www\.)?github\.com/\S+)")):
        m = re.search(pattern, text, re.M)
        if m:
            return m[1]
    return ""


def read(work, package):
    control, copyright_text, members = "", "", []
    outside = work / "debian/copyright" / package.name
    if outside.exists():
        copyright_text = outside.read_text(errors="replace")
    rules = None
    for archive in package.archives:
        packaging = ".debian.tar." in archive.name
        if not packaging and copyright_text:
            rules = licences.read_copyright(copyright_text)
            if not rules or not any(licences.permissive(licence) for _, licence in rules):
                break
        if packaging:
            inside = dict(debian_files(archive))
            control = inside.get("debian/control", control)
            copyright_text = inside.get("debian/copyright", copyright_text)
            continue
        component = re.search(r"\.orig-([A-Za-z0-9-]+)\.tar", archive.name)
        if component and component[1].startswith("types"):
            continue
        for path, data in tar_members(archive, lambda p: p in ("debian/copyright", "debian/control")):
            if path == "debian/copyright":
                copyright_text = copyright_text or data.decode("utf-8", "replace")
            elif path == "debian/control":
                control = control or data.decode("utf-8", "replace")
            else:
                members.append((f"{component[1]}/{path}" if component else path, data))
    if rules is None:
        rules = licences.read_copyright(copyright_text) or []
    fallback = PREFIX.sub("", package.name).split("-")[0]
    cache = {}

    def licence(path):
        if path not in cache:
            cache[path] = licences.licence_of(rules, path)
        return cache[path]

    return Reading(project_of(homepage(control, copyright_text), fallback), members if rules else [], licence)


def debian_files(archive):
    """(path, text) of debian/copyright and debian/control in a packaging archive."""
    with open_tar(archive) as tar:
        for member in tar:
            name = member.name.removeprefix("./")
            if name in ("debian/copyright", "debian/control") and member.isfile():
                yield name, tar.extractfile(member).read().decode("utf-8", "replace")
