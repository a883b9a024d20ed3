"""The header of a GGUF file: what is in it, read without loading it.

The format is GGUF 2 and 3: magic, version, counts, then typed keys and values, then a table of tensors. Nothing in the
file is believed: each length is held against the file's own size and a limit before anything is read.
"""

from __future__ import annotations

import math
import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from felix.errors import ServerError

_MOST_KEYS = 100_000
_MOST_TENSORS = 1_000_000
_LONGEST_KEY = 65_536
_LONGEST_TEXT = 16 * 2**20
"""A chat template has some ten thousand characters."""
_MOST_ITEMS = 16 * 2**20
"""Of an array; the largest vocabularies have a quarter of a million."""
_LONGEST_KEPT = 4_096
"""Items of an array of numbers that are kept, not skipped: one for each layer is the most that is asked for."""

_BLOCK = 2**20
"""Read at once."""

_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _ARRAY = 8, 9

# Bytes of a block, and weights in it, by ggml's number for the type.
_BLOCKS = {
    0: (4, 1), 1: (2, 1), 2: (18, 32), 3: (20, 32), 6: (22, 32), 7: (24, 32), 8: (34, 32), 10: (84, 256),
    11: (110, 256), 12: (144, 256), 13: (176, 256), 14: (210, 256), 15: (292, 256), 16: (66, 256), 17: (74, 256),
    18: (98, 256), 19: (50, 256), 20: (18, 32), 21: (110, 256), 22: (82, 256), 23: (136, 256), 24: (1, 1), 25: (2, 1),
    26: (4, 1), 27: (8, 1), 28: (8, 1), 29: (56, 256), 30: (2, 1), 34: (54, 256), 35: (66, 256), 39: (17, 32),
}  # fmt: skip

_QUANTIZATIONS = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
    13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS",
    21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
    29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
}  # fmt: skip

_PART = re.compile(r"-(\d{5})-of-(\d{5})$")

Value = int | float | bool | str | tuple[int | float | bool, ...]


@dataclass(frozen=True, slots=True)
class Header:
    """What a user and the child process need to know of a file."""

    name: str
    """As its makers call it, else the file's name."""
    architecture: str
    quantization: str
    size_bytes: int
    """Of all parts of a file in several."""
    parameters: int
    """Weights; 0 for a file in several parts, whose first one does not tell."""
    train_context: int
    """Tokens it was trained with; 0 when it does not say."""
    cache_bytes_per_token: int
    """What one token of context takes in memory, at two bytes a number; 0 when it cannot be told."""
    chat_template: str


class _BadHeader(Exception):
    """Says what is wrong, as the end of a sentence about the file."""


def read_header(path: Path) -> Header:
    """Read it; one that was read before and has not changed since is remembered.

    Raises ServerError for what cannot be a model that loads: in one sentence, with the file's name.
    """
    try:
        if path.exists() and not path.is_file():
            raise _refusal(f"{path} is no file – choose a .gguf file.")
        path.stat()  # what is not there is told as that
        return _unchanged(path, tuple(map(_state, parts_of(path))))
    except FileNotFoundError:
        raise _refusal(f"There is no file {path} – choose the model file again.") from None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "not a file name"
        raise _refusal(f"{path} could not be read ({reason}) – look at its rights, or choose another file.") from None
    except _BadHeader as error:
        raise _refusal(f"{path.name} {error}.") from None


def stem_of(path: Path) -> str:
    """The file's name without its ending and, for the first of several parts, without their count."""
    return _PART.sub("", path.stem)


def parts_of(path: Path) -> tuple[Path, ...]:
    """All parts of a file in several, by its first; else the file itself."""
    found = _PART.search(path.stem)
    if found is None:
        return (path,)
    base, count = path.stem[: found.start()], int(found[2])
    return tuple(path.with_name(f"{base}-{n:05}-of-{count:05}{path.suffix}") for n in range(1, min(count, 999) + 1))


def _refusal(sentence: str) -> ServerError:
    return ServerError(sentence, fault="no_model")


