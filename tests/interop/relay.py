# SPDX-License-Identifier: MIT
"""A wire between clients and a server that can break on one side only."""

import socket
import struct
import threading

RESET = struct.pack("ii", 1, 0)


class Relay:
    """Listens on a free port and passes everything on to port; cut() leaves ghosts at the server."""

    def __init__(self, port):
        self.target = port
        self.pairs = []
        self.ghosts = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            pair = (client, socket.create_connection(("127.0.0.1", self.target)))
            self.pairs.append(pair)
            for source, sink in (pair, pair[::-1]):
                threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            if sink not in self.ghosts:
                sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # either end has gone; cut() and close() see to the other one

    def cut(self):
        """Resets what clients hold; the server hears nothing of it. Returns how many there were."""
        pairs, self.pairs = self.pairs, []
        for client, server in pairs:
            self.ghosts.append(server)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.shutdown(socket.SHUT_RD)
            client.close()
        return len(pairs)

    def close(self):
        self.listener.close()
        for ends in [*self.pairs, self.ghosts]:
            for end in ends:
                end.close()
