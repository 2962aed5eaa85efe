# SPDX-License-Identifier: MIT
"""A WebSocket peer on a bare socket that can do everything wrong."""

import base64
import json
import os
import socket
import struct

from tokens import mint

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
DEADLINE = 20


def frame(opcode, payload, *, masked=True, fin=True, reserved=0, length=None):
    """A client's frame; `length` lies about the payload."""
    size = len(payload) if length is None else length
    first = bytes([(0x80 if fin else 0) | reserved << 4 | opcode])
    mark = 0x80 if masked else 0
    if size < 126:
        head = first + bytes([mark | size])
    elif size < 65536:
        head = first + bytes([mark | 126]) + struct.pack("!H", size)
    else:
        head = first + bytes([mark | 127]) + struct.pack("!Q", size)
    if not masked:
        return head + payload
    key = os.urandom(4)
    repeated = key * (len(payload) // 4 + 1)
    body = int.from_bytes(payload, "big") ^ int.from_bytes(repeated[:len(payload)], "big")
    return head + key + body.to_bytes(len(payload), "big")


class Peer:
    """Connected and upgraded; `join` does the handshake of hypha as well."""

    def __init__(self, port, path="/ws", headers=(), behind=b""):
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE)
        self.socket.settimeout(DEADLINE)
        self.buffer = bytearray()
        self.key = base64.b64encode(os.urandom(16)).decode()
        request = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket",
                   "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                   "Sec-WebSocket-Key: " + self.key, *headers]
        self.send("\r\n".join(request).encode() + b"\r\n\r\n" + behind)
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        self.head = self._take(self.buffer.index(b"\r\n\r\n") + 4).decode()
        self.status = int(self.head.split(" ", 2)[1])

    def _more(self):
        data = self.socket.recv(1 << 20)
        if not data:
            raise EOFError
        self.buffer += data

    def _take(self, count):
        while len(self.buffer) < count:
            self._more()
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        """The next frame: its opcode and payload."""
        first, size = self._take(2)
        if size == 126:
            size, = struct.unpack("!H", self._take(2))
        elif size == 127:
            size, = struct.unpack("!Q", self._take(8))
        return first & 0x0F, self._take(size)

    def join(self, workspace="ws-raw", **more):
        """Says hello; returns the server's connection_info or error."""
        hello = {"workspace": workspace, "token": mint(workspace), **more}
        self.send(frame(TEXT, json.dumps(hello).encode()))
        opcode, payload = self.receive()
        assert opcode == TEXT, (opcode, payload)
        return json.loads(payload)

    def ping(self):
        """Whether the server still answers this peer, by its own ping."""
        self.send(frame(TEXT, b'{"type": "ping"}'))
        return json.loads(self.receive()[1]) == {"type": "pong"}

    def closing(self):
        """Reads to the end, says goodbye in turn; the code of the close frame, None without one."""
        code = None
        try:
            while True:
                opcode, payload = self.receive()
                if opcode == CLOSE:
                    code = struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else None
                    self.send(frame(CLOSE, payload))
        except (EOFError, ConnectionResetError, BrokenPipeError):
            return code

    def close(self):
        self.socket.close()
