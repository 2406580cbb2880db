"""Tokens by OAuth 2.0 client credentials (RFC 6749, 4.4), kept until shortly before their end."""

import threading
import time
from collections.abc import Callable, Mapping

import httpx

from sync.domain.delivery import AuthError, Throttled, Transient
from sync.erp import wire

_EARLY = 120  # seconds before its end that a token is renewed


class Tokens:
    """The token of one application; safe to share between threads.

    `form` makes what is sent for it, `door` is who gives it, `refused` says what a refusal means.
    """

    def __init__(
        self,
        http: httpx.Client,
        url: str,
        *,
        form: Callable[[], Mapping[str, str]],
        door: str,
        refused: str,
    ) -> None:
        self._http, self._url, self._form = http, url, form
        self._door, self._refused = door, refused
        self._lock = threading.Lock()
        self._token, self._ends = "", 0.0

    def get(self, *, anew: bool = False) -> str:
        """A token that is good for a while. Raises AuthError, Throttled, Transient."""
        with self._lock:
            if anew or time.monotonic() >= self._ends:
                self._token, good_for = self._ask()
                self._ends = time.monotonic() + good_for - _EARLY
            return self._token

    def _ask(self) -> tuple[str, int]:
        try:
            answer = self._http.post(self._url, data=dict(self._form()))
        except httpx.HTTPError as error:
            raise wire.no_answer(self._door, error, write=False) from error
        try:
            told = wire.loads(answer.content)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            told = {}
        if answer.is_success:
            try:
                return str(told["access_token"]), int(told["expires_in"])
            except (KeyError, TypeError, ValueError):
                raise wire.garbled(self._door, write=False) from None
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise Throttled(f"{self._door} asks for fewer sign-ins.", wire.retry_after(answer))
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise Transient(f"{self._door} answered {answer.status_code} to a sign-in.")
        words = told.get("error_description") or told.get("error") or answer.status_code
        raise AuthError(f"{self._refused} ({words})")
