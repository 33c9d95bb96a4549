"""A network between Redis and its callers that loses a reply, or holds a command back, when told to."""

import socket
import threading
from contextlib import suppress
from queue import SimpleQueue
from typing import Self

from tests.threads import PATIENCE


class Proxy:
    """Listens at ``url`` and passes everything on to the server on that port.

    An order names a ``word`` that a command contains, such as a script's sha; it is carried out once.
    """

    def __init__(self, port: int) -> None:
        self._behind = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._lose = self._hold = b""
        self._is_torn = False
        self._held: tuple[socket.socket, bytes] | None = None
        self._unheard: SimpleQueue[bytes] = SimpleQueue()
        self._deaf: set[socket.socket] = set()
        self._ends: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for end in (self._listener, *self._ends):
            _hang_up(end)
        self._listener.close()

    def lose_reply_to(self, word: str) -> None:
        """The next command with this word runs, but its caller finds the connection closed."""
        self._lose = word.encode()

    def hold_back(self, word: str) -> None:
        """The caller of the next command with this word finds the connection closed, and the command is
        under way until :meth:`let_go`."""
        self._hold = word.encode()

    def tear(self) -> None:
        """From now on nothing comes through, either way, and nobody is told."""
        self._is_torn = True

    def let_go(self) -> None:
        """What was held back arrives and is carried out."""
        assert self._held, "nothing was held back"
        server, command = self._held
        server.sendall(command)
        self.wait_for_lost_reply()

    def wait_for_lost_reply(self) -> bytes:
        """The reply that nobody heard."""
        return self._unheard.get(timeout=PATIENCE)

    def _serve(self) -> None:
        with suppress(OSError):  # the listener is closed at the end
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._behind))
                except ConnectionRefusedError:  # whoever was there is dead
                    client.close()
                    continue
                self._ends += client, server
                for pump in (self._pass_commands, self._pass_replies):
                    threading.Thread(target=pump, args=(client, server), daemon=True).start()

    def _pass_commands(self, client: socket.socket, server: socket.socket) -> None:
        with client, suppress(OSError):
            while command := client.recv(1 << 20):
                if self._is_torn:
                    continue
                if self._hold and self._hold in command:
                    self._held, self._hold = (server, command), b""
                    self._deaf.add(server)
                    return
                if self._lose and self._lose in command:
                    self._lose = b""
                    self._deaf.add(server)
                server.sendall(command)
        _hang_up(server)

    def _pass_replies(self, client: socket.socket, server: socket.socket) -> None:
        with server, suppress(OSError):
            while reply := server.recv(1 << 20):
                if self._is_torn:
                    continue
                if server in self._deaf:
                    self._unheard.put(reply)
                    break
                client.sendall(reply)
        _hang_up(client)


def _hang_up(end: socket.socket) -> None:
    """Who waits for this socket, in another thread or at its other end, learns that it is over."""
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
