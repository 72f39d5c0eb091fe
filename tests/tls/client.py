"""A TLS client of OpenSSL's, for tests of the server role.

Called with one argument, an object in JSON:
    mode     what it does, see below
    port     of the server
    ca, chain, key    files in PEM: whom to trust, as whom; the last two may be empty
    least, most    TLS versions, such as "TLSv1_2"
    alpn     protocols to offer, between commas; may be empty
    origin   of the web page that it stands for; may be empty
    size     bytes of a stream

Each line that it prints is a report in JSON, or a text.
"""

import asyncio
import json
import socket
import ssl
import sys
import warnings

import stream

SETTINGS = json.loads(sys.argv[1])
SIZES = [0, 1, 125, 126, 4096, 16_384, 16_385, 65_536, 1 << 20]

# That TLS 1.1 is no good is what a test is about.
warnings.simplefilter("ignore", DeprecationWarning)


def context():
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.minimum_version = ssl.TLSVersion[SETTINGS["least"]]
    ctx.maximum_version = ssl.TLSVersion[SETTINGS["most"]]
    ctx.load_verify_locations(SETTINGS["ca"])
    if SETTINGS["chain"]:
        ctx.load_cert_chain(SETTINGS["chain"], SETTINGS["key"])
    return ctx


def report(**fields):
    print(json.dumps(fields), flush=True)


# Mode "get": for each line, which is a path, a connection of its own. Sessions are resumed.


def until_end(tls):
    answer = b""
    while True:
        try:
            piece = tls.recv(65536)
        except ssl.SSLEOFError:
            return answer, "truncated"
        if not piece:
            return answer, "close_notify"
        answer += piece


def get_one(ctx, path, session):
    sock = socket.create_connection(("127.0.0.1", SETTINGS["port"]))
    with ctx.wrap_socket(
        sock, server_hostname="localhost", session=session, suppress_ragged_eofs=False
    ) as tls:
        tls.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer, end = until_end(tls)
        head, _, body = answer.decode("latin-1").partition("\r\n\r\n")
        report(
            version=tls.version(),
            cipher=tls.cipher()[0],
            alpn=tls.selected_alpn_protocol(),
            resumed=tls.session_reused,
            names=[name for _, name in tls.getpeercert()["subjectAltName"]],
            status=head.partition("\r\n")[0],
            body=body,
            end=end,
        )
        return tls.session


def get():
    # A session belongs to the context that it was made with.
    ctx, session = context(), None
    if SETTINGS["alpn"]:
        ctx.set_alpn_protocols(SETTINGS["alpn"].split(","))
    for line in sys.stdin:
        try:
            session = get_one(ctx, line.rstrip("\n"), session)
        except (ssl.SSLError, OSError) as error:
            report(error=str(error))


# Mode "idle": for each line, which is how many requests, a connection that sends them and then nothing.


def idle():
    for line in sys.stdin:
        sock = socket.create_connection(("127.0.0.1", SETTINGS["port"]))
        with context().wrap_socket(sock, server_hostname="localhost", suppress_ragged_eofs=False) as tls:
            for _ in range(int(line)):
                tls.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer, end = until_end(tls)
            report(answers=answer.count(b"HTTP/1.1 200"), end=end)


# Mode "scan": for each line, which is ciphers, whether the server accepts them.


def scan():
    for line in sys.stdin:
        try:
            ctx = context()
            ctx.set_ciphers(line.rstrip("\n") + ":@SECLEVEL=0")
            sock = socket.create_connection(("127.0.0.1", SETTINGS["port"]))
            with ctx.wrap_socket(sock, server_hostname="localhost") as tls:
                report(accepted=True, version=tls.version(), cipher=tls.cipher()[0])
        except (ssl.SSLError, OSError) as error:
            report(accepted=False, error=str(error))


# The others: a WebSocket.


async def messages(ws):
    """Messages of all sizes, which have to come back."""
    for size in SIZES:
        data = stream.pattern(0, size)
        await ws.send(data)
        assert await ws.recv() == data, size
    tls = ws.transport.get_extra_info("ssl_object")
    report(version=tls.version(), cipher=tls.cipher()[0])


async def hold(ws):
    """Each line, which has to come back."""
    report(opened=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line == "break off\n":
            # The end of the connection, and no close_notify before.
            ws.transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
            return
        await ws.send(line.rstrip("\n"))
        report(text=await ws.recv())


async def source(ws):
    await stream.source(ws, SETTINGS["size"])
    await ws.wait_closed()


async def sink(ws):
    await stream.sink(ws, SETTINGS["size"])
    await ws.wait_closed()


async def duplex(ws):
    await stream.duplex(ws, SETTINGS["size"])
    await ws.wait_closed()


async def websocket(mode):
    from websockets.asyncio.client import connect

    settings = dict(max_size=None, compression=None, ping_interval=None, proxy=None)
    settings |= dict(ssl=context(), host="127.0.0.1", port=SETTINGS["port"], server_hostname="localhost")
    if SETTINGS["origin"]:
        settings["origin"] = SETTINGS["origin"]
    try:
        async with connect(f"wss://localhost:{SETTINGS['port']}/ws", **settings) as ws:
            await mode(ws)
            await ws.close()
            report(code=ws.close_code)
    except Exception as error:
        report(error=f"{type(error).__name__}: {error}")


if SETTINGS["mode"] in ("get", "idle", "scan"):
    globals()[SETTINGS["mode"]]()
else:
    asyncio.run(websocket(globals()[SETTINGS["mode"]]))
