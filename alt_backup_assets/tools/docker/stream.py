"""The connection of one Docker exec: frames come in, standard input goes out.

Holds the engine's stream format (Docker Engine API, "Attach to a container", stream format) and
the waiting on both directions at once. Keep out: what an end of the stream means; the engine
ends it just as quietly for a killed container as for a program that is done.
"""

from __future__ import annotations

import io
import selectors
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from docker.api.client import APIClient

from alt_backup_assets.errors import PlatformError
from alt_backup_assets.tools import interruption

STDOUT = 1
STDERR = 2
COMPLAINT = 3  # the engine's own: it could not deliver the rest
_STREAMS = (0, STDOUT, STDERR, COMPLAINT)
_HEADER_BYTES = 8
_CHUNK_BYTES = 1 << 18
_SENT_BYTES = 1 << 16

# pg_dump writes pieces of a few kilobytes, and the engine passes on each of them. Waking up for
# every one costs more than hashing and writing it: they are let gather for a moment. A few of them
# fit into the socket's buffer; a conversation's short answers are never waited for.
_PIECE_BYTES = range(1 << 12, 1 << 15)
_GATHER_SECONDS = 0.003


class OutOfTimeError(Exception):
    """Nothing more may be waited for; never leaves the tool layer."""


class Frame(NamedTuple):
    """One piece of output and the stream it belongs to."""

    stream: int
    data: bytes


def take_frames(buffer: bytearray) -> Iterator[Frame]:
    """Take every complete frame off the front of a buffer.

    Raises:
        PlatformError: The bytes are no such stream.
    """
    while len(buffer) >= _HEADER_BYTES:
        stream, padding = buffer[0], bytes(buffer[1:4])
        if stream not in _STREAMS or any(padding):
            raise PlatformError("the Docker engine sent something that is not an exec's stream")
        end = _HEADER_BYTES + int.from_bytes(buffer[4:_HEADER_BYTES], "big")
        if len(buffer) < end:
            return
        data = bytes(buffer[_HEADER_BYTES:end])
        del buffer[:end]
        yield Frame(stream, data)


class ExecStream:
    """The hijacked connection of an exec that has been started.

    Attributes:
        ended: The engine closed its side.
        cut: It did so in the middle of a frame, or the connection broke.
    """

    def __init__(self, api: APIClient, exec_id: str) -> None:
        raw = api.exec_start(exec_id, socket=True)
        response = getattr(raw, "_response", None)
        connection = getattr(raw, "_sock", None)
        if not isinstance(connection, socket.socket) or isinstance(connection, ssl.SSLSocket):
            raise PlatformError(
                "commands in containers need an engine at unix:// or tcp:// without TLS: only "
                "there can standard input be closed behind its last byte"
            )
        self._response = response
        self._socket = connection
        self._socket.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._in_pieces = False
        # The HTTP client may have read past the headers, into the first frames.
        self._buffer = bytearray(_read_ahead(response))
        self.ended = False
        self.cut = False

    def exchange(self, outgoing: bytearray, deadline: float) -> list[Frame]:
        """Wait until something can be sent or was received, and do that.

        Args:
            outgoing: Standard input still to be sent; what is sent is taken off its front.
            deadline: The ``time.monotonic()`` after which nothing is waited for.

        Returns:
            The frames that are complete now; often none.

        Raises:
            OutOfTimeError: The deadline has passed.
        """
        if (ready := self._take()) or self.ended:
            return ready
        events = self._wait(bool(outgoing), deadline)
        if events & selectors.EVENT_WRITE:
            self._send(outgoing)
        if events & selectors.EVENT_READ:
            self._receive()
        return self._take()

    def close_stdin(self) -> None:
        """Tell the program that there is no more standard input."""
        with suppress(OSError):  # the other side has gone; what it left to read tells the rest
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Give the connection up; the program may still run."""
        self.ended = True
        with suppress(OSError):  # not connected any more
            self._socket.shutdown(socket.SHUT_RDWR)
        if self._response is not None:
            self._response.close()
        self._selector.close()
        self._socket.close()

    def _take(self) -> list[Frame]:
        frames = list(take_frames(self._buffer))
        self.cut |= any(frame.stream == COMPLAINT for frame in frames)
        return frames

    def _wait(self, sending: bool, deadline: float) -> int:
        interest = selectors.EVENT_READ | (selectors.EVENT_WRITE if sending else 0)
        self._selector.modify(self._socket, interest)
        if self._in_pieces and not sending:
            time.sleep(_GATHER_SECONDS)
        while True:
            interruption.heed()
            left = deadline - time.monotonic()
            if left <= 0:  # one that never stops talking is late too
                raise OutOfTimeError
            if ready := self._selector.select(min(left, interruption.SLICE_SECONDS)):
                return ready[0][1]

    def _send(self, outgoing: bytearray) -> None:
        try:
            sent = self._socket.send(outgoing[:_SENT_BYTES])
            del outgoing[:sent]
        except BlockingIOError:
            return
        except ConnectionError:
            outgoing.clear()  # the program does not want the rest; its exit code tells

    def _receive(self) -> None:
        try:
            data = self._socket.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return
        except ConnectionError:
            # A local socket is reset where the program left input unread, and only after its
            # output was delivered; over TCP a reset may swallow output.
            self.ended = True
            self.cut |= bool(self._buffer) or self._socket.family != socket.AF_UNIX
            return
        self._buffer += data
        self._in_pieces = len(data) in _PIECE_BYTES
        if not data:
            self.ended = True
            self.cut |= bool(self._buffer)


def _read_ahead(response: object) -> bytes:
    reader = getattr(getattr(getattr(response, "raw", None), "_fp", None), "fp", None)
    if not isinstance(reader, io.BufferedReader):
        raise PlatformError("this version of the Docker SDK hides the stream of an exec")
    return reader.peek()  # the socket does not block: this is what is there already