@lru_cache(maxsize=64)
def _unchanged(path: Path, states: tuple[tuple[int, ...], ...]) -> Header:
    """The header as it was when its parts were in these states: a vocabulary takes a tenth of a second to step over."""
    with path.open("rb") as file:
        return _read(file, path)


def _state(part: Path) -> tuple[int, ...]:
    """Something else when the file has changed; empty when it is not there."""
    try:
        stat = part.stat()
    except OSError:
        return ()
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _read(file: BinaryIO, path: Path) -> Header:
    size = os.fstat(file.fileno()).st_size
    reader = _Reader(file, size)
    if size < 4 or reader.take(4) != b"GGUF":
        raise _BadHeader("is no GGUF file – choose a model file that ends in .gguf")
    version = reader.number("I")
    if version not in (2, 3):
        swapped = int.from_bytes(struct.pack("<I", int(version)), "big")
        kind = "is made for big-endian machines" if swapped in (2, 3) else f"has the unknown GGUF version {version}"
        raise _BadHeader(f"{kind} – download the model again in today's format")
    tensors, keys = reader.count("Q", _MOST_TENSORS), reader.count("Q", _MOST_KEYS)
    known = dict(reader.pairs(keys))
    weights, data_end = reader.tensors(tensors, _integer(known, "general.alignment") or 32)
    if data_end > size:
        raise _BadHeader(
            f"is cut short: {size:,} of {data_end:,} bytes are there – let the download finish, or get it again"
        )
    return _header(known, path, size, weights)


def _header(known: dict[str, Value], path: Path, size: int, weights: int) -> Header:
    if _integer(known, "split.no"):
        raise _BadHeader("is not the first of its parts – choose the one that ends in -00001-of-…")
    parts = parts_of(path)
    if _integer(known, "split.count") > 1:
        missing = [part.name for part in parts if not part.is_file()]
        if missing or len(parts) != _integer(known, "split.count"):
            which = missing[0] if missing else "its other parts"
            raise _BadHeader(f"needs {which} beside it – put all parts in one folder under their own names")
        size, weights = sum(part.stat().st_size for part in parts), 0
    architecture = _text(known, "general.architecture")
    if not architecture or architecture in ("clip", "adapter") or _text(known, "general.type") in ("adapter", "mmproj"):
        raise _BadHeader("holds no language model by itself – choose the model's main .gguf file")
    return Header(
        name=_text(known, "general.name").strip() or stem_of(path),
        architecture=architecture,
        quantization=_QUANTIZATIONS.get(_integer(known, "general.file_type", -1), ""),
        size_bytes=size,
        parameters=weights,
        train_context=_integer(known, f"{architecture}.context_length"),
        cache_bytes_per_token=_cache_bytes(known, architecture),
        chat_template=_text(known, "tokenizer.chat_template"),
    )


def _cache_bytes(known: dict[str, Value], architecture: str) -> int:
    """Keys and values of all layers, two bytes each. An upper bound: a sliding window or shared layers take less."""
    layers = min(_integer(known, f"{architecture}.block_count"), _LONGEST_KEPT)
    heads = known.get(f"{architecture}.attention.head_count")
    most = max(heads, default=0) if isinstance(heads, tuple) else heads
    if not layers or not isinstance(most, int) or most <= 0:
        return 0
    per_head = _integer(known, f"{architecture}.embedding_length") // most
    key = _integer(known, f"{architecture}.attention.key_length") or per_head
    value = _integer(known, f"{architecture}.attention.value_length") or per_head
    kept = known.get(f"{architecture}.attention.head_count_kv", most)
    total = int(sum(kept)) if isinstance(kept, tuple) else int(kept) * layers if isinstance(kept, int) else 0
    return total * (key + value) * 2


def _integer(known: dict[str, Value], key: str, default: int = 0) -> int:
    value = known.get(key)
    return value if isinstance(value, int) and value >= 0 else default


def _text(known: dict[str, Value], key: str) -> str:
    value = known.get(key)
    return value if isinstance(value, str) else ""


