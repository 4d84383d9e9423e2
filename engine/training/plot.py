#!/usr/bin/env python3
"""Curves of runs as a PNG: loss in training and held-out bits per byte, against tokens.

    plot.py OUT.png RUN...

Reads log.jsonl of each run's folder; a run that is going on may be drawn.
"""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402


def series(rows, key):
    points = [(row["tokens"] / 1e6, row[key]) for row in rows if key in row]
    return zip(*points) if points else ((), ())


def main():
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    out, folders = sys.argv[1], [Path(folder) for folder in sys.argv[2:]]
    figure, axes = pyplot.subplots(1, 3, figsize=(15, 4.5))
    titles = (("loss", "loss in training, nats (middles weigh more)"),
              ("middle_bits_per_byte", "held-out middles, bits per byte"),
              ("text_nats", "held-out text, nats per token"))
    for folder in folders:
        rows = [json.loads(line) for line in open(folder / "log.jsonl")]
        for axis, (key, title) in zip(axes, titles):
            x, y = series(rows, key)
            axis.plot(x, y, label=folder.name, marker="." if key != "loss" else None, linewidth=1)
            axis.set_title(title)
            axis.set_xlabel("million tokens")
            axis.grid(alpha=0.3)
            axis.set_xscale("log")
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(out, dpi=100)


if __name__ == "__main__":
    main()
