"""One rule for all sources: only permissive licences.

An expression (DEP-5 of debian/copyright, SPDX of a registry, names from a POM) is permissive
when of every "or" one side is and of every "and" all sides are. A package whose licence file
is a copyleft text, and a file whose own head names one, are out whatever is declared.
"""

import re

PERMISSIVE = re.compile(
    r"^(expat|mit|x11|isc|bsd|0bsd|apache-?v?-?2|asl-?2|zlib|libpng|unlicen[sc]e(?!d)|psf|python"
    r"|cc0|public-domain|pd$|bsl-1|boost|curl|ncsa|postgresql|hpnd|ntp|icu|unicode|wtfpl|ms-pl"
    r"|blueoak|sqlite|tcl|bzip2|beerware|fsfap|mit0|zpl-2|w3c|afl-2|php-3|ruby$|upl-1|bouncycastle)")
COPYLEFT = re.compile(
    r"gpl|mpl|epl|cddl|cc-by|eupl|osl|artistic|proprietary|non-?free|agpl|bsd-4|4-clause|sspl|busl"
    r"|advertising-clause|original-ssleay|unknown|see license|-nc\b|-nd\b|commons-clause")
COPYLEFT_HEAD = re.compile(
    rb"GNU (?:Lesser |Library |Affero )?General Public|\bA?L?GPL(?:v?[23]|-|\b)|Mozilla Public License"
    rb"|Eclipse Public License|\bCDDL\b|Creative Commons Attribution|Business Source License|Elastic License"
    rb"|Server Side Public License|Commons Clause|All rights reserved\.? *(?:Proprietary|Confidential)")
COPYLEFT_TEXT = re.compile(
    r"GNU\s+(?:LESSER\s+|LIBRARY\s+|AFFERO\s+)?GENERAL\s+PUBLIC\s+LICENSE|Mozilla\s+Public\s+License"
    r"|Eclipse\s+Public\s+License|Business\s+Source\s+License|Server\s+Side\s+Public\s+License"
    r"|Elastic\s+License|Commons\s+Clause|Attribution-NonCommercial|EUROPEAN\s+UNION\s+PUBLIC", re.I)
# Names that POMs give to licences, most telling word first.
NAMES = [
    (r"gpl|gnu|lgpl|affero", "GPL"), (r"mozilla|mpl", "MPL"), (r"eclipse|\bepl|\bedl", "EPL"),
    (r"cddl|development and distribution", "CDDL"), (r"apache|asl|\bal2", "Apache-2.0"),
    (r"bsd.?2|simplified bsd|2.clause", "BSD-2-Clause"), (r"bsd|edl", "BSD-3-Clause"),
    (r"\bmit\b|mit license|expat", "MIT"), (r"\bisc\b", "ISC"), (r"\bcc0|public domain", "CC0-1.0"),
    (r"unlicense", "Unlicense"), (r"universal permissive|\bupl", "UPL-1.0"), (r"bouncy", "BouncyCastle"),
    (r"boost", "BSL-1.0"), (r"zlib", "Zlib"), (r"postgresql", "PostgreSQL"),
]


def permissive(expression):
    text = re.sub(r"[()]", " ", expression.strip().lower())
    for clause in re.split(r",\s*(?:and\s+)?|\s+and\s+", text):
        sides = re.split(r"\s+or\s+|\s*\|\s*|/(?=[a-z])", clause.strip())
        if not any(PERMISSIVE.match(s.strip()) and not COPYLEFT.search(s) for s in sides):
            return False
    return bool(text.strip())


def from_names(names):
    """An expression of a POM's licence names: who takes the artefact chooses among them."""
    found = []
    for name in names:
        lower = name.lower()
        found.append(next((spdx for pattern, spdx in NAMES if re.search(pattern, lower)), "unknown"))
    return " or ".join(dict.fromkeys(found))


def of_text(text):
    """The licence that a licence file is the text of, where it is one of the common permissive ones."""
    flat = " ".join(text.split())[:20_000]
    if COPYLEFT_TEXT.search(flat):
        return ""
    for words, spdx in (("Apache License Version 2.0", "Apache-2.0"),
                        ("Permission is hereby granted, free of charge, to any person obtaining a copy", "MIT"),
                        ("Permission to use, copy, modify, and/or distribute this software for any purpose", "ISC"),
                        ("Neither the name of", "BSD-3-Clause"), ("Redistribution and use in source and binary forms", "BSD-2-Clause")):
        if words in flat:
            return spdx
    return ""


def contradicts(expression, licence_texts):
    """Whether a licence file is a copyleft text that the declared expression does not offer as
    one choice of several."""
    if re.search(r"\bor\b|/", expression.lower()):
        return False
    return any(COPYLEFT_TEXT.search(text[:3000]) for text in licence_texts)


def read_copyright(text):
    """[(compiled pattern, licence)] of a debian/copyright in file order, or None when it is not
    machine-readable."""
    if "Format:" not in text[:2000] and "Format-Specification:" not in text[:2000]:
        return None
    rules = []
    for paragraph in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")):
        fields, name = {}, None
        for line in paragraph.split("\n"):
            if line.startswith("#"):
                continue
            if line[:1] in " \t" and name:
                fields[name].append(line.strip())
            elif ":" in line:
                name, value = line.split(":", 1)
                name = name.strip().lower()
                fields[name] = [value.strip()]
        if "files" not in fields or "license" not in fields:
            continue
        licence = fields["license"][0]
        for pattern in " ".join(fields["files"]).replace(",", " ").split():
            regex = re.escape(pattern.removeprefix("./")).replace(r"\*", ".*").replace(r"\?", ".")
            rules.append((re.compile(regex + r"\Z", re.S), licence))
    return rules


def licence_of(rules, path):
    """The last paragraph that matches a path wins."""
    for regex, licence in reversed(rules):
        if regex.match(path):
            return licence
    return ""
