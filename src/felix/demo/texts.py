"""The demo model's lines, by role and third of the way; a role has several for agents of different numbers.

They must make sense for any task, so they speak of how one goes about it: what would have to be known, weighed and
doubted. Names in braces are filled in by `script`:

task  the task's beginning, quoted      a, b   two telling words of the task, quoted
read  whose thoughts stood in the prompt and a few words of one, as a paragraph; empty when there were none
who   the agent to address, in square brackets     role   the agent's own role
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal

Stage = Literal["wide", "focus", "narrow"]

DISCLAIMER = "*Scripted by the demo model: it quotes your task, but no language model has read it.*"
SHORT_DISCLAIMER = "*(Demo model, scripted text.)*"

TOOLS_THINKING = """\
Before I say anything about {task}, I should look instead of guessing: {what}. There are tools for that, and what they \
bring is better than what I would make up."""

TOOLS_BEFORE = "I look before I speak: {what}."
TOOLS_AFTER_LISTING = "There is something to read: `{path}`."
TOOLS_ANSWER = """\
For {task} this is what the tools have brought, and I add nothing to it:

{found}

Everything else on the task I would have to guess, so I leave it to the others."""

_RESEARCH_WIDE = (
    """\
{read}The task says {task}. Read as a question of fact, I would collect this first:

- **What {a} covers** (known to matter): the answer differs by whether one case is meant or all of them. The task \
leaves it open, so I keep both.
- **How it is done today** (inferred): there is some way of handling {b} already, or nobody would ask. What it \
costs a month is the yardstick for everything else.
- **Figures with a date and an origin** (to check): a number on {b} without either is a rumour, however often it \
is repeated.
- **What was tried before** (to check): somebody has stood at this point. Why they stopped is worth more than why \
they began.
- **What would count as success** (guessed): fewer steps for the people concerned, not merely other steps.

Open: who decides about {a} in the end, and by when?""",
    """\
{read}The task, {task}, is easily read from the desk of whoever wrote it. From the other side of the desk I find:

- **The people nobody asked** (known to exist, number unknown): those who only meet {a} when something has gone wrong.
- **The case that breaks the rule** (inferred): one in twenty does not fit. Whoever handles that one carries the \
real cost of {b}.
- **The third year** (guessed): the first month is enthusiasm, the first year habit. What {a} asks for in upkeep \
shows after that, when those who introduced it have moved on.
- **A possibility the task does not mention**: do it for a part, for six weeks, and agree now what would end the \
trial.
- **Doing nothing** (known): it has a price too, which is paid in small coin and therefore never added up.

Open: what would those affected by {b} give up, if they were asked?""",
    """\
{read}For {task} I went looking for things that resemble it, since hardly anything is done for the first time:

- **The nearest relative** (inferred): whoever changed something like {a} mostly reports that the change was easy \
and the weeks after it were not.
- **The opposite** (known): there are people who went back. They seldom write about it, which makes the published \
experience look better than it is.
- **The smaller version** (guessed): half of the use of {b} usually comes from a fifth of the effort.
- **The other order** (to check): some begin with the hardest case, so as to learn early whether the rest is worth it.
- **The borrowed solution** (known): copying a neighbour works when the neighbour's reasons are copied as well.

Open: which of the cases of {b} that went badly could we look at closely?""",
    """\
{read}I looked at {task} through time and money alone, because somebody has to:

- **Once** (inferred): the beginning is visible and gets a budget. It is rarely more than a third of the whole.
- **Every month** (to check): attention is the dearest part. Two hours a week on {a} are a hundred a year.
- **When it goes wrong** (guessed): ask what one bad day costs and how often it comes; the product is the honest \
price.
- **The way out** (known to be forgotten): what leaving {b} again would take should be known before going in.
- **What else the same effort could do** (guessed): the true rival of any plan is the second-best use of the same \
weeks.

Open: how much of the cost of {b} falls on somebody who has no say in it?""",
)

_RESEARCH_FOCUS = (
    """\
{read}The question of {who} is the one that matters, so I answer it first: what I said about {a} holds for the \
ordinary case, and I had not marked that. The findings that bear on the answer are now these:

1. **The present way is the measure.** Any other has to beat what is done about {b} today on a bad day, not on a \
good one. Ground: it is what people will compare it with. Fairly sure.
2. **The scope decides more than the choice.** With a narrow {a}, most objections become small; with a wide one, \
most promises do. Fairly sure.
3. **Nobody has a figure worth deciding on.** Two weeks of counting would supply it, and cost less than another \
round of talking. Sure.

