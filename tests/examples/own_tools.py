import asyncio
from typing import Literal

import felix

STOCK = {"apples": 12, "pears": 0}


def stock(fruit: Literal["apples", "pears"]) -> int:
    """How many pieces of a fruit are in the store."""
    return STOCK[fruit]


async def order(fruit: Literal["apples", "pears"], pieces: int) -> str:
    """Order more of a fruit."""
    await asyncio.sleep(0)  # an async function is awaited, a plain one runs on a thread
    return f"{pieces} {fruit} come tomorrow."


def approve(call: felix.events.ToolCalled) -> bool:
    print(f"{call.agent_id} wants {call.name} {call.arguments}: {call.asks}")
    return True


async def main(client: felix.ChatClient | None = None) -> felix.Answer:
    asks_first = felix.FunctionTool(order, trust="ask")
    # by its name one that Felix has, or a server of tools in the settings
    agent = felix.Agent("stock keeping", tools=[stock, asks_first, "calculator"], approve=approve, client=client)
    answer = await agent.ask("Do we have pears? Order 20 if not.", on_tool=lambda event: print(event.type))
    print(answer.text)
    return answer


if __name__ == "__main__":
    asyncio.run(main())
