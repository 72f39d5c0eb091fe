"""Three members of the chat at URL: two in one room and one in another. Prints what each hears."""

import sys

from websockets.sync.client import connect

# A machine that has other work takes longer than the package waits for by itself.
PATIENT = {"open_timeout": 60, "ping_interval": None}


def heard(member):
    return member.recv(timeout=60)


def main():
    url = sys.argv[1]
    with connect(url + "hall?Ann", **PATIENT) as ann, connect(url + "garden?Cy", **PATIENT) as cy:
        assert heard(ann) == "Ann has come" and heard(cy) == "Cy has come"
        with connect(url + "hall?Bob", **PATIENT) as bob:
            assert heard(ann) == heard(bob) == "Bob has come"
            bob.send("hello")
            bob.send(b"not a text")
            ann.send("\u00e9")
            said = {heard(ann), heard(ann)}
            assert said == {"Bob: hello", "Ann: \u00e9"}, said
            assert {heard(bob), heard(bob)} == said
        assert heard(ann) == "Bob has gone"
        cy.send("alone")
        assert heard(cy) == "Cy: alone"
    print("ok")


main()
