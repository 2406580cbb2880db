"""Who may come in: tokens of Microsoft Entra, and no more requests than the limit."""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from urllib.parse import parse_qsl

from tests.sandbox.erp.business_central.odata import ApiError
from tests.sandbox.erp.served import Asked, Told

_SCOPE = "https://api.businesscentral.dynamics.com/.default"


class Door:
    """One application with one secret; `limit` is requests in so many seconds."""

    def __init__(self, client_id: str, secret: str) -> None:
        self.client_id, self.secret = client_id, secret
        self.tokens: set[str] = set()
        self.limit = (6000, 300)
        self._lock = threading.Lock()
        self._asked: deque[float] = deque()

    def token(self, asked: Asked) -> Told:
        """A token for the right secret and scope."""
        form = dict(parse_qsl(asked.body.decode()))
        right = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.secret,
            "scope": _SCOPE,
        }
        if form != right:
            words = "AADSTS7000215: Invalid client secret provided."
            return Told(401, {"error": "invalid_client", "error_description": words})
        token = uuid.uuid4().hex
        self.tokens.add(token)
        return Told(200, {"token_type": "Bearer", "expires_in": 3599, "access_token": token})

    def enter(self, asked: Asked) -> None:
        """Raises ApiError without a good token, or when there have been too many requests."""
        if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            raise ApiError(
                401,
                "Authentication_InvalidCredentials",
                "The server has rejected the client credentials.",
            )
        most, seconds = self.limit
        now = time.monotonic()
        with self._lock:
            while self._asked and self._asked[0] <= now - seconds:
                self._asked.popleft()
            if len(self._asked) >= most:
                raise ApiError(429, "Application_TooManyRequests", "Too many requests reached.")
            self._asked.append(now)
