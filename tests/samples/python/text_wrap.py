"""Paragraph filling that minimises raggedness over the whole paragraph.

A greedy filler puts as many words as fit on each line and leaves bad gaps behind. Here every
line has a cost, the square of the space left at its end, and dynamic programming finds the
breaks with the least total cost. The last line of a paragraph is free.
"""

from __future__ import annotations

import argparse
import sys
import unicodedata
from dataclasses import dataclass, field
from typing import Iterable, Iterator

INFINITE = float("inf")


def display_width(text: str) -> int:
    """Columns that text takes on a terminal."""
    width = 0
    for char in text:
        if unicodedata.combining(char):
            continue
        width += 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1
    return width


@dataclass(frozen=True)
class Word:
    text: str
    width: int
    ends_sentence: bool = False

    @classmethod
    def of(cls, text: str) -> Word:
        return cls(text, display_width(text), text.endswith((".", "!", "?")))


@dataclass
class Filler:
    """Fills paragraphs to `width` columns."""

    width: int = 72
    indent: str = ""
    overflow_penalty: float = 10_000.0
    cache: dict[str, Word] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.width <= display_width(self.indent):
            raise ValueError(f"width {self.width} leaves no room after the indent")

    def fill(self, text: str) -> str:
        words = [self._word(part) for part in text.split()]
        if not words:
            return ""
        lines = []
        for start, end in self._breaks(words):
            lines.append(self.indent + self._join(words[start:end]))
        return "\n".join(lines)

    def _word(self, text: str) -> Word:
        word = self.cache.get(text)
        if word is None:
            word = self.cache[text] = Word.of(text)
        return word

    @staticmethod
    def _join(words: list[Word]) -> str:
        pieces = [words[0].text]
        for previous, word in zip(words, words[1:]):
            pieces.append("  " if previous.ends_sentence else " ")
            pieces.append(word.text)
        return "".join(pieces)

    def _line_cost(self, used: int, is_last: bool) -> float:
        room = self.width - display_width(self.indent) - used
        if room < 0:
            return self.overflow_penalty * -room
        return 0.0 if is_last else float(room * room)

    def _breaks(self, words: list[Word]) -> list[tuple[int, int]]:
        count = len(words)
        # best[i] is the least cost of setting words[i:], then_break[i] where its line ends.
        best = [INFINITE] * count + [0.0]
        then_break = [count] * (count + 1)
        limit = self.width - display_width(self.indent)

        for start in range(count - 1, -1, -1):
            used = 0
            for end in range(start + 1, count + 1):
                if end - start > 1:
                    used += 2 if words[end - 2].ends_sentence else 1
                used += words[end - 1].width
                cost = self._line_cost(used, is_last=end == count) + best[end]
                if cost < best[start]:
                    best[start] = cost
                    then_break[start] = end
                if used > limit:
                    break

        result = []
        position = 0
        while position < count:
            result.append((position, then_break[position]))
            position = then_break[position]
        return result


def paragraphs(lines: Iterable[str]) -> Iterator[str]:
    """Blocks of lines separated by blank ones."""
    block: list[str] = []
    for line in lines:
        if line.strip():
            block.append(line)
        elif block:
            yield "".join(block)
            block = []
    if block:
        yield "".join(block)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Fill paragraphs evenly.")
    parser.add_argument("files", nargs="*", help="text files, standard input if none")
    parser.add_argument("-w", "--width", type=int, default=72)
    parser.add_argument("-i", "--indent", default="", metavar="TEXT")
    options = parser.parse_args(argv)

    try:
        filler = Filler(width=options.width, indent=options.indent)
    except ValueError as error:
        parser.error(str(error))

    first = True
    for path in options.files or ["-"]:
        try:
            stream = sys.stdin if path == "-" else open(path, encoding="utf-8")
        except OSError as error:
            print(f"{path}: {error.strerror}", file=sys.stderr)
            return 1
        with stream:
            for paragraph in paragraphs(stream):
                if not first:
                    print()
                print(filler.fill(paragraph))
                first = False
    return 0


if __name__ == "__main__":
    sys.exit(main())
