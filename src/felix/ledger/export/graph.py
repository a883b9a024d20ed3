"""Which thought read which, up to the synthesis, as a Mermaid flowchart: https://mermaid.js.org/syntax/flowchart.html"""

from __future__ import annotations

from felix.events import ThoughtId
from felix.ledger import words
from felix.ledger.speech import Synthesis, Thought
from felix.ledger.state import RunState

_ESCAPED = {ord(sign): f"#{ord(sign)};" for sign in '"#&<>`|[](){}\\;%'}
"""In Mermaid's own way, in which an entity begins with `#`."""


def mermaid(state: RunState) -> str:
    """Thoughts as boxes by round, an arrow to each from what it read; dotted to a better go at the same thought."""
    nodes = {thought_id: f"t{number}" for number, thought_id in enumerate(state.thoughts, start=1)}
    lines = ["flowchart TD"]
    for number in sorted({thought.round for thought in state.thoughts.values()}):
        lines.append(f'  subgraph r{number}["round {number}"]')
        of_round = [thought for thought in state.thoughts.values() if thought.round == number]
        lines += [f"    {_box(nodes[thought.thought_id], thought)}" for thought in of_round]
        lines.append("  end")
    for thought in state.thoughts.values():
        lines += _arrows(nodes, thought.read, nodes[thought.thought_id])
        if thought.of in nodes:
            lines.append(f"  {nodes[thought.of]} -. {thought.act} .-> {nodes[thought.thought_id]}")
    for synthesis in state.syntheses:
        node = f"s{synthesis.number}"
        lines.append(f"  {_circle(node, synthesis)}")
        lines += _arrows(nodes, synthesis.sources, node)
    unfinished = [nodes[thought.thought_id] for thought in state.thoughts.values() if thought.status != "complete"]
    if unfinished:
        lines += ["  classDef unfinished stroke-dasharray: 4 3", f"  class {','.join(unfinished)} unfinished"]
    return "\n".join(lines) + "\n"


def _box(node: str, thought: Thought) -> str:
    confidence = "" if thought.confidence is None else f", confidence {thought.confidence:.2f}"
    return f'{node}["{_label(thought.thought_id)}<br/>{_label(words.ending(thought))}{confidence}"]'


def _circle(node: str, synthesis: Synthesis) -> str:
    which = "" if synthesis.number == 1 else f" {synthesis.number}"
    return f'{node}(["synthesis{which}<br/>{_label(words.ending(synthesis))}"])'


def _arrows(nodes: dict[ThoughtId, str], read: tuple[ThoughtId, ...], node: str) -> list[str]:
    return [f"  {nodes[each]} --> {node}" for each in read if each in nodes]


def _label(text: str) -> str:
    """`text` as it may stand between quotes: nothing in it ends the label, and no line breaks."""
    return " ".join(words.harmless(text).split()).translate(_ESCAPED)
