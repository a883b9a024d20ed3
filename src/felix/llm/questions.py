"""Short questions to a server's interfaces: its lists, its state, its commands – everything but answers of a model."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from felix.errors import ServerError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    import httpx2

LISTING_TIMEOUT_S = 10.0
"""A list takes milliseconds; a server that is busy reading a prompt may take seconds."""


class Questions:
    """One server; use it in an `async with`, or close it. Raises ServerError for a server out of reach.

    `headers` as in `transport.open_client`; `timeout_s` is for each answer. With the connections of `http`, which
    already has key and headers, closing is left to whoever opened them.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str = "",
        *,
        timeout_s: float = LISTING_TIMEOUT_S,
        headers: Mapping[str, str] | None = None,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        from felix.llm import transport

        self.base_url = base_url
        self.root = base_url.removesuffix("/v1")
        """Below this are the interfaces of the server that are not OpenAI's."""
        self.api_key = api_key
        self.latency_ms = 0.0
        """Of the latest answer."""
        self._timeout_s = timeout_s
        self._is_shared = http is not None
        self._http = http or transport.open_client(base_url, api_key, headers=headers or {})

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        if not self._is_shared:
            await self._http.aclose()

    async def get(self, url: str) -> httpx2.Response:
        return await self._ask("GET", url, None, self._timeout_s)

    async def post(self, url: str, body: Mapping[str, object], *, timeout_s: float | None = None) -> httpx2.Response:
        """`timeout_s` instead of the usual one; 0 is none."""
        return await self._ask("POST", url, body, self._timeout_s if timeout_s is None else timeout_s)

    async def json(self, url: str, body: Mapping[str, object] | None = None) -> object:
        """The parsed body of a good answer, else None; with a `body` it is a POST."""
        response = await (self.get(url) if body is None else self.post(url, body))
        return parsed(response) if response.status_code == 200 else None

    def refusal(self, response: httpx2.Response) -> ServerError:
        """An answer that is an error, in words."""
        from felix.llm import faults

        body = parsed(response)
        text = faults.error_text(body)
        error = faults.from_status(
            response.status_code,
            text,
            address=self.base_url,
            code=faults.error_code(body),
            retry_after_s=faults.retry_after_s(response.headers, text),
            location=urlsplit(response.headers.get("location", "")).netloc,
        )
        return faults.without_key(error, self.api_key)

    async def _ask(self, method: str, url: str, body: Mapping[str, object] | None, timeout_s: float) -> httpx2.Response:
        import httpx2

        from felix.llm import transport

        connect_s = self._http.timeout.connect or 0
        # The library's limit starts anew with every byte: what trickles, as a camera's picture, would never end.
        limit = asyncio.timeout(timeout_s + connect_s if timeout_s else None)
        asked = time.monotonic()
        try:
            async with limit:
                response = await self._http.request(
                    method, url, json=body, timeout=httpx2.Timeout(timeout_s or None, connect=connect_s)
                )
        except (httpx2.ReadTimeout, TimeoutError):
            raise ServerError(
                f"{self.base_url} took the question but did not answer – look whether the server hangs.", fault="silent"
            ) from None
        except transport.ERRORS as error:
            raise transport.failure(error, self.base_url, stage="opening") from None
        self.latency_ms = (time.monotonic() - asked) * 1000
        return response


def parsed(response: httpx2.Response) -> object:
    """The JSON in an answer, or its text when it is none."""
    from felix.llm import body

    return body.parsed(response.content)
