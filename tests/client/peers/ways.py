"""A server on Python's websockets that echoes under /echo, and elsewhere refuses, leads on, asks who is there, says nothing
or goes away. Its arguments are host and port. Prints its port, and that of Python's own http.server, which speaks HTTP/1.0.
"""

import asyncio
import http
import http.server
import sys
import threading

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed
from websockets.headers import parse_authorization_basic

LOGIN = ("müller", "pässword")


async def echo(connection):
    try:
        async for message in connection:
            await connection.send(message)
    except ConnectionClosed:
        pass


def answer(connection, status, body, name, value):
    response = connection.respond(status, body)
    response.headers[name] = value
    return response


async def ways(connection, request):
    path = request.path
    if path == "/busy":
        return answer(connection, http.HTTPStatus.SERVICE_UNAVAILABLE, "come back later", "Retry-After", "7")
    if path == "/there":
        return answer(connection, http.HTTPStatus.FOUND, "", "Location", "echo")
    if path == "/login":
        shown = request.headers.get("Authorization")
        if shown is None or parse_authorization_basic(shown) != LOGIN:
            asks = 'Basic realm="ways"'
            return answer(connection, http.HTTPStatus.UNAUTHORIZED, "who", "WWW-Authenticate", asks)
    if path == "/lost":
        connection.transport.abort()
    if path == "/silent":
        await connection.wait_closed()
    return None


class Old(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(503, "too old")

    def log_message(self, *_arguments):
        pass


async def main():
    host, port = sys.argv[1], int(sys.argv[2])
    async with serve(echo, host, port, process_request=ways, open_timeout=None) as server:
        old = http.server.ThreadingHTTPServer((host, 0), Old)
        threading.Thread(target=old.serve_forever, daemon=True).start()
        print(server.sockets[0].getsockname()[1], old.server_address[1], flush=True)
        await server.serve_forever()


asyncio.run(main())
