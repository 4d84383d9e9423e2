#!/usr/bin/env python3
"""Trains the head that judges a model's opinions in reviews (lsp/assist/review/head.h).

    head.py --train ROWS... --held ROWS... --model NAME --out FILE.review

ROWS are what `espalier eval slips` writes: functions as they are, and with one slip in them, each as the
evidence for its likeliest slips. Training files must not be of held-out packages. The held-out ones are
cut in two by package: on the first half the thresholds are chosen, on the second one everything is
reported, once:

    located   of the functions with a slip, those where the head speaks up at the slip's place
    repaired  ... and names what stood there before

at the score at which it speaks up in 1 % and in 0.1 % of the functions without one, beside the same of
the least likely token of a function (surprisal) and of the largest likelihood ratio of a slip, both
without a head.

The head points at one slip of a function or at none: a softmax over the slips' scores and a 0.
"""

import argparse
import re
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))
import gguf  # noqa: E402

CLASSES = ["name", "copy", "operator", "comparison", "literal", "arguments", "condition"]
JOINT, OWN = 0, 2  # columns of the evidence
EVIDENCE = 12
HEAD = 8  # function, language, package, injected class, class, repair, near, slips
DEFINITIONS = Path(__file__).resolve().parents[2] / "grammars/languages.def"
LANGUAGES = re.findall(r"^LANGUAGE\((\w+)", DEFINITIONS.read_text(), re.M)


