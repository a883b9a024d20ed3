import asyncio

import felix


async def main(base_url: str = "http://127.0.0.1:1234/v1") -> felix.Conversation:
    async with felix.Agent("research", prompt="Answer in two sentences.", base_url=base_url) as agent:
        answer = await agent.ask("What is a helix?", on_token=lambda text: print(text, end="", flush=True))
        print(answer.usage, f"first token after {answer.ttft_s} s, {answer.tokens_per_s} tokens a second")

        chat = felix.Conversation(agent)  # its questions go on from each other
        await chat.ask("Name a use of it in engineering.")
        async for piece in chat.stream("And another one?"):
            print(piece, end="", flush=True)

        chat.save("helix.json")
        return felix.Conversation.load("helix.json", agent)


if __name__ == "__main__":
    asyncio.run(main())
