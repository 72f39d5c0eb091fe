"""A client of the echo server: the Python package websockets."""

import sys

from websockets.exceptions import ConnectionClosedOK, InvalidStatus
from websockets.sync.client import connect

url = sys.argv[1]

# A machine that has other work takes longer than the package waits for by itself.
PATIENT = {"open_timeout": 60, "ping_interval": None}

with connect(url, subprotocols=["unknown", "echo"], max_size=None, **PATIENT) as ws:
    assert ws.subprotocol == "echo", ws.subprotocol
    assert not ws.protocol.extensions, ws.protocol.extensions
    for message in ["hello", "", "h\u00e9\u20ac\U0001f980", b"", bytes(range(256)), "x" * 70_000, bytes(1_000_000)]:
        ws.send(message)
        assert ws.recv(timeout=60) == message
    ws.send(["in ", "three ", "fragments"])
    assert ws.recv(timeout=60) == "in three fragments"
    ws.send(iter([b"\x00" * 5000, b"\x01" * 5000]))
    assert ws.recv(timeout=60) == b"\x00" * 5000 + b"\x01" * 5000
    assert ws.ping(b"there?").wait(60)
    ws.send("Trigger async")
    assert sorted([ws.recv(timeout=60), ws.recv(timeout=60)]) == ["Async data", "Trigger async"]
    ws.close(4000, "enough")
    try:
        ws.recv(timeout=60)
        raise SystemExit("received after the close")
    except ConnectionClosedOK:
        raise SystemExit("4000 is not an ordinary close")
    except Exception as closed:
        assert closed.rcvd.code == 4000, closed

try:
    connect(url + "/not/there", **PATIENT)
    raise SystemExit("a path without a route was accepted")
except InvalidStatus as refused:
    assert refused.response.status_code == 404, refused

print("ok")
