"""Sends a file to the inbox of `http://HOST:PORT/` in parts, lists it, and fetches it: `inbox.py URL USER:PASSWORD`."""

import base64
import hashlib
import json
import struct
import sys
import urllib.error
import urllib.request

from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

# A machine that has other work takes longer than the package waits for by itself.
PATIENT = {"open_timeout": 60, "ping_interval": None}

DATA = bytes(range(256)) * 1000


def fetch(url, headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return answer.read()


def main():
    url, login = sys.argv[1:]
    headers = {"Authorization": "Basic " + base64.b64encode(login.encode()).decode()}
    upload = url.replace("http:", "ws:") + "upload"
    try:
        connect(upload, **PATIENT)
        raise AssertionError("let in without a login")
    except InvalidStatus as refused:
        assert refused.response.status_code == 401
    try:
        fetch(url + "files/", {})
        raise AssertionError("files are shown without a login")
    except urllib.error.HTTPError as refused:
        assert refused.code == 401
    with connect(upload, additional_headers=headers, **PATIENT) as connection:
        number = struct.pack("<I", 4711)
        connection.send(number + b"notes/today.txt\0" + struct.pack("<I", len(DATA)))
        for at in range(0, len(DATA), 50_000):
            connection.send(number + DATA[at:at + 50_000])
        while True:
            answer = json.loads(connection.recv(timeout=60))
            if "sha256" in answer:
                assert answer["sha256"] == hashlib.sha256(DATA).hexdigest(), answer
                break
    files = json.loads(fetch(url + "files/", headers))
    assert files == {"files": [{"name": "notes/today.txt", "length": len(DATA)}]}, files
    assert fetch(url + "files/notes/today.txt", headers) == DATA
    print("ok")


main()
