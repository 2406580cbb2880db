"""Start the sandbox as a process of its own on a free port, for tests over a real socket."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

CHECKOUT = Path(__file__).parents[3]


@dataclass
class RunningSandbox:
    """A sandbox process: where it answers, and ways to ask, kill and stop it."""

    process: subprocess.Popen[str]
    url: str
    api_key: str

    @property
    def graphql_url(self) -> str:
        """Where GraphQL is answered."""
        return f"{self.url}/graphql"

    def witness(self, path: str, **query: Any) -> Any:
        """GET below /_sandbox/. Raises httpx.HTTPStatusError."""
        answer = httpx.get(f"{self.url}/_sandbox/{path}", params=query, timeout=30)
        return answer.raise_for_status().json()

    def control(self, path: str, **values: Any) -> Any:
        """POST below /_sandbox/. Raises httpx.HTTPStatusError."""
        answer = httpx.post(f"{self.url}/_sandbox/{path}", json=values, timeout=60)
        return answer.raise_for_status().json()

    def graphql(self, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """Execute a query with the operator's key; the whole response body."""
        answer = httpx.post(
            self.graphql_url,
            json={"query": query, "variables": variables or {}},
            headers={"marketplacer-api-key": self.api_key},
            timeout=60,
        )
        body: dict[str, Any] = answer.raise_for_status().json()
        return body

    def kill(self) -> None:
        """End it at once, as kill -9 does."""
        self.process.kill()
        self.process.wait()

    def stop(self, within: float = 20) -> int:
        """Ask it to stop and give its exit status; 0 is a clean end."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=within)


def start_sandbox(*arguments: str, port: int = 0, deadline: float = 30) -> RunningSandbox:
    """Start a sandbox with these command-line arguments. Raises RuntimeError when it does not come.

    The caller ends it.
    """
    command = [sys.executable, "-m", "tests.sandbox.marketplacer", "--port", str(port), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT, env=environment
    )
    assert process.stdout is not None
    until = time.monotonic() + deadline
    while time.monotonic() < until:
        readable, _, _ = select.select([process.stdout], [], [], 0.2)
        if readable:
            line = process.stdout.readline()
            if line:
                ready = json.loads(line)
                return RunningSandbox(process, ready["url"], ready["api_key"])
        if process.poll() is not None:
            break
    process.kill()
    process.wait()
    process.stdout.close()
    raise RuntimeError(f"the sandbox did not start; exit status {process.returncode}")


@contextmanager
def running_sandbox(*arguments: str, port: int = 0) -> Iterator[RunningSandbox]:
    """A sandbox process for the length of a with block."""
    sandbox = start_sandbox(*arguments, port=port)
    try:
        yield sandbox
    finally:
        sandbox.stop()
        if sandbox.process.stdout is not None:
            sandbox.process.stdout.close()
