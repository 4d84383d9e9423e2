"""Source archives from a Maven repository, through mvn and its own settings.

The list names exact coordinates. One reactor with a module an artefact lets mvn fetch them in
parallel and go on past those that are missing. Licences come from the POM and its parents.
"""

import re
import subprocess
import xml.etree.ElementTree as ElementTree

from packages import Package, Reading, project_of, zip_members
import licences

COORDINATES = re.compile(r"[\w.-]+:[\w.-]+:[\w.-]+\Z")
BATCH = 300
MODULE = """<project><modelVersion>4.0.0</modelVersion><groupId>corpus</groupId><artifactId>{module}</artifactId>
<version>1</version><packaging>pom</packaging><build><plugins><plugin><groupId>org.apache.maven.plugins</groupId>
<artifactId>maven-dependency-plugin</artifactId><executions><execution><id>copy</id><phase>validate</phase><goals>
<goal>copy</goal></goals><configuration><artifactItems><artifactItem><groupId>{group}</groupId>
<artifactId>{artifact}</artifactId><version>{version}</version>{kind}<destFileName>{file}</destFileName></artifactItem>
</artifactItems><outputDirectory>{folder}</outputDirectory></configuration></execution></executions></plugin></plugins>
</build></project>"""
SOURCES = "<type>java-source</type><classifier>sources</classifier>"
POM = "<type>pom</type>"


def stem(coordinates):
    return coordinates.replace(":", "__")


def copy(scratch, coordinates, folder, kind, suffix):
    """Lets mvn put artefacts into a folder; what is there already is not asked for again."""
    missing = [c for c in coordinates if COORDINATES.match(c) and not (folder / (stem(c) + suffix)).exists()]
    for start in range(0, len(missing), BATCH):
        reactor = scratch / f"reactor{suffix}{start}"
        modules = []
        for number, name in enumerate(missing[start : start + BATCH]):
            group, artifact, version = name.split(":")
            module = f"m{number}"
            modules.append(module)
            (reactor / module).mkdir(parents=True, exist_ok=True)
            (reactor / module / "pom.xml").write_text(MODULE.format(
                module=module, group=group, artifact=artifact, version=version, kind=kind,
                file=stem(name) + suffix, folder=folder))
        (reactor / "pom.xml").write_text(
            "<project><modelVersion>4.0.0</modelVersion><groupId>corpus</groupId><artifactId>all</artifactId>"
            "<version>1</version><packaging>pom</packaging><modules>"
            + "".join(f"<module>{module}</module>" for module in modules) + "</modules></project>")
        subprocess.run(["mvn", "-B", "-q", "-T", "4", "-fae", "-f", reactor / "pom.xml", "validate"],
                       check=False, stdout=subprocess.DEVNULL)


class Poms:
    """Licence names and repository of an artefact, looked up along its parents."""

    def __init__(self, folder):
        self.folder = folder

    def _read(self, coordinates):
        try:
            root = ElementTree.parse(self.folder / (stem(coordinates) + ".pom")).getroot()
        except (OSError, ElementTree.ParseError):
            return None
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        return root

    def chain(self, coordinates):
        for _ in range(8):
            root = self._read(coordinates)
            if root is None:
                return
            yield root
            parent = root.find("parent")
            if parent is None:
                return
            coordinates = ":".join((parent.findtext(tag) or "").strip() for tag in ("groupId", "artifactId", "version"))

    def missing_parent(self, coordinates):
        """The parent that has to be fetched before the licence is known, or None."""
        last = None
        for last in self.chain(coordinates):
            if last.find("licenses/license") is not None and last.find("scm/url") is not None:
                return None
        parent = last.find("parent") if last is not None else None
        if parent is None:
            return None
        return ":".join((parent.findtext(tag) or "").strip() for tag in ("groupId", "artifactId", "version"))

    def licence(self, coordinates):
        for root in self.chain(coordinates):
            names = [(item.findtext("name") or "") + " " + (item.findtext("url") or "")
                     for item in root.iterfind("licenses/license")]
            if names:
                return licences.from_names(names)
        return ""

    def address(self, coordinates):
        for root in self.chain(coordinates):
            for tag in ("scm/url", "scm/connection", "url"):
                address = root.findtext(tag) or ""
                if project_of(address, "") and "${" not in address:
                    return address
        return ""


def fetch(work, names):
    archives, poms, scratch = work / "maven/archives", work / "maven/poms", work / "maven/reactors"
    for folder in (archives, poms, scratch):
        folder.mkdir(parents=True, exist_ok=True)
    copy(scratch, names, archives, SOURCES, ".jar")
    wanted = [name for name in names if (archives / (stem(name) + ".jar")).exists()]
    reader = Poms(poms)
    for _ in range(4):
        copy(scratch, wanted, poms, POM, ".pom")
        wanted += sorted({parent for name in wanted if (parent := reader.missing_parent(name))} - set(wanted))


def found(work):
    for file in sorted((work / "maven/archives").glob("*.jar")):
        group, artifact, version = file.stem.split("__")
        yield Package("maven", f"{group}:{artifact}", version, (file,))


def read(work, package):
    poms = Poms(work / "maven/poms")
    coordinates = f"{package.name}:{package.version}"
    licence = poms.licence(coordinates)
    members = []
    if licences.permissive(licence):
        members = [(path, data) for path, data in zip_members(package.archives[0])]
    project = project_of(poms.address(coordinates), package.name.split(":")[0])
    return Reading(project, members, lambda path: licence)
