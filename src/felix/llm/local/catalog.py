"""What a model file is, in the words of a list of models: known from its header, before anything is loaded."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from felix.llm.address import file_path
from felix.llm.local.header import Header, stem_of
from felix.llm.local.keeper import ModelFiles, installed_header, sizing_here
from felix.llm.local.sizing import Sizing
from felix.llm.model_lists import ModelInfo, parameters_in_words
from felix.llm.surrogates import one_line

_THINKS = re.compile(r"<think|enable_thinking|reasoning_content|thinking", re.IGNORECASE)
"""In a chat template: it makes room for thinking."""
_TOOLS = re.compile(r"\btools\b")


async def model_of(
    base_url: str, *, context_length: int = 0, slots: int = 0, files: ModelFiles | None = None
) -> ModelInfo:
    """The one model at the address of a file; not loaded, it has the context that it would be loaded with now.

    Raises ServerError when the file is none, or nothing here could read it.
    """
    path = file_path(base_url)
    header = await asyncio.to_thread(installed_header, path)
    server = files.loaded if files else None
    if server is not None and server.path == path:
        return _info(path, header, server.sizing, loaded=True)
    return _info(path, header, await asyncio.to_thread(sizing_here, header, context_length, slots), loaded=False)


def _info(path: Path, header: Header, size: Sizing, *, loaded: bool) -> ModelInfo:
    template = header.chat_template
    return ModelInfo(
        id=stem_of(path),
        name=" ".join(one_line(header.name).split())[:200] or stem_of(path),
        loaded=loaded,
        context_length=size.context_length,
        max_context_length=header.train_context or None,
        size_bytes=header.size_bytes,
        quantization=header.quantization,
        slots=size.slots,
        parameters=parameters_in_words(header.parameters),
        thinks=bool(_THINKS.search(template)) if template else None,
        has_tools=bool(_TOOLS.search(template)) if template else None,
    )
