import asyncio

import felix


async def main(base_url: str = "http://127.0.0.1:1234/v1") -> felix.Result:
    run = felix.run("Plan a week in Norway.", base_url=base_url)
    try:
        async with asyncio.timeout(60):
            return await run
    except TimeoutError:
        return run.result  # stopped, with what was written until then


if __name__ == "__main__":
    asyncio.run(main())
