"""The least a webhook receiver can do: check the signature, insert the raw body, answer."""

import base64
import hashlib
import hmac
import os
import threading

import psycopg

_local = threading.local()
_KEY = os.environ.get("MARKETPLACER_WEBHOOK_KEY", "").encode()


def _connection():
    if not hasattr(_local, "connection"):
        _local.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    return _local.connection


def application(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    digest = base64.b64encode(hmac.new(_KEY, body, hashlib.sha256).digest()).decode()
    if not hmac.compare_digest(digest, environ.get("HTTP_MARKETPLACER_HMAC_256", "")):
        start_response("503 Service Unavailable", [])
        return [b""]
    _connection().execute(
        "INSERT INTO bare_webhook VALUES (%s, %s) ON CONFLICT DO NOTHING",
        (environ["HTTP_IDEMPOTENCY_KEY"], body.decode()),
    )
    start_response("200 OK", [("Content-Length", "0")])
    return [b""]
