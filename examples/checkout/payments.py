"""The shops' clients of their payment provider, written with `requests` and `aiohttp`, without breakers or telemetry.

Both make the same request and raise the exceptions of their library; the async one is a context manager.
"""

import aiohttp
import requests
from typing_extensions import Self

TIMEOUT = 1  # seconds


class PaymentClient:
    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()

    def charge(self, order_id: str, amount: int) -> str:
        """Charge `amount` cents and return the receipt."""
        response = self._session.post(f"{self._url}/charges", json=_order(order_id, amount), timeout=TIMEOUT)
        response.raise_for_status()
        return str(response.json()["receipt"])


class AsyncPaymentClient:
    def __init__(self, url: str) -> None:
        self._session = aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(TIMEOUT), raise_for_status=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def charge(self, order_id: str, amount: int) -> str:
        """Charge `amount` cents and return the receipt."""
        async with self._session.post("/charges", json=_order(order_id, amount)) as response:
            return str((await response.json())["receipt"])


def _order(order_id: str, amount: int) -> dict[str, str | int]:
    return {"order": order_id, "amount": amount}