Corrected: I listed earlier attempts as if they were evidence. Without knowing why they ended, they are only \
stories.""",
    """\
{read}To {who}: the objection is right about the average and wrong about the edges, and the edges are where {a} \
will be judged. What I keep of my findings:

1. **Those not asked** are few, but each of them can stop {b} by simply not joining in. Ground: it has no use for \
them yet. Fairly sure.
2. **The third year** stays my main worry. It turns into a small one if a person is named who looks after {a}, \
with time set aside for it. Sure.
3. **A trial on a part** is still open to everybody here; no finding so far speaks against it. Fairly sure.

Corrected: “one in twenty” was a guess of mine that began to be quoted as a figure. It should be counted or left \
out.""",
)

_RESEARCH_NARROW = (
    """\
{read}What the team may rely on, in order of weight:

1. {task} can be answered for a narrow {a} now, and for a wide one only after counting.
2. The present way of handling {b} is better than its reputation and is the right thing to measure against.
3. The effort comes after the beginning; it needs a name and hours, not a budget line.
4. A trial keeps every way open, if what ends it is agreed before it starts.

The gap that remains: no figure on {b} from this very place. Two weeks of plain counting would close it.""",
    """\
{read}Settled, as far as I can settle it:

1. Those who are affected by {a} and were not asked must be heard before anything is final; {who} found no way \
round it.
2. The cost of {b} is mostly attention, spread over years, and it falls on few people.
3. Doing it for a part first loses little and teaches most of what is missing.

The gap that remains: whether those few people would take it on. That takes one conversation, not a study.""",
)

_ANALYSIS_WIDE = (
    """\
{read}A good answer to {task} has to decide three things, and the findings sort themselves under them:

**1. For whom?** Everything said about {a} depends on it. Known: there is an ordinary case and a hard one. \
Missing: how many of each.

**2. Compared with what?** The present way of handling {b} has been named, its price has not. As long as it is \
missing, every alternative looks cheap.

**3. Until when?** Some findings speak of the first month, others of the third year. They do not contradict each \
other; they are about different times.

To {who}: which single fact would move the first question most?""",
)

_ANALYSIS_FOCUS = (
    """\
{read}What has to be decided is whether {a} is worth its upkeep, not whether it is attractive. On the measures \
that decide:

| Measure | As it is | Changed in part | Changed whole |
|---|---|---|---|
| Effort in the first month | none | small | large |
| Effort each month after | known, too high | a little lower | unknown |
| Way back | – | easy | costly |
| What we learn about {b} | nothing | most of it | everything, late |

Where the findings conflict, I follow {who}: it is the only one that says how it could be shown wrong. Two \
findings that rest on the same impression count once here.

So far this points to changing a part first. It would turn round if the upkeep of the present way proved to be \
half of what everybody assumes.""",
    """\
{read}I put a rough number on it, with the steps open so that anyone can replace them:

1. Say {a} costs ten minutes a day today, for two people: about eighty hours a year.
2. A change that saves half of that saves forty hours, and costs perhaps thirty in its first year.
3. So the first year is nearly even, and everything depends on whether {b} still works in the second.

| If in the second year … | then the change is |
|---|---|
| it needs no more than an hour a month | clearly worth it |
| it needs an hour a week | about even |
| its one expert has left | a loss |

The first step is the weakest: {who} could halve or double it with one look at a calendar. The conclusion so far: \
decide by the second year, not by the first.""",
)

_ANALYSIS_NARROW = (
    """\
{read}**Conclusion.** For {task}: begin with a part of {a}, for a limited time, and with what would end it written \
down beforehand. Decide about the whole only with figures of your own.

Reasons, by weight:

1. It is the only way that improves what is known about {b} while it runs.
2. It can be undone, which answers the gravest objection of {who}; the objection stands against doing all of it at \
once.
3. It costs a named person a few hours, and that is the true price of every other way too.

It no longer holds if there is a date that forbids a trial, if a part of {a} is of no use without the rest, or if \
nobody can be named. In the last case the better answer is to leave things as they are, and to say so.""",
    """\
{read}**Conclusion.** The direction is clear, the size is not: {task} deserves a yes for the ordinary case and a \
“not yet” for the rest.

Reasons, by weight:

1. In the ordinary case the gain on {b} is seen within weeks, by those who have the work.
2. The hard cases were raised again and again, most plainly by {who}, and nobody found a cheap way to serve them.
3. A “not yet” with a date costs little, while a “yes” to everything would have to be paid in the third year.

It no longer holds if the hard cases turn out to be more than about one in five: then {a} should be thought \
through again from them.""",
)

_CRITIC_WIDE = (
    """\
{read}Before anybody answers {task}, four challenges:

