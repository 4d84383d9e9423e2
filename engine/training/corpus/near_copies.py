"""Near copies: files that share most of their lines.

A sketch of a file is made where it is read, by any process: the hashes of its distinct lines,
and keys by which files that share many of them meet. The keys are one-permutation MinHash:
hashes fall into BINS by their remainder, the least of each bin is kept, an empty bin borrows
from the next one, and ROWS bins make one of BANDS keys. Two files with 60 % of their lines in
common share a key 98 times of 100; those that do are then compared line by line, so keys
decide only who is compared, never who is dropped.

Hashes are CRC-32: fast from Python and the same in every process.
"""

from array import array
from zlib import crc32

ROWS, BANDS = 3, 16
BINS = ROWS * BANDS
SIMILAR = 0.6
COMPARED = 8  # files compared at a key; keys of boilerplate lines gather many that differ
MIN_LINES = 4
MASK = 0xFFFFFFFF


def sketch(text):
    """(hashes, keys), two arrays, or None for a file with too few lines to say anything."""
    lines = {" ".join(line.split()) for line in text.split("\n")}
    hashes = array("I", sorted({crc32(line.encode()) for line in lines if len(line) > 8}))
    if len(hashes) < MIN_LINES:
        return None
    least = [None] * BINS
    for value in hashes:
        mixed = (value * 0x9E3779B1) & MASK
        place = mixed % BINS
        rest = mixed // BINS
        if least[place] is None or rest < least[place]:
            least[place] = rest
    for place in range(BINS):
        if least[place] is None:
            step = 1
            while least[(place + step) % BINS] is None or least[(place + step) % BINS] < 0:
                step += 1
            # Negative marks a borrowed value, which is not lent again; the distance is part of it.
            least[place] = -1 - (least[(place + step) % BINS] * BINS + step)
    keys = array("Q")
    for band in range(BANDS):
        rows = array("q", least[band * ROWS : (band + 1) * ROWS])
        keys.append(crc32(rows.tobytes(), band) << 8 | band)
    return hashes, keys


class NearCopies:
    """Remembers the files that were taken and says of a further one whether it nearly repeats one."""

    def __init__(self):
        self._files = []
        self._at_key = {}

    def is_copy(self, sketched):
        hashes, keys = sketched
        lines, compared = set(hashes), set()
        for key in keys:
            for number in self._at_key.get(key, ()):
                if number in compared:
                    continue
                compared.add(number)
                other = self._files[number]
                if min(len(other), len(lines)) < SIMILAR * max(len(other), len(lines)):
                    continue
                shared = len(lines.intersection(other))
                if shared >= SIMILAR * (len(lines) + len(other) - shared):
                    return True
        return False

    def take(self, sketched):
        hashes, keys = sketched
        for key in keys:
            known = self._at_key.setdefault(key, [])
            if len(known) < COMPARED:
                known.append(len(self._files))
        self._files.append(hashes)