class Readings:
    """What was read of functions: rows of candidates, and where each reading's begin and end."""

    def __init__(self, paths, keep=lambda package: True):
        self.head, self.evidence, self.span, self.first = [], [], [], []
        base = 0
        for path in paths:
            rows = np.fromfile(path, np.float32)
            rows = rows[:len(rows) // (HEAD + EVIDENCE) * (HEAD + EVIDENCE)].reshape(-1, HEAD + EVIDENCE)
            starts = np.flatnonzero(rows[:, 4] < 0)
            for start, end in zip(starts, [*starts[1:], len(rows)]):
                if not keep(int(rows[start, 2])):
                    continue
                self.first.append(rows[start])
                self.head.append(rows[start + 1:end, :HEAD])
                self.evidence.append(rows[start + 1:end, HEAD:])
                self.span.append((base, base + end - start - 1))
                base += end - start - 1
        if not self.first:
            sys.exit("head.py: no readings in " + ", ".join(map(str, paths)))
        self.first = np.array(self.first)
        self.head, self.evidence = np.concatenate(self.head), np.concatenate(self.evidence)
        self.wrong = self.first[:, 3] >= 0

    def inputs(self):
        """float32 [candidates, inputs]"""
        n = len(self.head)
        one = np.zeros((n, len(CLASSES) + len(LANGUAGES)), np.float32)
        one[np.arange(n), self.head[:, 4].astype(int)] = 1
        one[np.arange(n), len(CLASSES) + self.head[:, 1].astype(int)] = 1
        return np.concatenate([self.evidence, one, np.log1p(self.head[:, 7:8]) / 3], 1).astype(np.float32)

    def targets(self):
        """Of each reading the candidate that is the repair, -1 for none, -2 when it was not looked at."""
        out = []
        for (start, end), wrong in zip(self.span, self.wrong):
            repairs = np.flatnonzero(self.head[start:end, 5] == 1)
            out.append(int(repairs[0]) if len(repairs) else -2 if wrong else -1)
        return np.array(out)


class Head(torch.nn.Module):
    def __init__(self, inputs, units, dropout):
        super().__init__()
        self.hidden = torch.nn.Linear(inputs, units)
        self.score = torch.nn.Linear(units, 1)
        self.dropout = torch.nn.Dropout(dropout)
        torch.nn.init.constant_(self.score.bias, -3)

    def forward(self, x):
        return self.score(self.dropout(torch.relu(self.hidden(x))))[:, 0]


def train(readings, args):
    torch.manual_seed(args.seed)
    draw = np.random.default_rng(args.seed)
    x, targets = torch.tensor(readings.inputs()), readings.targets()
    mean, deviation = x.mean(0), x.std(0)
    plain = deviation < 1e-3
    mean[EVIDENCE:-1], deviation[EVIDENCE:-1] = 0, 1
    mean[plain], deviation[plain] = 0, 1
    x = (x - mean) / deviation
    head = Head(x.shape[1], args.units, args.dropout)
    optimizer = torch.optim.AdamW(head.parameters(), args.rate, weight_decay=args.decay)
    usable = np.flatnonzero((targets != -2) & ([end > start for start, end in readings.span]))
    head.train()
    for step in range(args.steps):
        for group in optimizer.param_groups:
            group["lr"] = args.rate * min(1, (step + 1) / 50) * (1 - step / args.steps)
        batch = draw.choice(usable, args.batch)
        spans = [readings.span[i] for i in batch]
        rows = np.concatenate([np.arange(*span) for span in spans])
        sizes = [end - start for start, end in spans]
        owner = torch.tensor(np.repeat(np.arange(len(batch)), sizes))
        scores = head(x[rows])
        total = torch.ones(len(batch)).scatter_add(0, owner, torch.exp(scores.clamp(max=40)))
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        right = [offsets[k] + targets[i] for k, i in enumerate(batch) if targets[i] >= 0]
        loss = (torch.log(total).sum() - scores[right].sum()) / len(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 500 == 0:
            print(f"step {step}: loss {loss.item():.4f}", file=sys.stderr)
    head.eval()
    with torch.no_grad():  # on inputs as they come
        weight = head.hidden.weight / deviation
        bias = head.hidden.bias - weight @ mean
    return {"hidden.weight": weight.numpy(), "hidden.bias": bias.numpy(),
            "score.weight": head.score.weight.detach().numpy()[0], "bias": head.score.bias.item()}


def scores_of(head, readings):
    hidden = np.maximum(readings.inputs() @ head["hidden.weight"].T + head["hidden.bias"], 0)
    return hidden @ head["score.weight"] + head["bias"]


def best(readings, scores):
    """Of each reading: the best score, whether it is near the slip, whether it repairs it; [n, 3]"""
    out = np.zeros((len(readings.span), 3))
    for i, (start, end) in enumerate(readings.span):
        out[i, 0] = -99
        if end > start:
            k = start + int(np.argmax(scores[start:end]))
            out[i] = scores[k], readings.head[k, 6], readings.head[k, 5]
    return out


def threshold(values, share):
    """Above it lies that share of the values."""
    values = np.sort(values)[::-1]
    return values[min(len(values) - 1, int(share * len(values)))]


def report(readings, contestants):
    wrong = readings.wrong
    kind, language = readings.first[:, 3].astype(int), readings.first[:, 1].astype(int)
    print(f"{(~wrong).sum()} functions as they are, {wrong.sum()} with a slip, "
          f"{len(set(readings.first[:, 2]))} packages")
    for share in (0.01, 0.001):
        print(f"\n| at {100 * share:g} % of right functions | located | repaired | "
              + " | ".join(name for c, name in enumerate(CLASSES) if (kind[wrong] == c).any()) + " |")
        print("|---|---|---|" + "---|" * sum((kind[wrong] == c).any() for c in range(len(CLASSES))))
        for name, results in contestants.items():
            hit = results[:, 0] > threshold(results[~wrong, 0], share)
            located, repaired = hit & (results[:, 1] > 0), hit & (results[:, 2] > 0)
            cells = [located[wrong], repaired[wrong]]
            cells += [located[wrong & (kind == c)] for c in range(len(CLASSES)) if (kind[wrong] == c).any()]
            print(f"| {name} | " + " | ".join(f"{100 * cell.mean():.1f} %" for cell in cells) + " |")
    name, results = next(iter(contestants.items()))
    hit = (results[:, 0] > threshold(results[~wrong, 0], 0.01)) & (results[:, 1] > 0)
    print(f"\n{name}, located at 1 %, by language: "
          + ", ".join(f"{LANGUAGES[k]} {100 * hit[wrong & (language == k)].mean():.0f} %"
                      f" of {(wrong & (language == k)).sum()}" for k in range(len(LANGUAGES))
                      if (wrong & (language == k)).any()))
    print("of each class: " + ", ".join(f"{name} {(kind[wrong] == c).sum()}" for c, name in enumerate(CLASSES)))


def save(head, thresholds, args):
    writer = gguf.Writer()
    writer.string("general.architecture", "espalier-review")
    writer.string("general.name", Path(args.out).stem)
    writer.string("espalier.review.model", args.model)
    writer.strings("espalier.review.classes", CLASSES)
    writer.strings("espalier.review.languages", LANGUAGES)
    writer.f32("espalier.review.bias", head["bias"])
    writer.f32("espalier.review.hint", thresholds[0])
    writer.f32("espalier.review.information", thresholds[1])
    for name in ("hidden.weight", "hidden.bias", "score.weight"):
        writer.tensor(name, head[name].astype(np.float32))
    writer.save(args.out)


def half(package):
    return package * 2654435761 >> 8 & 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", nargs="+", type=Path, required=True)
    parser.add_argument("--held", nargs="+", type=Path, required=True)
    parser.add_argument("--model", required=True, help="general.name of the model")
    parser.add_argument("--out", required=True)
    parser.add_argument("--units", type=int, default=64)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--decay", type=float, default=0.1)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hint", type=float, default=0.01, help="share of right functions that get a hint")
    parser.add_argument("--information", type=float, default=0.001, help="... an information")
    args = parser.parse_args()
    readings = Readings(args.train)
    print(f"{len(readings.first)} readings to train on", file=sys.stderr)
    head = train(readings, args)
    tuned = Readings(args.held, lambda package: half(package) == 0)
    values = best(tuned, scores_of(head, tuned))[~tuned.wrong, 0]
    save(head, [threshold(values, args.hint), threshold(values, args.information)], args)
    reported = Readings(args.held, lambda package: half(package) == 1)
    surprisal = np.stack([-reported.first[:, HEAD + OWN], reported.first[:, 6], 0 * reported.first[:, 6]], 1)
    report(reported, {"head": best(reported, scores_of(head, reported)),
                      "likelihood": best(reported, reported.evidence[:, JOINT]),
                      "surprisal": surprisal})


if __name__ == "__main__":
    main()
