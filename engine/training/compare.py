#!/usr/bin/env python3
"""Two runs on the same held-out holes: bits per byte of the middles and the difference.

    compare.py A/heldout.json B/heldout.json

The interval is a paired bootstrap over packages: files of one package are not independent,
so whole packages are drawn, and with them both models' results on their holes.
"""

import json
import math
import sys

import numpy as np

DRAWS = 10_000


def by_package(results):
    table = {}
    for r in results:
        row = table.setdefault((r["language"], r["package"]), np.zeros(5))
        row += (r["middle_nats"] / math.log(2), r["bytes"], 1, r["text_nats"], r["text_tokens"])
    return table


def interval(a, b, numerator, denominator, rng):
    """Mean difference of a - b and its 95 % interval; a, b [packages, 5]."""
    pick = rng.integers(0, len(a), (DRAWS, len(a)))
    rate = lambda t: t[pick, numerator].sum(1) / t[pick, denominator].sum(1)
    low, high = np.quantile(rate(a) - rate(b), (0.025, 0.975))
    total = lambda t: t[:, numerator].sum() / t[:, denominator].sum()
    return total(a), total(b), total(a) - total(b), low, high


def main():
    first, second = (by_package(json.load(open(path))) for path in sys.argv[1:3])
    if first.keys() != second.keys():
        raise SystemExit("compare: the two files are not of the same holes")
    languages = sorted({language for language, _ in first})
    print("| | holes | packages | A | B | A − B | 95 % interval |\n|---|---|---|---|---|---|---|")
    for title, numerator, denominator in (("bits/byte of middle", 0, 1), ("nats/token of text", 3, 4)):
        for language in [*languages, "all"]:
            keys = [k for k in sorted(first) if language in ("all", k[0])]
            a, b = (np.array([t[k] for k in keys]) for t in (first, second))
            x, y, d, low, high = interval(a, b, numerator, denominator, np.random.default_rng(1))
            print(f"| {title}, {language} | {int(a[:, 2].sum())} | {len(keys)} | {x:.4f} | {y:.4f} | "
                  f"{d:+.4f} | {low:+.4f} … {high:+.4f} |")


if __name__ == "__main__":
    main()
