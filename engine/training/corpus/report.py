"""The tables about a corpus: bytes and tokens by language and by licence, and what was dropped."""

import csv
import json
import re
from collections import Counter, defaultdict

import languages

# Bytes a token of a vocabulary of 16 k, measured on 250 kB a language: turns bytes into an estimate of tokens.
BYTES_A_TOKEN = {"c": 2.9, "cpp": 3.1, "csharp": 3.8, "java": 3.3, "kotlin": 3.5, "scala": 3.35, "javascript": 2.85,
                 "typescript": 3.1, "tsx": 3.2, "python": 3.1, "go": 2.7, "rust": 3.0, "ruby": 3.2, "php": 3.2,
                 "bash": 2.7, "lua": 2.8, "haskell": 3.15, "text": 3.3}


def family(licence):
    """Licence names in a few families; Debian's, SPDX's and POMs' spellings differ."""
    lower = licence.lower()
    for pattern, name in ((r"apache.*\bor\b|\bor\b.*apache|mit/apache|apache.*/", "MIT or Apache-2.0 and other choices"),
                          (r"\bor\b|/", "other choices"), (r"apache|asl", "Apache-2.0"), (r"^(expat|mit|x11)", "MIT"),
                          (r"^bsd|^0bsd", "BSD"), (r"^isc", "ISC"), (r"^(zlib|libpng)", "zlib"), (r"^(bsl|boost)", "BSL-1.0"),
                          (r"^(psf|python)", "PSF"), (r"^(cc0|public|unlicense|pd)", "public domain, CC0, Unlicense")):
        if re.search(pattern, lower):
            return name
    return "other permissive"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def rows_of(manifest):
    with open(manifest, newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def differences(wanted, made):
    """What a corpus made again lacks of, or has otherwise than, the manifest it was made from."""
    def archives(manifest):
        table = {}
        for row in rows_of(manifest):
            if row["sha256"]:
                table[row["source"], row["package"]] = (row["version"], row["sha256"])
        return table

    before, after = archives(wanted), archives(made)
    lines = [f"missing: {source} {package} {before[source, package][0]}" for source, package in sorted(before.keys() - after.keys())]
    for key in sorted(before.keys() & after.keys()):
        if before[key] != after[key]:
            lines.append(f"differs: {key[0]} {key[1]} {before[key][0]}, now {after[key][0]}")
    return lines


def report(folder):
    train, held, licences = defaultdict(Counter), defaultdict(Counter), Counter()
    projects = defaultdict(lambda: defaultdict(set))
    sources = defaultdict(Counter)
    for row in rows_of(folder / "manifest.tsv"):
        side = train if row["split"] == "train" else held
        side[row["language"]]["files"] += int(row["files"])
        side[row["language"]]["bytes"] += int(row["bytes"])
        projects[row["split"]][row["language"]].add((row["source"], row["package"]))
        if row["split"] == "train":
            licences[family(row["licence"])] += int(row["bytes"])
            sources[row["source"]][row["language"]] += int(row["bytes"])
    total = sum(counter["bytes"] for counter in train.values())

    def megabytes(size):
        return f"{size / 1e6:.1f}"

    def tokens(languages_counted):
        return sum(train[lang]["bytes"] / BYTES_A_TOKEN[lang] for lang in languages_counted) / 1e6

    rows = []
    for lang in languages.LANGUAGES:
        groups = len([d for d in (folder / "heldout" / lang).glob("*") if d.is_dir()])
        rows.append((lang, len(projects["train"][lang]), train[lang]["files"], megabytes(train[lang]["bytes"]),
                     f"{tokens([lang]):.1f}", f"{100 * train[lang]['bytes'] / max(1, total):.1f} %",
                     groups, held[lang]["files"], megabytes(held[lang]["bytes"])))
    rows.append(("all", len(set().union(*projects["train"].values())), sum(c["files"] for c in train.values()), megabytes(total),
                 f"{tokens(languages.LANGUAGES):.0f}", "", "", sum(c["files"] for c in held.values()),
                 megabytes(sum(c["bytes"] for c in held.values()))))
    parts = [table(("language", "packages", "files", "MB", "M tokens", "share", "held-out projects", "files", "MB"), rows)]
    parts.append(table(("licence", "MB", "share"), [(name, megabytes(size), f"{100 * size / total:.1f} %")
                                                     for name, size in licences.most_common()]))
    parts.append(table(("source", "MB"), [(name, megabytes(sum(c.values()))) for name, c in sorted(sources.items())]))
    drops = json.loads((folder / "drops.json").read_text())
    parts.append(table(("files dropped, by reason", "files"), sorted(drops.items(), key=lambda item: -item[1])))
    text = "\n\n".join(parts) + "\n"
    (folder / "report.md").write_text(text)
    return text
