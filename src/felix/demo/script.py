"""What the demo model answers to a prompt: the same prompt, the same answer, so that a cut one can be continued."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from felix.demo.hearing import Hearing, Voice
from felix.demo.texts import (
    DISCLAIMER,
    GREETING,
    HUB_THINKING,
    LINES,
    SHORT_DISCLAIMER,
    SYNTHESIS,
    THINKING,
    Stage,
)
from felix.demo.tool_script import Call, with_tools

_WORD = re.compile(r"[^\W\d_][\w'’-]{4,}")
_DULL = re.compile(
    r"(?:about|above|after|again|against|among|another|any.*|because|be(?:come|fore|ing|low|tween|tter)|can(?:not)?|"
    r"could|choose|during|every.*|first|found|further|given|having|however|should|since|some.*|still|their|there|these|"
    r"things?|think|those|three|through|under|until|using|various|versus|wh(?:ere|ether|ich|ile|ole|ose)|with(?:in|out)?|"
    r"people|replace|\w+ing|would|write|written|please|explain|describe|compare|review|answer|question)",
    re.IGNORECASE,
)
"""Words that say nothing about a task."""
_MARKUP = re.compile(r"[*_`#>|\[\]]+|^\s*(?:[-+]|\d+[.)])\s+", re.MULTILINE)
_TABLE_OR_NOTE = re.compile(r"^(?:\|.*|\*.*\*|Confidence:.*)$", re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


@dataclass(frozen=True, slots=True)
class Scripted:
    thinking: str
    answer: str
    calls: tuple[Call, ...] = ()
    """Of tools, after the answer so far."""


def scripted(heard: Hearing) -> Scripted:
    """The whole answer to a prompt; of one that is to be continued, the rest."""
    if heard.is_hub:
        whole = _synthesis(heard)
    elif heard.agent_id:
        act = with_tools(heard, confidence=_confidence(heard), task=_quoted(heard.task))
        whole = Scripted(*act) if act else _thought(heard)
    else:
        return Scripted("", GREETING.format(task=_quoted(heard.task)))
    if not heard.written:
        return whole
    start = len(heard.written) if whole.answer.startswith(heard.written) else _overlap(whole.answer, heard.written)
    return Scripted("", whole.answer[start:])


def _thought(heard: Hearing) -> Scripted:
    stage: Stage = "wide" if heard.depth < 0.3 else "focus" if heard.depth < 0.7 else "narrow"
    lines = LINES.get((heard.role, stage)) or LINES["other", stage]
    first, second = _terms(heard.task)
    names = _listed(f"[{name}]" for name in heard.names())
    fill = {
        "me": heard.agent_id,
        "role": heard.role,
        "depth": f"{heard.depth:.2f}",
        "task": _quoted(heard.task),
        "a": first,
        "b": second,
        "who": _addressed(heard),
        "read": _reading(heard),
        "given": f"Before me lies what {names} wrote." if names else "Nobody has written before me.",
    }
    disclaimer = SHORT_DISCLAIMER if heard.spoken else DISCLAIMER
    place = heard.number - 1 + heard.spoken + _side(heard)
    answer = lines[place % len(lines)].format(**fill)
    return Scripted(THINKING[stage].format(**fill), f"{answer}\n\n{disclaimer}\n\nConfidence: {_confidence(heard)}")


def _side(heard: Hearing) -> int:
    """A number for agents that have a name of their own, so that two who share a role do not share their lines."""
    name = heard.agent_id.rpartition("-")[0]
    # shifted by five, the two sides of each workflow that comes with Felix differ in their lowest bit
    return 0 if name == heard.role else zlib.crc32(name.encode()) >> 5


def _confidence(heard: Hearing) -> str:
    """0.70 to 0.79, growing a little with depth: as made up as the rest, and as repeatable."""
    return f"{0.70 + zlib.crc32(heard.agent_id.encode()) % 5 / 100 + round(heard.depth * 4) / 100:.2f}"


def _reading(heard: Hearing) -> str:
    """Whose thoughts stood in the prompt, with a few words of one of them, as the first paragraph of an answer."""
    if not heard.voices:
        return ""
    names = _listed(f"[{name}]" for name in heard.names())
    # not always the same one, or a whole round would begin alike
    place = zlib.crc32(f"{heard.agent_id} {heard.depth}".encode())
    chosen = heard.voices[place % len(heard.voices)]
    return f"I have read {names}. [{chosen.agent_id}] writes: “{_point(chosen, place=place)}”.\n\n"


def _addressed(heard: Hearing) -> str:
    """The agent to answer: a critic before an analyst before anybody, one of another role before one's own kind."""
    preference = ("critic", "analysis")

    def rank(voice: Voice) -> tuple[int, bool]:
        place = preference.index(voice.role) if voice.role in preference else len(preference)
        return place, voice.role == heard.role

    others = [voice for voice in heard.voices if voice.role != heard.role] or list(heard.voices)
    return f"[{min(others, key=rank).agent_id}]" if others else "the others"


