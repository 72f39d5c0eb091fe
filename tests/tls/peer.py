"""A TLS server of OpenSSL's, for tests to talk to.

Called with one argument, an object in JSON:
    mode     what connections get, see below
    chain, key, client_ca    files in PEM; the last may be missing
    least, most    TLS versions, such as "TLSv1_2"
    ciphers  for OpenSSL; may be missing

The first line that it prints is its port, each further one a report in JSON. It ends when its standard input does.
"""

import asyncio
import base64
import hashlib
import json
import os
import socket
import ssl
import struct
import sys
import threading

from stream import duplex, sink, source

SETTINGS = json.loads(sys.argv[1])
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def context():
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx.minimum_version = ssl.TLSVersion[SETTINGS["least"]]
    ctx.maximum_version = ssl.TLSVersion[SETTINGS["most"]]
    if SETTINGS.get("ciphers"):
        ctx.set_ciphers(SETTINGS["ciphers"])
    ctx.load_cert_chain(SETTINGS["chain"], SETTINGS["key"])
    if SETTINGS.get("client_ca"):
        ctx.load_verify_locations(SETTINGS["client_ca"])
        ctx.verify_mode = ssl.CERT_REQUIRED
    ctx.set_alpn_protocols(["h2", "http/1.1"])
    return ctx


def report(**fields):
    print(json.dumps(fields), flush=True)


# Mode "websocket": what the path says.


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def info(ws):
    tls = ws.transport.get_extra_info("ssl_object")
    await ws.send(
        json.dumps(
            {
                "version": tls.version(),
                "cipher": tls.cipher()[0],
                "alpn": tls.selected_alpn_protocol(),
                "resumed": tls.session_reused,
                "client": bool(tls.getpeercert()),
            }
        )
    )
    await ws.wait_closed()


async def websocket(ws):
    path, _, size = ws.request.path.partition("?")
    size = int(size or 0)
    handlers = {"/echo": lambda: echo(ws), "/info": lambda: info(ws)}
    handlers |= {"/source": lambda: source(ws, size), "/sink": lambda: sink(ws, size)}
    handlers |= {"/duplex": lambda: duplex(ws, size)}
    await handlers[path]()
    await ws.wait_closed()


async def serve_websockets():
    from websockets.asyncio.server import serve

    async with serve(
        websocket, "127.0.0.1", 0, ssl=context(), max_size=None, compression=None, ping_interval=None
    ) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Event().wait()


# The other modes: a thread per connection, WebSocket by hand.


def upgrade(tls):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += tls.recv(1)
    key = next(line[19:].strip() for line in head.decode().split("\r\n") if line.startswith("Sec-WebSocket-Key:"))
    accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
    tls.sendall(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
    )


def exactly(tls, size):
    data = b""
    while len(data) < size:
        piece = tls.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def frame(tls):
    """A short frame of the client: first byte and payload."""
    first, length = exactly(tls, 2)
    mask, payload = exactly(tls, 4), exactly(tls, length & 0x7F)
    return first, bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


def end(tls):
    """How the client ends the connection, and what it still sends."""
    rest = b""
    while True:
        try:
            piece = tls.recv(4096)
        except ssl.SSLEOFError:
            return "truncated", rest
        except (ssl.SSLError, OSError) as error:
            return str(error), rest
        if not piece:
            return "close_notify", rest
        rest += piece


def record(tls):
    how, plain = end(tls)
    report(end=how, plain=plain.decode("latin-1"))


def truncate(tls):
    """A message, half a message, and the end of the connection without a close_notify."""
    upgrade(tls)
    tls.sendall(b"\x81\x05whole\x81\x7e\x10\x00half")
    tls.close()


def answer_close(tls):
    """The client closes first."""
    upgrade(tls)
    first, payload = frame(tls)
    tls.sendall(bytes([0x88, len(payload)]) + payload)
    how, rest = end(tls)
    report(end=how, first=first, code=struct.unpack(">H", payload[:2])[0], rest=len(rest))


def close_first(tls):
    """The server closes first."""
    upgrade(tls)
    tls.sendall(b"\x88\x02\x03\xe8")
    first, payload = frame(tls)
    how, rest = end(tls)
    report(end=how, first=first, code=struct.unpack(">H", payload[:2])[0], rest=len(rest))


def notify_only(tls):
    """The server ends TLS without a Close frame."""
    upgrade(tls)
    try:
        tls.unwrap()
    except (ssl.SSLError, OSError):
        pass


def connection(sock, ctx, handler):
    try:
        tls = ctx.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False)
    except (ssl.SSLError, OSError) as error:
        report(handshake=False, error=str(error))
        return
    try:
        handler(tls)
    except (ssl.SSLError, OSError, EOFError) as error:
        report(error=str(error))


def serve_by_hand(handler):
    ctx = context()
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=connection, args=(sock, ctx, handler), daemon=True).start()


def until_input_ends():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=until_input_ends, daemon=True).start()
if SETTINGS["mode"] == "websocket":
    asyncio.run(serve_websockets())
else:
    serve_by_hand(globals()[SETTINGS["mode"]])
