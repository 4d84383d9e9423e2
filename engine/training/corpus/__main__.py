"""The training corpus: permissively licensed code and the prose beside it, from package archives.

    python3 engine/training/corpus all      --work DIR       every step below but the last
    python3 engine/training/corpus fetch    --work DIR       downloads what the lists name
    python3 engine/training/corpus extract  --work DIR       reads archives and licences, file by file
    python3 engine/training/corpus assemble --work DIR       splits, drops copies and leaks, writes the corpus
    python3 engine/training/corpus report   --work DIR       the tables about it
    python3 engine/training/corpus benchmarks FILE...        makes benchmarks.bin from benchmark files

`--from manifest.tsv` fetches the versions of a manifest instead of those that the lists name, and
says in the end what came out otherwise: mirrors drop old versions, and the next one is taken then.
Steps keep what is there: a run that was cut off goes on. Everything lives under DIR; addresses
of mirrors are those that apt, mvn, npm and cargo are configured with.
"""

import argparse
import sys
from pathlib import Path

import assemble
import benchmarks
import extract
import report

HERE = Path(__file__).resolve().parent


def listed(source):
    lines = (HERE / f"{source}.txt").read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def of_manifest(path):
    """The names that each source's fetch takes, with the manifest's versions."""
    names = {source: {} for source in extract.SOURCES}
    for row in report.rows_of(path):
        joint = {"debian": "=", "debian-binary": "=", "maven": ":"}.get(row["source"], "@")
        names[row["source"]][f"{row['package']}{joint}{row['version']}"] = None
    return {source: list(specs) for source, specs in names.items()}


def fetch(work, manifest):
    names = of_manifest(manifest) if manifest else {source: listed(source) for source in extract.SOURCES}
    for source, module in extract.SOURCES.items():
        print(f"fetch: {len(names[source])} from {source}", file=sys.stderr, flush=True)
        module.fetch(work, names[source])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("all", "fetch", "extract", "assemble", "report", "benchmarks"))
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--out", type=Path, help="where the corpus goes (default: the work folder)")
    parser.add_argument("--from", dest="manifest", type=Path)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    if args.step == "benchmarks":
        known = benchmarks.Benchmarks.of_texts(benchmarks.texts_of(args.files))
        known.write(assemble.BENCHMARKS)
        print(f"{len(known.long_runs)} runs of ten words in {assemble.BENCHMARKS.name}")
        return
    if not args.work:
        parser.error("--work is needed")
    work = args.work.resolve()
    folder = (args.out or work).resolve()
    work.mkdir(parents=True, exist_ok=True)
    if args.step in ("all", "fetch"):
        fetch(work, args.manifest)
    if args.step in ("all", "extract"):
        extract.extract(work, args.processes)
    if args.step in ("all", "assemble"):
        assemble.assemble(work, folder, args.processes)
    if args.step in ("all", "assemble", "report"):
        print(report.report(folder), end="")
        if args.manifest:
            print("\n".join(report.differences(args.manifest, folder / "manifest.tsv")), file=sys.stderr)


if __name__ == "__main__":
    main()
