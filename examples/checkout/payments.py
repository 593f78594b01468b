"""The shops' clients of their payment provider: plain `requests` and `aiohttp`, no breaker and no telemetry in sight.

Both ask the same thing and raise whatever their library raises; the async one is entered before it is used.
"""

import aiohttp
import requests
from typing_extensions import Self

PATIENCE = 1  # seconds


class PaymentClient:
    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()

    def charge(self, order_id: str, amount: int) -> str:
        """Charge `amount` cents and return the receipt."""
        answer = self._session.post(f"{self._url}/charges", json=_order(order_id, amount), timeout=PATIENCE)
        answer.raise_for_status()
        return str(answer.json()["receipt"])


class AsyncPaymentClient:
    def __init__(self, url: str) -> None:
        self._session = aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(PATIENCE), raise_for_status=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def charge(self, order_id: str, amount: int) -> str:
        """Charge `amount` cents and return the receipt."""
        async with self._session.post("/charges", json=_order(order_id, amount)) as answer:
            return str((await answer.json())["receipt"])


def _order(order_id: str, amount: int) -> dict[str, str | int]:
    return {"order": order_id, "amount": amount}
