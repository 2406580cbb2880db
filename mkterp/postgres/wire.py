"""The few bytes of PostgreSQL's protocol that a log-in takes."""

import socket
import struct

_PROTOCOL_3 = 196608


def log_in(connection: socket.socket, role: str, database: str) -> str:
    """Log in on a connected socket and out again; "" for welcome, else the SQLSTATE of the refusal.

    Raises ConnectionError when the server hangs up in between.
    """
    text = f"user\0{role}\0database\0{database}\0\0".encode()
    connection.sendall(struct.pack("!ii", len(text) + 8, _PROTOCOL_3) + text)
    while True:
        kind, length = struct.unpack("!ci", _read(connection, 5))
        body = _read(connection, length - 4)
        if kind == b"E":
            # Fields, each a letter and a text that ends with a zero byte; C is the code.
            fields = {field[:1]: field[1:] for field in body.split(b"\0")}
            return fields[b"C"].decode()
        if kind == b"Z":  # ready for a query
            connection.sendall(b"X" + struct.pack("!i", 4))
            return ""


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionResetError("the server hung up")
        data += part
    return data
