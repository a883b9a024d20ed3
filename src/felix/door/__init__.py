"""The Python door: Felix as a library, in the caller's own event loop. What it offers is named in `felix` itself.

import asyncio
import felix

async def main() -> None:
    async for event in felix.run("Should we move from e-mail to a chat of our own?"):
        print(event.type)

asyncio.run(main())
"""
