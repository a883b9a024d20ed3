"""What a tool of an MCP server brought, as text: pictures and the like are told in words, structured values in JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from felix.team.tools.tool import ToolOutput

if TYPE_CHECKING:
    from mcp_types import CallToolResult, ContentBlock


def output_of(result: CallToolResult) -> ToolOutput:
    """All of a result, in its order."""
    parts = [_text(block) for block in result.content]
    structured = result.structured_content
    if structured is not None and not any(_says(part, structured) for part in parts):
        parts.append(json.dumps(structured, ensure_ascii=False, indent=2, default=str))
    return ToolOutput("\n\n".join(part for part in parts if part), is_error=bool(result.is_error))


def _says(text: str, structured: object) -> bool:
    """Whether a text is the structured value once more, as servers send it for those who only read text."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return text == structured
    return structured in (said, {"result": said})


def _text(block: ContentBlock) -> str:
    match block.type:
        case "text":
            return block.text
        case "image" | "audio":
            kind = "picture" if block.type == "image" else "sound"
            return f"[a {kind}, {block.mime_type}, {_size(block.data)}: it cannot be shown here]"
        case "resource_link":
            about = f" – {block.description}" if block.description else ""
            return f"[a link to {block.title or block.name}: {block.uri}{about}]"
        case "resource":
            resource = block.resource
            if isinstance(text := getattr(resource, "text", None), str):
                return f"[from {resource.uri}]\n{text}"
            size = _size(getattr(resource, "blob", ""))
            return f"[from {resource.uri}: {resource.mime_type or 'unknown kind'}, {size}: it cannot be shown here]"


def _size(base64: str) -> str:
    """Of what the letters stand for: four for three bytes."""
    return f"{len(base64.rstrip('=')) * 3 // 4:,} bytes"
