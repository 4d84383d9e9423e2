#!/usr/bin/env python3
"""Runs against a baseline on the same held-out holes.

    compare.py BASE RUN...

Each argument is a run's folder, or several with commas between: the same variant with other seeds.
The nats of a hole are then their mean over the seeds, and the spread of the seeds' totals is shown.
Intervals are paired bootstraps over packages: files of one package are not independent, so whole
packages are drawn, and with them all runs' results on their holes. They say nothing of the luck
of a single seed.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np

DRAWS = 10_000
CLASSES = ("whitespace", "identifier", "keyword", "literal", "operator", "comment")
BITS = 1 / math.log(2)


class Variant:
    """Per-hole results of one variant, averaged over its seeds."""

    def __init__(self, argument):
        folders = [Path(folder) for folder in argument.split(",")]
        self.name = folders[0].name.rsplit(".", 1)[0]
        self.seeds = [json.loads((folder / "heldout.json").read_text()) for folder in folders]
        self.logs = [[json.loads(line) for line in open(folder / "log.jsonl")] for folder in folders]
        self.keys = [(r["language"], r["package"], r["file"], tuple(r["hole"])) for r in self.seeds[0]]
        self.language = np.array([key[0] for key in self.keys])
        self.package = np.unique([f"{key[0]}/{key[1]}" for key in self.keys], return_inverse=True)[1]

    def values(self, key):
        """[holes] or [holes, classes], the mean over seeds."""
        return np.mean([[r[key] for r in seed] for seed in self.seeds], 0)

    def bits(self):
        """Of each seed: bits a byte of middle over all holes."""
        return [sum(r["middle_nats"] for r in seed) * BITS / sum(r["bytes"] for r in seed) for seed in self.seeds]

    def last(self, key):
        return [next(row[key] for row in reversed(log) if key in row) for log in self.logs][0]

    def rate(self):
        """Tokens a second; the median of the log's lines, for the machine is not ours alone."""
        return float(np.median([row["rate"] for log in self.logs for row in log if "rate" in row]))


def drawn(package, values, pick):
    """Sums over drawn packages: values [holes] to [DRAWS]."""
    return np.bincount(package, values, package.max() + 1)[pick].sum(1)


def difference(run, base, numerator, denominator, mask, scale=1.0):
    """Ratio of sums of run, its difference to base and the interval of that; mask picks holes."""
    package = np.unique(run.package[mask], return_inverse=True)[1]
    rng = np.random.default_rng(1)
    pick = rng.integers(0, package.max() + 1, (DRAWS, package.max() + 1))
    rates, draws = [], []
    for variant in (run, base):
        n, d = (values[mask] * s for values, s in ((numerator(variant), scale), (denominator(variant), 1)))
        rates.append(n.sum() / max(d.sum(), 1e-9))
        draws.append(drawn(package, n, pick) / np.maximum(drawn(package, d, pick), 1e-9))
    low, high = np.quantile(draws[0] - draws[1], (0.025, 0.975))
    return rates[0], rates[0] - rates[1], low, high


def cell(run, base, numerator, denominator, mask, scale=1.0, form="{:.4f}", signed="{:+.4f}"):
    rate, by, low, high = difference(run, base, numerator, denominator, mask, scale)
    if run is base:
        return form.format(rate)
    return f"{form.format(rate)} ({signed.format(by)} [{signed.format(low)}, {signed.format(high)}])"


def one(variant):
    return np.ones(len(variant.keys))


def overall(variants, base):
    everything = np.ones(len(base.keys), bool)
    print("| variant | seeds | tokens | parameters | pairs attended | tokens/s | bits/byte of middle | seeds' spread "
          "| nats/token of text | exact match, % |\n|---|---|---|---|---|---|---|---|---|---|")
    for v in variants:
        bits = v.bits()
        spread = f"{min(bits):.4f} … {max(bits):.4f}" if len(bits) > 1 else "–"
        print(f"| {v.name} | {len(bits)} | {v.last('tokens') / 1e6:.2f} M | {v.logs[0][0]['parameters'] / 1e6:.2f} M "
              f"| {100 * v.last('attended'):.0f} % | {v.rate():.0f} | "
              + " | ".join((
                  cell(v, base, lambda x: x.values("middle_nats"), lambda x: x.values("bytes"), everything, BITS),
                  spread,
                  cell(v, base, lambda x: x.values("text_nats"), lambda x: x.values("text_tokens"), everything),
                  cell(v, base, lambda x: x.values("exact"), one, everything, 100, "{:.1f}", "{:+.1f}"))) + " |")


def by_class(variants, base, prefix, title):
    everything = np.ones(len(base.keys), bool)
    print(f"\nBits a byte of {title}, by class of token:\n\n| variant | " + " | ".join(CLASSES) + " |\n"
          + "|---" * (len(CLASSES) + 1) + "|")
    for v in variants:
        cells = [cell(v, base, lambda x: x.values(prefix + "class_nats")[:, k],
                      lambda x: x.values(prefix + "class_bytes")[:, k], everything, BITS, "{:.3f}", "{:+.3f}")
                 for k in range(len(CLASSES))]
        print(f"| {v.name} | " + " | ".join(cells) + " |")


def by_language(variants, base):
    languages = list(dict.fromkeys(base.language))
    print("\nBits a byte of middle, by language:\n\n| language | holes | packages | "
          + " | ".join(v.name for v in variants) + " |\n" + "|---" * (len(variants) + 3) + "|")
    for language in languages:
        mask = base.language == language
        packages = len(np.unique(base.package[mask]))
        cells = [cell(v, base, lambda x: x.values("middle_nats"), lambda x: x.values("bytes"), mask, BITS, "{:.3f}", "{:+.3f}")
                 for v in variants]
        print(f"| {language} | {mask.sum()} | {packages} | " + " | ".join(cells) + " |")


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    variants = [Variant(argument) for argument in sys.argv[1:]]
    base = variants[0]
    for v in variants:
        if v.keys != base.keys:
            raise SystemExit(f"compare: {v.name} was not measured on the holes of {base.name}")
    packages, holes = len(np.unique(base.package)), len(base.keys)
    print(f"{holes} holes, {packages} packages; differences to {base.name}\n")
    overall(variants, base)
    by_class(variants, base, "", "middle")
    by_class(variants, base, "text_", "text before the hole")
    by_language(variants, base)


if __name__ == "__main__":
    main()
