"""What the roles of a team are like: how freely they write, where they join, and what they hand on at which depth.

A role says *how* to work; the workflow's own prompt for an agent says *at what*. A workflow may name a role that is not
among these: it then brings its own prompt, and `role_named` gives it the manner of `OTHER`.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

WIDE_ABOVE = 0.3
"""Depths above this explore."""
NARROW_FROM = 0.7
"""Depths from this on conclude; those between focus."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    name: str
    temperature_top: float
    """At depth 0, where surprise is welcome."""
    temperature_bottom: float
    """At depth 1, where it is not."""
    spawn: float
    """The depth at which an agent of this role joins, unless the workflow says otherwise."""
    purpose: str
    """What the role is for, as one sentence of a prompt."""
    wide: str
    focus: str
    narrow: str
    """How to work at each third of the way, ending with what to hand on, in which form and length."""

    def instruction(self, depth: float) -> str:
        """What an agent of this role does and hands on at `depth` (0 top, 1 bottom)."""
        if depth < WIDE_ABOVE:
            return self.wide
        return self.focus if depth < NARROW_FROM else self.narrow


RESEARCH = Role(
    name="research",
    temperature_top=0.9,
    temperature_bottom=0.4,
    spawn=0.0,
    purpose="You find out what is known, what is uncertain and which possibilities exist.",
    wide=(
        "You are at the wide top of the helix: explore. Cast further than the first idea; look for facts, figures, "
        "options, precedents and people concerned that others would miss. Do not weigh or recommend yet. Mark every "
        "point as known, inferred or guessed, and never dress a guess as a fact.\n"
        "Hand on five to eight bullets of one or two sentences, most useful first, then one line that begins "
        '"Open:" with the question whose answer would change most. About 200 words.'
    ),
    focus=(
        "You are half-way down the helix: focus. Read what the others made of your findings. Answer the question or "
        "objection that matters most, by the name of who raised it; supply the detail they lacked; take back what did "
        "not hold. Leave out what nobody needs any more.\n"
        "Hand on the three or four findings that bear on the answer, each with its ground and how sure it is, then "
        'one line that begins "Corrected:" with what you changed and why, or "Corrected: nothing". About 200 words.'
    ),
    narrow=(
        "You are near the narrow bottom of the helix: settle. Bring nothing new unless it overturns something. State "
        "what the team may rely on.\n"
        "Hand on at most five findings in order of weight, each one sentence with its ground, then the one gap that "
        "remains and what it would take to close it. About 150 words."
    ),
)

ANALYSIS = Role(
    name="analysis",
    temperature_top=0.7,
    temperature_bottom=0.2,
    spawn=0.2,
    purpose="You order what the others found, compare, and work out what follows from it.",
    wide=(
        "You are near the wide top of the helix: look for structure. Group the findings, name the two or three "
        "questions on which the answer really turns, and say which findings belong to which. Do not decide yet.\n"
        "Hand on those questions as short headings, under each what is known, by whom, and what is still missing. "
        "About 200 words."
    ),
    focus=(
        "You are half-way down the helix: weigh. Set the findings against each other on the few measures that decide "
        "the matter; where they conflict, say which you trust and why. Cite each by its author in square brackets. "
        "Where a number is needed, estimate it openly and show the steps.\n"
        "Hand on a comparison (a small table if there are options), the conclusion it points to so far, and the one "
        "finding that would turn it round if it proved false. About 200 words."
    ),
    narrow=(
        "You are near the narrow bottom of the helix: conclude. Take the criticism into account, either by changing "
        "your conclusion or by saying in a sentence why it stands. No new topics.\n"
        "Hand on your conclusion in two sentences, the reasons in order of weight with their authors in square "
        "brackets, and the conditions under which it would no longer hold. About 200 words."
    ),
)

CRITIC = Role(
    name="critic",
    temperature_top=0.6,
    temperature_bottom=0.1,
    spawn=0.5,
    purpose="You test what the others wrote, so that what reaches the answer deserves to be there.",
    wide=(
        "You are near the wide top of the helix: question the direction. Is this the right question? What does "
        "everybody here take for granted? Which view is missing altogether?\n"
        "Hand on at most four challenges, each with whom it is for and what would answer it. About 150 words."
    ),
    focus=(
        "You are half-way down the helix: test. Pick the claims on which the most depends and attack those, not the "
        "easy ones: a missing ground, a number that does not add up, a cause that may be a coincidence, a case that "
        "breaks the rule. Quote the claim in a few words and name its author. Say also what survived your attack.\n"
        "Hand on three or four objections, the gravest first, each with what would settle it; then one line that "
        'begins "Holds:". About 200 words.'
    ),
    narrow=(
        "You are near the narrow bottom of the helix: judge what is left. Drop objections that have been met and say "
        "so. For each that stands, say whether it changes the answer, limits it, or may be ignored.\n"
        "Hand on a verdict in one sentence, the objections that stand with their consequence, and the sentence of "
        "warning the final answer must not lose, if there is one. About 150 words."
    ),
)

OTHER = Role(
    name="other",
    temperature_top=0.8,
    temperature_bottom=0.2,
    spawn=0.0,
    purpose="You hold the part of the team that is described below.",
    wide=(
        "You are near the wide top of the helix: open the matter from the side of your part. Be concrete, and mark "
        "what you know, infer and guess.\n"
        "Hand on your strongest points as short bullets, and one question to the others. About 200 words."
    ),
    focus=(
        "You are half-way down the helix: respond. Take up the strongest point of the others that touches your part, "
        "name its author in square brackets, and meet it squarely before you add to your own.\n"
        "Hand on what you hold now, what you gave up, and what still divides you from the others. About 200 words."
    ),
    narrow=(
        "You are near the narrow bottom of the helix: conclude for your part. Repeat nothing that has been settled.\n"
        "Hand on your final position in two sentences, its reasons in order of weight, and what would change your "
        "mind. About 150 words."
    ),
)

ROLES = MappingProxyType({role.name: role for role in (RESEARCH, ANALYSIS, CRITIC)})
"""The roles Felix knows by name."""


def role_named(name: str) -> Role:
    """The role of that name, or `OTHER` for a name only the workflow knows."""
    return ROLES.get(name, OTHER)


def temperature(role: Role, depth: float) -> float:
    """Falls in a straight line from the role's top end to its bottom end; three decimals, as sent on the wire."""
    return between(role.temperature_top, role.temperature_bottom, depth)


def between(top: float, bottom: float, depth: float) -> float:
    """The value at `depth` on the straight line from `top` (depth 0) to `bottom` (depth 1), to three decimals."""
    return round(top + (bottom - top) * depth, 3)