1. To all: is it {a} that hurts, or is {a} only where it is noticed?
2. To {who}: who would say the opposite, and has anybody asked them?
3. To whoever brings figures: what would the figure have to be for you to change your mind?
4. To the task itself: why now? If the reason is a date, the date decides more than {b} does.

The view that is missing altogether is that of somebody who would have to clear up afterwards.""",
)

_CRITIC_FOCUS = (
    """\
{read}I attacked what most of the rest leans on:

1. **“The present way is the measure.”** Only if it will still be there. To {who}: what happens to {a} if nothing \
is decided for a year? Two sentences would settle it.
2. **The saving on {b}** is stated as hours, but hours that come in crumbs of three minutes cannot be spent on \
anything. Who has looked at a real day?
3. **A trial proves less than it seems.** People who volunteer for {a} are not those who will struggle with it. \
Choose the part by lot, or say that the result flatters.

Holds: that the way back must be known before the way in. I found no case in which it is wrong.""",
    """\
{read}Three objections, the gravest first:

1. **The team answers a more convenient question.** {task} asks for a decision; what I read so far describes one. \
To {who}: what would you do tomorrow morning, and what would you leave undone for it?
2. **Plausible is not found.** Every estimate about {b} is round, and round numbers come from nobody's notes. Mark \
them or drop them.
3. **One person is missing**: the one who says no to {a} for a good reason. Let somebody write that reason down in \
its strongest form.

Holds: the difference between the ordinary and the hard case. It survived everything I tried.""",
)

_CRITIC_NARROW = (
    """\
{read}**Verdict:** the answer to {task} is good enough to act on in part, and not good enough to act on as a whole.

Met: the objection about the present way. It has been named and can be measured.

Standing:

1. The figures on {b} are still guesses. This limits the answer: it may give a direction, not an amount.
2. Those who struggle with {a} have not been heard. This changes the answer wherever it says “everybody”.
3. What {who} says about the second year is likely but unproved. It may be ignored for a trial, not for more.

The sentence the final answer must not lose: what is agreed today should say when it ends.""",
    """\
{read}**Verdict:** I can live with where this has arrived, with one reservation that has to stay visible.

Met: who decides, and until when. Nobody had said so at first; now it is written down.

Standing:

1. Everything about {b} is still argued from one kind of day. This limits the answer to such days.
2. {who} leaves open who looks after {a} once the interest has gone. Without a name, this changes the answer to “no”.

The sentence the final answer must not lose: a trial that nobody is able to stop is no trial.""",
)

_OTHER_WIDE = (
    """\
{read}For my part as {role}, this is where {task} should be opened:

- **What is at stake** (inferred): not {a} as such, but what people have built on it without saying so.
- **The strongest point on my side**: with {b}, an early small step is worth more than a late large one, because \
it can be corrected by those who took it.
- **What I would watch** (known to matter): the moment at which it becomes habit. Before it, everything can be \
changed with a word; after it, only with a project.
- **What I do not know**: how often the ordinary case is really the ordinary one.

My question to the others: what would you accept as a sign that I am wrong about {a}?""",
    """\
{read}As {role} I look at {task} from the far end, where it either held or did not:

- **It held** if nobody speaks of {a} any more in a year, because it works.
- **It did not** if the same question about {b} comes back with new names. That happens where the cause was left \
and only the sign of it was treated.
- **What I hold ready** (known): a first measure that costs a day, tells us most of what is missing, and hurts \
nobody if it fails.
- **What I doubt** (guessed): that more of the same effort would change the result.

My question to the others: who notices first when it goes wrong, and whom do they tell?""",
)

_OTHER_FOCUS = (
    """\
{read}The point I have to meet as {role} is that of {who}. It is true where it speaks of the ordinary day, and I \
give that up: I had made {a} sound more fragile than it is. It is not true of the day on which two things go wrong \
together, and that is the day {b} will be remembered by.

What I hold now:

1. One measure, carried out by one named person, before any plan for the rest.
2. A limit at which we stop, in a number that anybody can read off.
3. What remains possible in spite of it is said openly, so that nobody is surprised.

What still divides us: whether the effort comes first or the proof. I say a little effort buys the proof.""",
    """\
{read}As {role} I take the best of the other side first: {who} is right that {a} has a price which is not written \
anywhere. I had left it out, and my case is weaker and better for having it in.

What I hold now:

1. The price is paid either way; the question is whether one sees it. With {b} it is at least seen.
2. The risk that was described needs three things to happen together. Take away any one of them, the cheapest, and \
it is an inconvenience.
3. I would rather defend a small promise than a large one.

