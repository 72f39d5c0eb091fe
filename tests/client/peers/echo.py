"""An echo server on Python's websockets. Prints its port; "close CODE REASON" makes it close."""

import asyncio

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


async def echo(connection):
    try:
        while True:
            message = await connection.recv()
            if isinstance(message, str) and message.startswith("close "):
                _, code, reason = message.split(" ", 2)
                await connection.close(int(code), reason)
            else:
                await connection.send(message)
    except ConnectionClosed:
        pass


def choose(_connection, offered):
    return "echo" if "echo" in offered else None


async def main():
    async with serve(echo, "127.0.0.1", 0, select_subprotocol=choose, max_size=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


asyncio.run(main())
