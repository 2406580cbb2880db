"""Who may come in: tokens for a signed assertion, and no more requests at once than the limit."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl

import jwt

from tests.sandbox.erp.netsuite.store import ApiError
from tests.sandbox.erp.served import Asked, Told

TOKEN_PATH = "/services/rest/auth/oauth2/v1/token"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ALGORITHMS = ["PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
_LONGEST = 3600  # seconds an assertion may live


class Door:
    """One application with one certificate; `at_once` is how many requests are worked on."""

    def __init__(self, client_id: str, certificate_id: str, public_key: str) -> None:
        self.client_id, self.certificate_id = client_id, certificate_id
        self.public_key = public_key
        self.tokens: set[str] = set()
        self.at_once = 5
        self.stay = 0.002  # seconds that a call takes at least, so that calls overlap
        self.busiest = 0
        self._busy = 0
        self._lock = threading.Lock()

    def token(self, asked: Asked) -> Told:
        """A token for a right assertion."""
        form = dict(parse_qsl(asked.body.decode()))
        claims = self._claims(form.get("client_assertion", ""))
        scope = claims.get("scope", [])
        right = (
            form.get("grant_type") == "client_credentials"
            and form.get("client_assertion_type") == _ASSERTION
            and claims.get("iss") == self.client_id
            and "rest_webservices" in scope
            and str(claims.get("aud", "")).endswith(TOKEN_PATH)
            and 0 < claims["exp"] - claims["iat"] < _LONGEST
        )
        if not right:
            return Told(400, {"error": "invalid_grant"})
        token = uuid.uuid4().hex
        self.tokens.add(token)
        return Told(200, {"token_type": "bearer", "expires_in": "3600", "access_token": token})

    def _claims(self, assertion: str) -> dict[str, Any]:
        try:
            if jwt.get_unverified_header(assertion).get("kid") != self.certificate_id:
                return {}
            told: dict[str, Any] = jwt.decode(
                assertion,
                self.public_key,
                algorithms=_ALGORITHMS,
                options={"verify_aud": False, "require": ["exp", "iat"]},
            )
        except jwt.PyJWTError:
            return {}
        return told

    @contextmanager
    def enter(self, asked: Asked) -> Iterator[None]:
        """Raises ApiError without a good token, or when too many are inside."""
        if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            raise ApiError(401, "INVALID_LOGIN", "Invalid login attempt.")
        with self._lock:
            if self._busy >= self.at_once:
                raise ApiError(429, "CONCURRENCY_LIMIT_EXCEEDED", "Concurrent request limit.")
            self._busy += 1
            self.busiest = max(self.busiest, self._busy)
        try:
            time.sleep(self.stay)  # an account works on it for a while
            yield
        finally:
            with self._lock:
                self._busy -= 1