class _Reader:
    """The file from front to back, a block at a time; never beyond its end, never more at once than the limits allow.

    Not mapped into memory: a file that is cut short while it is read would end the whole program.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size
        self._block, self._at = b"", 0
        self._start = 0
        """Where in the file the block begins."""

    @property
    def position(self) -> int:
        """In the file, of what is read next."""
        return self._start + self._at

    def take(self, count: int) -> bytes:
        if self._at + count > len(self._block):
            self._read_on(count)
        data = self._block[self._at : self._at + count]
        self._at += count
        return data

    def number(self, code: str) -> int | float | bool:
        value: int | float | bool = struct.unpack(f"<{code}", self.take(struct.calcsize(f"<{code}")))[0]
        return value

    def count(self, code: str, most: int) -> int:
        value = int(self.number(code))
        if value > most:
            raise _BadHeader("has a damaged header – get the file again")
        return value

    def text(self, most: int) -> str:
        return self.take(self.count("Q", most)).decode("utf-8", "replace")

    def pairs(self, count: int) -> Iterator[tuple[str, Value]]:
        for _ in range(count):
            key, kind = self.text(_LONGEST_KEY), self.count("I", 12)
            value = self._array() if kind == _ARRAY else self._value(kind)
            if value is not None:
                yield key, value

    def tensors(self, count: int, alignment: int) -> tuple[int, int]:
        """(weights, the byte of the file at which the data of the last tensor ends)."""
        weights = end = 0
        for _ in range(count):
            self.text(_LONGEST_KEY)
            shape = [self.count("Q", 2**40) for _ in range(self.count("I", 8))]
            kind, offset = self.count("I", 10_000), self.count("Q", 2**60)
            weights += (items := math.prod(shape))
            size, per_block = _BLOCKS.get(kind, (0, 1))
            end = max(end, offset + items // per_block * size)
        return weights, self.position + -self.position % max(1, alignment) + end if count else 0

    def _value(self, kind: int) -> Value:
        return self.text(_LONGEST_TEXT) if kind == _TEXT else self.number(_NUMBERS[kind])

    def _array(self) -> Value | None:
        """A short array of numbers; None for others, which are skipped."""
        kind, items = self.count("I", 12), self.count("Q", _MOST_ITEMS)
        if kind == _ARRAY:
            raise _BadHeader("has a damaged header – get the file again")
        if kind == _TEXT:
            self._skip_texts(items)
            return None
        code = _NUMBERS[kind]
        size = struct.calcsize(f"<{code}") * items
        if items > _LONGEST_KEPT:
            self._skip(size)
            return None
        return struct.unpack(f"<{items}{code}", self.take(size))

    def _skip_texts(self, items: int) -> None:
        """A vocabulary has hundreds of thousands: those that are whole in the block are stepped over within it."""
        length_at = struct.Struct("<Q").unpack_from
        while items:
            block, at, end = self._block, self._at, len(self._block) - 8
            while items and at <= end:
                after = at + 8 + int(length_at(block, at)[0])
                if after > end + 8:
                    break
                at, items = after, items - 1
            self._at = at
            if items:
                self._skip(self.count("Q", _LONGEST_TEXT))
                items -= 1

    def _skip(self, count: int) -> None:
        if self._at + count <= len(self._block):
            self._at += count
            return
        self._check(count)
        self._block, self._start, self._at = b"", self.position + count, 0
        self._file.seek(self._start)

    def _read_on(self, count: int) -> None:
        """Have at least `count` bytes in the block, from where it is read next."""
        self._check(count)
        rest = self._block[self._at :]
        block = rest + self._file.read(max(count - len(rest), _BLOCK))
        if len(block) < count:
            raise _BadHeader("changed while it was read – try again when nothing writes to it")
        self._block, self._start, self._at = block, self.position, 0

    def _check(self, count: int) -> None:
        if self.position + count > self._size:
            raise _BadHeader("is cut short: its header is not whole – let the download finish, or get it again")
