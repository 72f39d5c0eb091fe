"""As Signal's server: Basic, a message that wants an answer, signs of life. Breaks the first connection off when it has got
something else. Its argument is its port, which it prints, and then what it gets."""

import asyncio
import base64
import http
import sys

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

PORT = int(sys.argv[1])
connections = 0


def admit(connection, request):
    expected = "Basic " + base64.b64encode(b"me:pass word").decode()
    if request.headers.get("Authorization") != expected:
        return connection.respond(http.HTTPStatus.UNAUTHORIZED, "who are you?\n")
    assert request.path == "/v1/websocket/?agent=xous", request.path


async def handle(connection):
    global connections
    connections += 1
    await connection.send(b"00000001" + f"{connections}:".encode() + b"x" * 20_000)
    alive = answered = False
    try:
        async for message in connection:
            if message == b"keepalive":
                # Once is enough to be told.
                if not alive and answered:
                    print("alive", flush=True)
                    alive = True
            elif message == b"00000001":
                answered = True
                print("answer", message, flush=True)
            else:
                print("got", message, flush=True)
                if connections == 1:
                    connection.transport.abort()
    except ConnectionClosed:
        pass


async def main():
    async with serve(handle, "127.0.0.1", PORT, process_request=admit) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


asyncio.run(main())
