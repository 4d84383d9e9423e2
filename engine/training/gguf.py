"""Reading and writing GGUF v3 files with numpy alone.

    writer = Writer()
    writer.string("general.architecture", "espalier")
    writer.tensor("token_embd.weight", array, "Q8_0")
    writer.save(path)

    keys, tensors = read(path)         # tensors: name -> Tensor; Tensor.array() is float32

Arrays are handed over as numpy has them, last axis contiguous; the file lists dimensions the
other way round, the contiguous one first. Saving goes through a temporary file and a rename.
"""

import os
import struct
from dataclasses import dataclass

import numpy as np

ALIGNMENT = 32
Q_BLOCK = 32  # values that share a scale
DIVISORS = (-8, -8.6, -8.2, -7.2)  # of a block's extreme value in Q4_0; the first alone has a tenth more error

TYPES = {"F32": 0, "F16": 1, "Q4_0": 2, "Q8_0": 8, "BF16": 30}
TYPE_NAMES = {number: name for name, number in TYPES.items()}
BLOCKS = {"F32": (1, 4), "F16": (1, 2), "Q4_0": (Q_BLOCK, 18), "Q8_0": (Q_BLOCK, 34),
          "BF16": (1, 2)}

STRING, ARRAY = 8, 9
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?",
           10: "<Q", 11: "<q", 12: "<d"}
U32, I32, F32, BOOL, U64 = 4, 5, 6, 7, 10


def rounded_half(values, xp):
    return xp.asarray(xp.asarray(values, dtype=xp.float16), dtype=xp.float32)


def grid(blocks, kind, xp=np):
    """What Q8_0 or Q4_0 holds of n blocks, float32 [32, n]: scales [1, n], which a half float
    holds, and whole numbers [32, n], both as float32.

    Q8_0: the largest magnitude becomes 127. Q4_0: the value of the largest magnitude becomes about
    -8 of -8 to 7; of the scales that DIVISORS name the one with the least squared error is taken.
    Rounding is against the scale as it is stored, so that its own rounding is made up for where
    it can be.

    xp is numpy, or torch with blocks a tensor: training rounds by the same lines (quantize.py),
    and as they are elementwise, sums included, both give the same bits.
    """
    lowest, highest = xp.amin(blocks, axis=0, keepdims=True), xp.amax(blocks, axis=0, keepdims=True)
    if kind == "Q8_0":
        scale = rounded_half(xp.maximum(-lowest, highest) / 127, xp)
        ratio = blocks / (scale + (scale == 0))
        return scale, (xp.sign(ratio) * xp.floor(abs(ratio) + 0.5)).clip(-127, 127) + 0.0  # no -0
    if kind != "Q4_0":
        raise ValueError(f"no grid for {kind}")
    extreme = xp.where(-lowest > highest, lowest, highest)
    scale = least = None
    for divisor in DIVISORS:
        other = rounded_half(extreme / divisor, xp)
        error = nearest(blocks, other, xp) * other - blocks
        error = error * error
        for half in (16, 8, 4, 2, 1):
            error = error[:half] + error[half:]
        if scale is None:
            scale, least = other, error
        better = error < least
        scale, least = xp.where(better, other, scale), xp.where(better, error, least)
    return scale, nearest(blocks, scale, xp) + 0.0


def nearest(blocks, scale, xp):
    return xp.round(blocks / (scale + (scale == 0))).clip(-8, 7)


def quantize(values, kind):
    """float array [..., n], n a multiple of 32 -> uint8 [..., n / 32 * bytes of a block]."""
    values = np.ascontiguousarray(values, dtype=np.float32)
    if values.shape[-1] % Q_BLOCK:
        raise ValueError(f"{kind} needs rows of a multiple of {Q_BLOCK}, not {values.shape[-1]}")
    scale, q = grid(np.ascontiguousarray(values.reshape(-1, Q_BLOCK).T), kind)
    if kind == "Q8_0":
        q = q.astype(np.int8).view(np.uint8)
    else:
        q = (q + 8).astype(np.uint8)
        q = q[:16] | q[16:] << 4
    packed = np.concatenate([scale.T.astype("<f2").view(np.uint8), q.T], axis=1)
    return packed.reshape(*values.shape[:-1], -1)


def dequantize(raw, kind, shape):
    blocks = np.frombuffer(raw, dtype=np.uint8).reshape(-1, BLOCKS[kind][1])
    scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
    q = blocks[:, 2:]
    q = q.view(np.int8) if kind == "Q8_0" else np.concatenate([q & 15, q >> 4], axis=1).astype(np.int8) - 8
    return (scale * q.astype(np.float32)).reshape(shape)


