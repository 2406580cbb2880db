"""Serve the sandbox alone: `python -m tests.sandbox.marketplacer --port 9100 --seed 7`."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import threading
from pathlib import Path
from types import FrameType

from werkzeug.serving import WSGIRequestHandler, make_server

from tests.sandbox.marketplacer.sandbox import OPERATOR_KEY, Sandbox, WrongState


class QuietHandler(WSGIRequestHandler):
    """Logs nothing: the witness's log tells more."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        return


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.sandbox.marketplacer")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9100, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--variants", type=int, default=3000)
    parser.add_argument("--rate", type=float, default=0, help="orders per minute")
    parser.add_argument("--state", type=Path, help="folder that survives restarts")
    parser.add_argument("--webhook-url", help="register this address for invoice events")
    parser.add_argument("--hmac-key")
    parser.add_argument("--webhook-time-scale", type=float, default=1.0)
    parser.add_argument("--api-key", default=OPERATOR_KEY)
    parser.add_argument("--basic-auth", help="user:password")
    parser.add_argument("--keyset-cursors", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Serve until SIGTERM or SIGINT; one JSON line says when and where it is ready."""
    given = options()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        sandbox = Sandbox(
            given.seed,
            variants=given.variants,
            state=given.state,
            per_minute=given.rate,
            api_key=given.api_key,
            basic_auth=given.basic_auth,
            webhook_time_scale=given.webhook_time_scale,
            keyset_cursors=given.keyset_cursors,
        )
    except WrongState as error:
        raise SystemExit(str(error)) from None
    if given.webhook_url:
        # One slot for the command line: a restart moves the webhook, and what waits, to the new
        # address, and switches it on again.
        sandbox.register_webhook(given.webhook_url, hmac_key=given.hmac_key, slot="command line")
    server = make_server(
        given.host, given.port, sandbox.wsgi_app, threaded=True, request_handler=QuietHandler
    )
    server.daemon_threads = True  # type: ignore[attr-defined]

    def stop(signum: int, frame: FrameType | None) -> None:
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    sandbox.start()
    url = f"http://{given.host}:{server.server_port}"
    ready = {
        "ready": True,
        "url": url,
        "graphql": f"{url}/graphql",
        "control": f"{url}/_sandbox/",
        "api_key": given.api_key,
        "seed": given.seed,
    }
    print(json.dumps(ready), flush=True)
    server.serve_forever(poll_interval=0.1)
    sandbox.stop()
    server.server_close()


if __name__ == "__main__":
    main()
