"""A server on Python's websockets whose paths behave differently. `server.py [PORT [CERTIFICATE KEY]]` prints its port,
then what happens. With a certificate it speaks TLS."""

import asyncio
import json
import ssl
import sys

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode


def tell(*words):
    print(*words, flush=True)


class Connection(ServerConnection):
    def process_event(self, event):
        if isinstance(event, Frame) and event.opcode is Opcode.PING:
            tell("ping")
            self.pinged.set()
        super().process_event(event)

    @property
    def pinged(self):
        if not hasattr(self, "_pinged"):
            self._pinged = asyncio.Event()
        return self._pinged


dropped = 0


async def behave(connection, path, query):
    """Returns how many messages came, but for paths that end otherwise."""
    global dropped
    if path == "/headers":
        await connection.send(json.dumps(dict(connection.request.headers.raw_items())))
    elif path == "/feed":
        number = 0
        while True:
            await connection.send(str(number))
            number += 1
            # It reads meanwhile.
            await asyncio.sleep(0.002)
    elif path == "/bytes":
        await connection.send(bytes(range(256)) * 40)
    elif path == "/pinged":
        await connection.pinged.wait()
        await connection.send("pinged")
    count = 0
    async for message in connection:
        count += 1
        if path == "/silent":
            tell("got", message.hex() if isinstance(message, bytes) else json.dumps(message))
        elif path == "/count":
            pass
        elif path == "/close":
            code, _, reason = query.partition("=")
            await connection.close(int(code), reason)
        elif path == "/drop" and dropped == 0:
            dropped += 1
            connection.transport.abort()
        elif path == "/tear" and dropped == 0:
            dropped += 1
            # Ten bytes of text, of which three come.
            connection.transport.write(b"\x81\x0acut")
            connection.transport.close()
        else:
            await connection.send(message)
    return count


async def handle(connection):
    path, _, query = connection.request.path.partition("?")
    tell("open", path)
    try:
        count = await behave(connection, path, query)
        tell("closed", connection.close_code, count)
    except ConnectionClosed:
        tell("closed", connection.close_code)


def choose(_connection, offered):
    return next((name for name in offered if name in ("chat", "test")), None)


async def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    secure = None
    if len(sys.argv) > 3:
        secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        secure.load_cert_chain(sys.argv[2], sys.argv[3])
    settings = dict(ssl=secure, select_subprotocol=choose, create_connection=Connection, ping_interval=None)
    async with serve(handle, "127.0.0.1", port, **settings) as server:
        tell(server.sockets[0].getsockname()[1])
        await server.serve_forever()


asyncio.run(main())