def to_bf16(values):
    """Rounds to the nearest bfloat16, ties to even; returns the bits as uint16."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def encode(values, kind):
    if kind == "F32":
        return np.ascontiguousarray(values, dtype="<f4").tobytes()
    if kind == "F16":
        return np.ascontiguousarray(values).astype("<f2").tobytes()
    if kind == "BF16":
        return to_bf16(values).tobytes()
    if kind in ("Q8_0", "Q4_0"):
        return quantize(values, kind).tobytes()
    raise ValueError(f"tensor type {kind}, expected one of {', '.join(TYPES)}")


def _string(text):
    raw = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(raw)) + raw


class Writer:
    def __init__(self):
        self._keys = {}
        self._tensors = {}

    def _put(self, name, kind, payload):
        if name in self._keys:
            raise ValueError(f"key {name} put twice")
        self._keys[name] = _string(name) + struct.pack("<I", kind) + payload

    def u32(self, name, value):
        self._put(name, U32, struct.pack("<I", value))

    def u64(self, name, value):
        self._put(name, U64, struct.pack("<Q", value))

    def f32(self, name, value):
        self._put(name, F32, struct.pack("<f", value))

    def bool(self, name, value):
        self._put(name, BOOL, struct.pack("<?", value))

    def string(self, name, value):
        self._put(name, STRING, _string(value))

    def _array(self, name, element, count, payload):
        self._put(name, ARRAY, struct.pack("<IQ", element, count) + payload)

    def strings(self, name, values):
        self._array(name, STRING, len(values), b"".join(_string(v) for v in values))

    def i32s(self, name, values):
        self._array(name, I32, len(values), np.asarray(values, dtype="<i4").tobytes())

    def f32s(self, name, values):
        self._array(name, F32, len(values), np.asarray(values, dtype="<f4").tobytes())

    def tensor(self, name, values, kind="F32"):
        """values is kept by reference until save; it is converted to kind then."""
        values = np.asarray(values)
        if name in self._tensors:
            raise ValueError(f"tensor {name} put twice")
        if not 1 <= values.ndim <= 4 or values.size == 0 or values.shape[-1] % BLOCKS[kind][0]:
            raise ValueError(f"tensor {name} of shape {values.shape} does not fit {kind}")
        self._tensors[name] = (values, kind)

    def _header(self):
        out = [struct.pack("<4sIQQ", b"GGUF", 3, len(self._tensors), len(self._keys))]
        out += self._keys.values()
        offset = 0
        for name, (values, kind) in self._tensors.items():
            dims = values.shape[::-1]
            out.append(_string(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims,
                                                   TYPES[kind], offset))
            per, size = BLOCKS[kind]
            offset += _aligned(values.size // per * size)
        header = b"".join(out)
        return header + bytes(_aligned(len(header)) - len(header))

    def save(self, path):
        temporary = f"{path}.{os.getpid()}.tmp"
        try:
            with open(temporary, "wb") as file:
                file.write(self._header())
                for values, kind in self._tensors.values():
                    raw = encode(values, kind)
                    file.write(raw + bytes(_aligned(len(raw)) - len(raw)))
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            if os.path.exists(temporary):
                os.unlink(temporary)
            raise


def _aligned(n, alignment=ALIGNMENT):
    return (n + alignment - 1) // alignment * alignment


@dataclass
class Tensor:
    kind: str
    shape: tuple  # as numpy has it: the contiguous axis last
    raw: memoryview

    def array(self):
        if self.kind == "F32":
            return np.frombuffer(self.raw, dtype="<f4").reshape(self.shape)
        if self.kind == "F16":
            return np.frombuffer(self.raw, dtype="<f2").reshape(self.shape).astype(np.float32)
        if self.kind == "BF16":
            bits = np.frombuffer(self.raw, dtype="<u2").astype(np.uint32) << 16
            return bits.view(np.float32).reshape(self.shape)
        return dequantize(self.raw, self.kind, self.shape)


class _Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if n > len(self.data) - self.at:
            raise ValueError("GGUF file is truncated")
        self.at += n
        return self.data[self.at - n:self.at]

    def unpack(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def string(self):
        return bytes(self.take(self.unpack("<Q"))).decode("utf-8", "surrogateescape")

    def value(self, kind):
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            element, count = self.unpack("<I"), self.unpack("<Q")
            if element in SCALARS:
                form = np.dtype(SCALARS[element])
                return np.frombuffer(self.take(count * form.itemsize), dtype=form).tolist()
            return [self.value(element) for _ in range(count)]
        return self.unpack(SCALARS[kind])


def read(path):
    """All keys as Python values, and the tensors of the types above."""
    with open(path, "rb") as file:
        cursor = _Cursor(memoryview(file.read()))
    if bytes(cursor.take(4)) != b"GGUF" or cursor.unpack("<I") != 3:
        raise ValueError(f"{path}: not a GGUF v3 file")
    n_tensors, n_keys = cursor.unpack("<Q"), cursor.unpack("<Q")
    keys, described, tensors = {}, [], {}
    for _ in range(n_keys):
        name = cursor.string()
        keys[name] = cursor.value(cursor.unpack("<I"))
    for _ in range(n_tensors):
        name = cursor.string()
        dims = [cursor.unpack("<Q") for _ in range(cursor.unpack("<I"))]
        described.append((name, tuple(dims[::-1]), cursor.unpack("<I"), cursor.unpack("<Q")))
    start = _aligned(cursor.at, keys.get("general.alignment", ALIGNMENT))
    for name, shape, kind, offset in described:
        if kind not in TYPE_NAMES:
            raise ValueError(f"{path}: tensor {name} has type {kind}, expected one of {TYPES}")
        per, size = BLOCKS[TYPE_NAMES[kind]]
        cursor.at = start + offset
        raw = cursor.take(int(np.prod(shape)) // per * size)
        tensors[name] = Tensor(TYPE_NAMES[kind], shape, raw)
    return keys, tensors
