"""A team that grows: after a round, rules of the workflow may add an agent for the rest of the run.

Pure functions from a workflow and what has been said so far to the agents that come; the reason is told with each.
"""

from __future__ import annotations

from collections.abc import Iterable
from string import ascii_uppercase

from felix.events import AgentAdded, AgentId, PlannedAgent, PlannedRound
from felix.ledger.speech import Agent
from felix.ledger.state import RunState
from felix.team.asking import Choice, asked_by
from felix.team.schedule import joined
from felix.team.workflow import MAX_AGENTS, AgentSpec, Member, Rule, Workflow


def team_of(workflow: Workflow, agents: Iterable[Agent]) -> tuple[Member, ...]:
    """Every agent of a run as a member: those of the workflow, and those that rules have added since."""
    planned = {member.id: member for member in workflow.members()}
    return tuple(planned.get(agent.agent_id) or _member(workflow, agent) for agent in agents)


def addition(workflow: Workflow, rule: Rule, state: RunState, after: PlannedRound, choice: Choice) -> AgentAdded | None:
    """The agent that comes after a round because `rule` holds."""
    spec = _spec_of(workflow, rule.spawn)
    likes = [agent for agent in state.agents.values() if _base(agent.agent_id) == spec.id]
    added = sum(bool(agent.reason) for agent in likes)
    why = _why(rule, state, after)
    if not why or added >= rule.max or len(state.agents) >= MAX_AGENTS:
        return None
    number = len(likes) + 1
    asked = asked_by(workflow, spec)
    endpoint, model, context = choice(asked)
    agent = PlannedAgent(
        agent_id=AgentId(f"{spec.id}-{number}"),
        code=f"{_letters(spec, likes, state)}{number}",
        role=spec.role,
        spawn=after.t,
        model=model,
        endpoint=endpoint,
        context_length=context,
    )
    rounds = joined(state.rounds, agent.agent_id, workflow.checkpoints, after)
    return AgentAdded(agent=agent, rounds=rounds, reason=f"Added {agent.agent_id}: {why}")


def _why(rule: Rule, state: RunState, after: PlannedRound) -> str:
    """What the rule found, to stand behind "Added critic-2: "; empty when it does not hold."""
    stated = [agent.confidence for agent in state.agents.values() if agent.confidence is not None]
    match rule.when:
        case "confidence_below":
            # rounded: the mean of three times 0.7 is a hair below 0.7
            mean = round(sum(stated) / len(stated), 6) if stated else 1.0
            return f"the agents' confidence of {mean:.2f} is below {rule.limit:.2f}." if mean < rule.limit else ""
        case "confidence_spread_above":
            spread = round(max(stated) - min(stated), 6) if stated else 0.0
            if spread <= rule.limit:
                return ""
            return f"the agents' confidences lie {spread:.2f} apart, more than {rule.limit:.2f}."
        case "agent_failed":
            ends = [t for t in state.standing() if t.round == after.number]
            complete = {t.agent_id for t in ends if t.status == "complete"}
            failed = next((t.agent_id for t in ends if t.status == "failed" and t.agent_id not in complete), None)
            return f"{failed} failed." if failed else ""


def _spec_of(workflow: Workflow, role: str) -> AgentSpec:
    """What the workflow says of agents of that role; for a role it has no agent of, the role alone."""
    return next((s for s in workflow.agents if role in (s.role, s.id)), None) or AgentSpec(id=role, role=role)


def _member(workflow: Workflow, agent: Agent) -> Member:
    base = _base(agent.agent_id)
    spec = next((s for s in workflow.agents if s.id == base), None) or AgentSpec(id=base, role=agent.role)
    # it comes at that depth and keeps pace with the clock, however its likes came
    joins = spec.model_copy(update={"count": 1, "spawn": agent.spawn, "speed": 1.0})
    return Member(agent.agent_id, int(agent.agent_id.rpartition("-")[2]), agent.code, joins)


def _base(agent_id: AgentId) -> str:
    return agent_id.rpartition("-")[0]


def _letters(spec: AgentSpec, likes: list[Agent], state: RunState) -> str:
    """Of its code: those of its likes; for the first of its kind a letter that is free."""
    if likes:
        return likes[0].code.rstrip("0123456789")
    taken = {agent.code.rstrip("0123456789") for agent in state.agents.values()}
    own = (letter for letter in spec.id.upper() + ascii_uppercase if letter.isalpha() and letter not in taken)
    return next(own, spec.id[:2].upper())
