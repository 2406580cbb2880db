"""Receivers of notifications over real sockets: one that takes HTTP, one that takes mail.

Both keep what they were sent and answer as they are told; they know nothing of ours.
"""

import email
import email.policy
import http.server
import json
import socketserver
import threading
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class _Threading(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True


class HttpReceiver:
    """Takes every POST. `answers` are given one after another, the last one for good."""

    def __init__(self) -> None:
        self.got: list[Received] = []
        self.answers: list[tuple[int, dict[str, str], bytes]] = [(200, {}, b"ok")]
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                receiver.got.append(Received(self.path, dict(self.headers), body))
                answers = receiver.answers
                code, headers, said = answers.pop(0) if len(answers) > 1 else answers[0]
                self.send_response(code)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *args: Any) -> None:
                """Quietly."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, *answers: int | tuple[int, dict[str, str], bytes]) -> None:
        self.answers = [one if isinstance(one, tuple) else (one, {}, b"") for one in answers]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass
class MailServer:
    """Takes mail by SMTP (RFC 5321), and refuses the recipients it is told to refuse."""

    got: list[tuple[str, EmailMessage]] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)  # address: "550 no such box"

    def __post_init__(self) -> None:
        server = self

        class Session(socketserver.StreamRequestHandler):
            def say(self, line: str) -> None:
                self.wfile.write(f"{line}\r\n".encode())

            def handle(self) -> None:
                self.say("220 sink")
                to: list[str] = []
                while line := self.rfile.readline().decode().strip():
                    verb = line[:4].upper()
                    if verb == "RCPT":
                        address = line.partition("<")[2].partition(">")[0]
                        refusal = server.refuses.get(address)
                        to += [] if refusal else [address]
                        self.say(refusal or "250 ok")
                    elif verb == "DATA":
                        self.say("354 go on")
                        server.got.append((to[-1], self._message()))
                        to = []
                        self.say("250 taken")
                    elif verb == "QUIT":
                        self.say("221 bye")
                        return
                    else:
                        self.say("250 ok")

            def _message(self) -> EmailMessage:
                lines = []
                while (line := self.rfile.readline()) != b".\r\n":
                    lines.append(line[1:] if line.startswith(b"..") else line)
                return email.message_from_bytes(b"".join(lines), policy=email.policy.default)

        self._server = _Threading(("127.0.0.1", 0), Session)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