def _synthesis(heard: Hearing) -> Scripted:
    latest = {voice.agent_id: voice for voice in heard.voices}
    first, second = _terms(heard.task)
    task = _quoted(heard.task)
    by_role = {voice.role: f"[{voice.agent_id}]" for voice in reversed(latest.values())}
    cited = [f"[{name}]" for name in latest] or ["nobody"]
    lead, ground = by_role.get("analysis", cited[-1]), cited[0]
    doubt = by_role.get("critic", cited[-1])
    rows = "\n".join(map(_row, latest.values()))
    unfinished = ""
    if heard.unfinished:
        names = _listed(f"[{name}]" for name in dict.fromkeys(voice.agent_id for voice in heard.unfinished))
        unfinished = f"\n- What {names} wrote was cut off and is unfinished; nothing above rests on it."
    answer = SYNTHESIS.format(
        title=_shortened(heard.task, 60),
        task=task,
        a=first,
        b=second,
        lead=lead,
        ground=ground,
        doubt=doubt,
        last=cited[-1],
        rows=rows,
        unfinished=unfinished,
    )
    thinking = HUB_THINKING.format(
        count=f"{len(heard.voices)} {'contribution' if len(heard.voices) == 1 else 'contributions'}",
        names=_listed(cited),
        task=task,
        critics=doubt,
    )
    return Scripted(thinking, answer)


def _row(voice: Voice) -> str:
    point = _point(voice, words=10, place=zlib.crc32(voice.agent_id.encode()))
    return f"| [{voice.agent_id}] | {voice.depth or '–'} | {voice.confidence or '–'} | {point} |"


def _terms(task: str) -> tuple[str, str]:
    """Two telling words of a task, in quotation marks: the longest ones of its beginning, in their order."""
    words = {word.casefold(): word for word in reversed(_WORD.findall(task[:600])) if not _DULL.fullmatch(word)}
    chosen = sorted(sorted(words.values(), key=len, reverse=True)[:2], key=task.index)
    match chosen:
        case []:
            return "the matter", "it"
        case [only]:
            return f"“{only[:30]}”", f"“{only[:30]}”"
        case _:
            return f"“{chosen[0][:30]}”", f"“{chosen[1][:30]}”"


def _quoted(task: str) -> str:
    return f"“{_shortened(task, 90)}”" if task else "a task without words"


def _point(voice: Voice, *, words: int = 14, place: int = 0) -> str:
    """A few words of what somebody said, without marks that would disturb a sentence or a table.

    `place` tells readers apart, so that a whole round does not quote the same words.
    """
    prose = _MARKUP.sub("", _TABLE_OR_NOTE.sub("", voice.text))
    said = [line for line in map(str.strip, _SENTENCE.split(prose)) if _is_quotable(line)][:5] or [prose]
    point = said[place % len(said)]
    label, colon, rest = point.partition(": ")
    few = (rest if colon and len(label.split()) < 10 else point).split()
    text = " ".join(few[:words]).strip("“”.,;: ")
    return text[:1].upper() + text[1:] + (" …" if len(few) > words else "") if text else "…"


def _is_quotable(line: str) -> bool:
    """Whether it says something of its own: no heading of a list, no quotation, not how the demo's own texts begin."""
    return len(line.split()) > 6 and line[-1] not in ":?" and "“" not in line and not line.startswith("I have read")


def _shortened(text: str, length: int) -> str:
    """One line of at most `length` characters, cut between words where there are any."""
    line = " ".join(_MARKUP.sub(" ", text[:1_000]).split()).strip("“”")
    if len(line) <= length:
        return line.rstrip(".") or "a task without words"
    return (line[:length].rsplit(" ", 1)[0] or line[:length]).rstrip(",;:.") + " …"


def _overlap(answer: str, written: str) -> int:
    """Where to go on when the client has trimmed blanks off what it was sent."""
    kept = written.rstrip()
    return len(kept) if kept and answer.startswith(kept) else 0


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    return f"{', '.join(every[:-1])} and {every[-1]}" if len(every) > 1 else "".join(every)
