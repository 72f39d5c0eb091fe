"""Streams of bytes that differ from place to place, for either side of a connection."""

import asyncio
import hashlib

PIECE = 64 * 1024


def pattern(at, size):
    """What the bytes at a place are."""
    return bytes((place ^ (place >> 8)) & 0xFF for place in range(at, at + size))


BLOCK = pattern(0, PIECE)


async def source(ws, size):
    """Sends so many bytes."""
    for at in range(0, size, PIECE):
        await ws.send(BLOCK[: size - at])


async def count(ws, size):
    """Takes so many bytes; their number and digest."""
    digest, counted = hashlib.sha256(), 0
    while counted < size:
        message = await ws.recv()
        digest.update(message)
        counted += len(message)
    return f"{counted} {digest.hexdigest()}"


async def sink(ws, size):
    """Takes so many bytes and says what they were."""
    await ws.send(await count(ws, size))


async def duplex(ws, size):
    """Both at once."""
    _, counted = await asyncio.gather(source(ws, size), count(ws, size))
    await ws.send(counted)
