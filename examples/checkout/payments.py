"""The shop's client of its payment provider: ordinary `requests`, no breaker and no telemetry in sight."""

import requests


class PaymentClient:
    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()

    def charge(self, order_id: str, amount: int) -> str:
        """Charge `amount` cents and return the receipt; raises whatever `requests` raises."""
        answer = self._session.post(f"{self._url}/charges", json={"order": order_id, "amount": amount}, timeout=1)
        answer.raise_for_status()
        return str(answer.json()["receipt"])
