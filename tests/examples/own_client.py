import asyncio
from collections.abc import AsyncIterator

import felix


class Echo(felix.StreamingClient):
    """Any model you can reach from Python: yield what it says, and a Finish when it is done."""

    async def stream(self, request: felix.ChatRequest) -> AsyncIterator[felix.Delta]:
        for word in request.messages[-1].content.split():
            yield felix.Text(f"{word} ")
        yield felix.Finish("stop")


async def main() -> felix.Answer:
    answer = await felix.Agent(client=Echo()).ask("Is anybody there?")
    print(answer.text)
    return answer


if __name__ == "__main__":
    asyncio.run(main())
