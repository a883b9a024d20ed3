"""What a GGUF file says of itself, and what is no such file."""

from __future__ import annotations

import struct
from pathlib import Path

import gguf
import numpy as np
import pytest

from felix.errors import ServerError
from felix.llm.local import header as reading
from felix.llm.local.header import Header, parts_of, read_header, stem_of


def refused(path: Path) -> str:
    with pytest.raises(ServerError) as caught:
        read_header(path)
    assert str(caught.value).endswith(".") and " – " in str(caught.value)
    return str(caught.value)


def written(path: Path, *, architecture: str = "llama", **more: object) -> Path:
    """A small file as gguf's own package writes it."""
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(4096)
    writer.add_block_count(3)
    writer.add_embedding_length(64)
    writer.add_head_count(8)
    for name, value in more.items():
        getattr(writer, f"add_{name}")(value)
    writer.add_token_list([f"token {n}" for n in range(5_000)])
    writer.add_tensor("token_embd.weight", np.zeros((100, 64), np.float16))
    writer.add_tensor("output.weight", np.zeros((100, 64), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def raw(path: Path, *pairs: bytes, version: int = 3, tensors: int = 0, keys: int | None = None) -> Path:
    path.write_bytes(
        b"GGUF" + struct.pack("<IQQ", version, tensors, len(pairs) if keys is None else keys) + b"".join(pairs)
    )
    return path


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def test_the_header_of_a_real_model_is_read(llama_model: str) -> None:
    header = read_header(Path(llama_model))
    assert (header.name, header.architecture, header.quantization) == ("Tiny Babble", "llama", "F16")
    assert header.size_bytes == Path(llama_model).stat().st_size
    assert (header.train_context, header.parameters) == (32_768, 582_016)
    assert "<think>" in header.chat_template


def test_the_memory_for_context_is_reckoned_from_layers_and_heads(tmp_path: Path) -> None:
    assert read_header(written(tmp_path / "all.gguf")).cache_bytes_per_token == 3 * 8 * (8 + 8) * 2
    assert read_header(written(tmp_path / "few.gguf", head_count_kv=2)).cache_bytes_per_token == 3 * 2 * (8 + 8) * 2
    by_layer = written(tmp_path / "layers.gguf", head_count_kv=[1, 2, 0], key_length=16)
    assert read_header(by_layer).cache_bytes_per_token == 3 * (16 + 8) * 2


def test_a_file_without_a_name_is_called_by_its_file(tmp_path: Path) -> None:
    assert read_header(written(tmp_path / "some model.gguf")).name == "some model"


def test_the_tables_are_those_of_the_format() -> None:
    for number, (size, weights) in reading._BLOCKS.items():
        assert gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType(number)] == (weights, size)
    for number, name in reading._QUANTIZATIONS.items():
        assert name in gguf.LlamaFileType(number).name


@pytest.mark.parametrize("kept", [4, 23, 200, 50_000, -1])
def test_a_file_that_was_not_downloaded_to_its_end_is_told(tmp_path: Path, kept: int) -> None:
    whole = written(tmp_path / "whole.gguf").read_bytes()
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(whole[:kept])
    assert refused(cut).startswith("cut.gguf is cut short")


def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    path = written(tmp_path / "x.gguf", name="before")
    assert read_header(path).name == read_header(path).name == "before"
    written(path, name="afterwards")
    assert read_header(path).name == "afterwards"
    path.write_bytes(path.read_bytes()[:-1])
    assert "is cut short" in refused(path)


def test_a_vocabulary_larger_than_a_block_is_stepped_over(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "x.gguf", "llama")
    writer.add_token_list([f"{n:0{1 + n % 50}}" for n in range(60_000)])
    writer.add_token_scores([0.5] * 60_000)
    writer.add_name("behind it")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    assert (tmp_path / "x.gguf").stat().st_size > 2 * reading._BLOCK
    assert read_header(tmp_path / "x.gguf").name == "behind it"


@pytest.mark.parametrize("data", [b"", b"GG", b"hello world, I am no model at all", b"PK\x03\x04" * 100])
def test_what_is_no_gguf_file_is_told(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(data)
    assert refused(path).startswith("x.gguf is no GGUF file")


def test_a_file_that_is_not_there_or_is_a_folder_is_told(tmp_path: Path) -> None:
    assert refused(tmp_path / "gone.gguf").startswith("There is no file")
    assert "is no file" in refused(tmp_path)
    assert "could not be read" in refused(Path("/tmp/nul\0.gguf"))


@pytest.mark.parametrize(
    "pairs",
    [
        [struct.pack("<Q", 2**62)],  # a key longer than any file
        [text("a") + struct.pack("<I", 8) + struct.pack("<Q", 2**40)],  # a text longer than any text
        [text("a") + struct.pack("<I", 9) + struct.pack("<IQ", 4, 2**40)],  # an array of a trillion numbers
        [text("a") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1)],  # an array of arrays
        [text("a") + struct.pack("<I", 77)],  # a type that does not exist
    ],
)
def test_a_damaged_header_is_told_and_costs_nothing(tmp_path: Path, pairs: list[bytes]) -> None:
    assert "damaged" in refused(raw(tmp_path / "x.gguf", *pairs))
    assert "damaged" in refused(raw(tmp_path / "y.gguf", keys=2**60))


def test_other_versions_and_byte_orders_are_told(tmp_path: Path) -> None:
    assert "unknown GGUF version 9" in refused(raw(tmp_path / "x.gguf", version=9))
    assert "big-endian" in refused(raw(tmp_path / "y.gguf", version=3 << 24))


@pytest.mark.parametrize(("architecture", "more"), [("clip", {}), ("llama", {"type": "adapter"}), ("", {})])
def test_what_is_no_language_model_by_itself_is_told(
    tmp_path: Path, architecture: str, more: dict[str, object]
) -> None:
    assert "no language model by itself" in refused(written(tmp_path / "x.gguf", architecture=architecture, **more))


def test_a_model_in_several_parts_is_read_by_its_first(tmp_path: Path) -> None:
    first, second = (tmp_path / f"big-0000{n}-of-00002.gguf" for n in (1, 2))
    for number, path in enumerate((first, second)):
        writer = gguf.GGUFWriter(path, "llama")
        writer.add_uint16("split.no", number)
        writer.add_uint16("split.count", 2)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.close()
    header = read_header(first)
    assert isinstance(header, Header)
    assert header.size_bytes == first.stat().st_size + second.stat().st_size
    assert (stem_of(first), parts_of(first)) == ("big", (first, second))
    assert "not the first of its parts" in refused(second)
    second.unlink()
    assert "needs big-00002-of-00002.gguf beside it" in refused(first)
