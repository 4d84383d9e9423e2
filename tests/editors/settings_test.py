#!/usr/bin/env python3
"""Holds what the VS Code extension says of settings against what the server reads.

    settings_test.py ROOT

Each key of lsp/config.c has to be in package.json, with the same type, bounds and choices, and in the
list that is sent; and each key sent has to be one of the server's.
"""

import json
import re
import sys
from pathlib import Path

TYPES = {"BOOL": "boolean", "INT": "integer", "NUMBER": "number"}


def server_keys(source):
    """name -> (type, minimum, maximum, choices) of the table in config.c."""
    lists = {
        name: re.findall(r'"([^"]*)"', body)
        for name, body in re.findall(r"const char \*const (\w+)\[\] = \{(.*?)NULL\};", source, re.S)
    }
    rows = re.findall(
        r'\{"([\w.]+)", KEY_(\w+), AT\(\w+\), ([-\d.]+), ([-\d.]+), (\w+)\}', source
    )
    return {
        name: (kind, float(low), float(high), lists.get(choices))
        for name, kind, low, high, choices in rows
    }


def complaints(root):
    keys = server_keys((root / "lsp/config.c").read_text())
    extension = root / "editors/vscode"
    package = json.loads((extension / "package.json").read_text())
    properties = package["contributes"]["configuration"]["properties"]
    source = (extension / "src/settings.ts").read_text()
    sent = re.findall(r"'([\w.]+)'", re.search(r"const names = \[(.*?)\];", source, re.S).group(1))
    if not keys:
        yield "no keys found in lsp/config.c"
    for name in sorted(set(keys) - set(sent)):
        yield f"{name}: not sent by the extension"
    for name in sorted(set(sent) - set(keys)):
        yield f"{name}: sent by the extension, not known to the server"
    for name, (kind, low, high, choices) in keys.items():
        schema = properties.get(f"espalier.{name}")
        if schema is None:
            yield f"espalier.{name}: not in package.json"
            continue
        wanted = {"type": [TYPES.get(kind, "string"), "null"], "default": None}
        if kind in ("INT", "NUMBER"):
            wanted.update(minimum=low, maximum=high)
        if choices:
            wanted["enum"] = [*choices, None]
        for field, value in wanted.items():
            if schema.get(field) != value:
                yield f"espalier.{name}: {field} is {schema.get(field)!r}, the server's is {value!r}"


if __name__ == "__main__":
    found = list(complaints(Path(sys.argv[1])))
    print("\n".join(found) or "the extension's settings are the server's")
    sys.exit(1 if found else 0)
