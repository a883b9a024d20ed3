import asyncio

import felix


async def main(base_url: str = "http://127.0.0.1:1234/v1") -> felix.Result:
    run = felix.run("Should we move from e-mail to a self-hosted chat?", workflow="decision", base_url=base_url)
    async for event in run:  # leaving the loop stops the run and frees the server
        match event:
            case felix.events.ThoughtComplete(agent_id=agent, confidence=sure):
                print(f"{agent} has thought, and is {sure or '–'} sure")
            case felix.events.PartialSynthesis(channel="answer", partial=text):
                print(text, end="", flush=True)
            case _:
                pass

    follow_up = await felix.run("And with only ten people?", follows=run.result, base_url=base_url)
    print(follow_up.status, follow_up.text, follow_up.usage, follow_up.figures.tokens_per_s)
    return follow_up


if __name__ == "__main__":
    asyncio.run(main())
