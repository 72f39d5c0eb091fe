"""A client on Python's websockets: `client.py URL ANSWERS LOGIN MESSAGE...` sends the messages (0x... as bytes), prints the
chosen sub-protocol and that many answers, and closes. LOGIN is what Basic shows, or empty."""

import sys

from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

# A machine that has other work takes longer than the package waits for by itself.
PATIENT = {"open_timeout": 60, "ping_interval": None}


def main():
    _, url, answers, login, *messages = sys.argv
    headers = {"Authorization": f"Basic {login}"} if login else {}
    with connect(url, subprotocols=["chat"], additional_headers=headers, **PATIENT) as connection:
        print(connection.subprotocol)
        for message in messages:
            connection.send(bytes.fromhex(message[2:]) if message.startswith("0x") else message)
        for _ in range(int(answers)):
            answer = connection.recv(timeout=60)
            print(answer.hex() if isinstance(answer, bytes) else answer)
    print("closed", connection.protocol.close_code)


try:
    main()
except InvalidStatus as refused:
    print(refused)