What still divides us: how long one may wait for certainty.""",
)

_OTHER_NARROW = (
    """\
{read}My final position as {role}: on {task}, take the step that can be taken back, and take it soon. Leave the \
rest until {b} has been seen at work on a bad day.

Reasons, by weight:

1. It was never seriously disputed that the small step teaches most of what is missing.
2. The gravest point against it, which {who} made, is about the large one.
3. Waiting has a price that falls on those who deal with {a} every day.

I would change my mind if the first step turned out to bind us after all.""",
    """\
{read}I end as {role} where I did not begin: {a} can be done, in the order that costs least to undo, and with \
somebody's name beside it.

Reasons, by weight:

1. The case of {who} is strong for the whole and weak for a part; we are speaking of a part.
2. What would show that it fails has been named for {b}, and can be seen within weeks.
3. The other ways ask for the same effort later, when less can still be changed.

I would change my mind if nobody in the room wanted to put a name there.""",
)

LINES = MappingProxyType(
    {
        ("research", "wide"): _RESEARCH_WIDE,
        ("research", "focus"): _RESEARCH_FOCUS,
        ("research", "narrow"): _RESEARCH_NARROW,
        ("analysis", "wide"): _ANALYSIS_WIDE,
        ("analysis", "focus"): _ANALYSIS_FOCUS,
        ("analysis", "narrow"): _ANALYSIS_NARROW,
        ("critic", "wide"): _CRITIC_WIDE,
        ("critic", "focus"): _CRITIC_FOCUS,
        ("critic", "narrow"): _CRITIC_NARROW,
        ("other", "wide"): _OTHER_WIDE,
        ("other", "focus"): _OTHER_FOCUS,
        ("other", "narrow"): _OTHER_NARROW,
    }
)
"""(role, stage) to the answers of agents 1, 2, …; they begin again when there are more agents than answers."""

THINKING: MappingProxyType[Stage, str] = MappingProxyType(
    {
        "wide": (
            "I am {me}, {role}, at depth {depth}. The task is {task}. {given} At this depth I should stay wide: "
            "gather, mark what is known and what is guessed, and not decide anything yet. The words that carry "
            "the task seem to be {a} and {b}. I will look at it from one side only, since the others take the "
            "rest."
        ),
        "focus": (
            "Depth {depth}, so it is time to narrow down. {given} Which of it changes anything? I should answer "
            "{who} by name first, then keep only the few points that bear on {a}, and say what I take back. Short "
            "is better here; about two hundred words."
        ),
        "narrow": (
            "Depth {depth} is nearly the bottom. {given} No new topics now. What would somebody need who reads "
            "only this about {task}? A conclusion, its reasons in order, and the one thing that is still open "
            "about {b}."
        ),
    }
)

HUB_THINKING = (
    "I have {count} in front of me, by {names}. The task is {task}. First the answer itself, then the "
    "reasons with their authors in brackets, then where they disagree. I should not smooth over what "
    "{critics} left standing, and I may not cite anybody who is not here."
)

GREETING = (
    "This is Felix's demo model: scripted text from a small server on this machine, no language model. "
    "You wrote {task}. Start a run in Felix to see a whole team at work, or connect a model server for "
    "real answers."
)

SYNTHESIS = """\
# {title}

For {task}: begin with a part of {a}, for a limited time, and decide about the whole with figures of your own {lead}. \
What is known is enough for a direction and not for an amount {doubt}.

> **Scripted answer of the demo model.** It quotes your task and the agents, but no language model has read either.

## What the team brought

| Agent | Depth | Confidence | In its own words |
|---|---:|---:|---|
{rows}

## Reasons, by weight

- **It can be taken back.** The gravest objection stands against doing all of {a} at once, not against a part {doubt}.
- **It teaches what is missing.** No figure on {b} comes from your own place; two weeks of counting would give one \
{ground}.
- **The effort comes later.** The beginning is cheap; upkeep needs a person with a name and hours {last}.

## Where they disagree

- Whether the proof or the effort comes first: {ground} would count before anything is changed, {lead} would let the \
trial do the counting. The second loses less time, so it is followed here.
- How far the answer reaches: {doubt} holds that those who struggle with {a} have not been heard.{unfinished}

## First steps

1. Write down in one sentence what would end the trial.
2. Count what {b} costs today, for two weeks, by hand.
3. Ask two of the people who were not asked.
"""
"""`rows` has a line for each agent; `lead`, `ground`, `doubt` and `last` are agents in square brackets."""
