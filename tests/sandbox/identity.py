"""An identity provider for tests: OpenID Connect by its published protocol, one person at a time.

It implements discovery, the authorization code flow with PKCE, the token and userinfo endpoints
(openid.net/specs/openid-connect-core-1_0.html). Whoever asks is the person set by `person`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

import jwt
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response


class IdentityProvider:
    """Serves on a free port of this machine while used as a context manager."""

    def __init__(self, client_id: str, client_secret: str) -> None:
        self.client_id, self.client_secret = client_id, client_secret
        self.person: dict[str, Any] = {}
        self._codes: dict[str, tuple[dict[str, Any], str, str]] = {}
        self._tokens: dict[str, dict[str, Any]] = {}
        self._key = secrets.token_hex(32)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> IdentityProvider:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, environ: Any, start: Any) -> Any:
        request = Request(environ)
        pages = {
            "/.well-known/openid-configuration": self._discovery,
            "/authorize": self._authorize,
            "/token": self._token,
            "/userinfo": self._userinfo,
        }
        page = pages.get(request.path)
        return (page(request) if page else Response("not found", 404))(environ, start)

    def _discovery(self, request: Request) -> Response:
        return _json(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "jwks_uri": f"{self.issuer}/jwks",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
            }
        )

    def _authorize(self, request: Request) -> Response:
        asked = request.args
        if asked["client_id"] != self.client_id or asked["response_type"] != "code":
            return Response("unknown client", 400)
        if asked.get("code_challenge_method") != "S256":
            return Response("PKCE is required", 400)
        code = secrets.token_urlsafe(16)
        self._codes[code] = (dict(self.person), asked["code_challenge"], asked["redirect_uri"])
        back = urlencode({"code": code, "state": asked["state"]})
        return Response(status=302, headers={"Location": f"{asked['redirect_uri']}?{back}"})

    def _token(self, request: Request) -> Response:
        form = request.form
        person, challenge, redirect = self._codes.pop(form.get("code", ""), ({}, "", ""))
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        verifier = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        fits = (
            form.get("client_id") == self.client_id
            and form.get("client_secret") == self.client_secret
            and (verifier, form.get("redirect_uri")) == (challenge, redirect)
        )
        if not fits:
            return _json({"error": "invalid_grant"}, 400)
        token = secrets.token_urlsafe(16)
        self._tokens[token] = person
        now = int(time.time())
        claims = person | {
            "iss": self.issuer,
            "aud": self.client_id,
            "iat": now,
            "exp": now + 300,
        }
        return _json(
            {
                "access_token": token,
                "token_type": "Bearer",
                "expires_in": 300,
                "id_token": jwt.encode(claims, self._key, algorithm="HS256"),
            }
        )

    def _userinfo(self, request: Request) -> Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self._tokens:
            return _json({"error": "invalid_token"}, 401)
        return _json(self._tokens[token])


def _json(value: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(value), status, content_type="application/json")
