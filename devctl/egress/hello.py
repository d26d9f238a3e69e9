"""The name that a TLS client asks for in its first message, so that a tunnel to one name is not used for another.

The layout is that of RFC 8446, section 4.1.2, and RFC 6066, section 3.
"""

MOST = 65_536
"""Bytes of a first message that are waited for."""
_HANDSHAKE, _CLIENT_HELLO, _SERVER_NAME = 22, 1, 0


class Incomplete(Exception):
    """More bytes are needed."""


def is_tls(data: bytes) -> bool:
    """Whether a stream that begins so speaks TLS."""
    return data[:1] == bytes([_HANDSHAKE]) and data[1:2] in (b"", b"\x03")


def server_name(data: bytes) -> str | None:
    """The name asked for, in small letters; None where there is none or it is no client's first message.

    Raises Incomplete while the message is not whole.
    """
    hello = _message(data)
    if hello[0] != _CLIENT_HELLO:
        return None
    reader = _Reader(hello, 4)
    reader.skip(2 + 32)  # version, random
    reader.skip(reader.number(1))  # session
    reader.skip(reader.number(2))  # ciphers
    reader.skip(reader.number(1))  # compression
    if reader.ended:
        return None
    end = reader.number(2) + reader.at
    while reader.at + 4 <= end:
        kind, size = reader.number(2), reader.number(2)
        body = reader.take(size)
        if kind == _SERVER_NAME:
            return _first_name(body)
    return None


def _message(data: bytes) -> bytes:
    """The first handshake message, put together from as many records as it needs."""
    message, at = bytearray(), 0
    while True:
        if len(data) < at + 5:
            raise Incomplete
        kind, size = data[at], int.from_bytes(data[at + 3 : at + 5], "big")
        if kind != _HANDSHAKE or size == 0:
            return b"\0"
        if len(data) < at + 5 + size:
            raise Incomplete
        message += data[at + 5 : at + 5 + size]
        at += 5 + size
        if len(message) >= 4 and len(message) >= 4 + int.from_bytes(message[1:4], "big"):
            return bytes(message)


def _first_name(body: bytes) -> str | None:
    reader = _Reader(body, 2)
    while not reader.ended:
        kind, name = reader.number(1), reader.take(reader.number(2))
        if kind == 0:
            return name.decode("ascii", "replace").lower().removesuffix(".")
    return None


class _Reader:
    """Reads numbers and pieces; past the end everything is empty."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self.at = at

    @property
    def ended(self) -> bool:
        return self.at >= len(self._data)

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def take(self, size: int) -> bytes:
        piece = self._data[self.at : self.at + size]
        self.at += size
        return piece

    def skip(self, size: int) -> None:
        self.at += size
