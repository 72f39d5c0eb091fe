"""Chromium on a page of the demonstration, by ChromeDriver (W3C WebDriver).

Called with one argument, an object in JSON:
    url    of the page
    home   an empty directory, for all that the browser keeps
    ca     a file in PEM to trust; may be empty

Prints what became of it, in JSON.
"""

import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

# <sys/prctl.h>
PR_SET_PDEATHSIG = 1
SETTINGS = json.loads(sys.argv[1])
# Waits for the connection, sends what the page suggests, and waits for the echo; then its own answer is called.
SCRIPT = r"""
const answer = arguments[0];
const state = document.getElementById("state"), log = document.getElementById("log");
const look = () => {
  if (!log) return answer(document.documentElement.textContent.match(/ERR_\w+/)[0]);
  const line = log.querySelector(".in");
  if (line) answer([location.protocol, isSecureContext, state.textContent, line.textContent, echo.socket.url]);
  else if (state.classList.contains("open") && !log.children.length) document.getElementById("form").requestSubmit();
};
if (log) new MutationObserver(look).observe(document.body, {subtree: true, childList: true, attributes: true});
look();
"""


def trust(home, ca):
    database = os.path.join(home, ".pki", "nssdb")
    os.makedirs(database)
    certutil = ["certutil", "-d", "sql:" + database]
    subprocess.run([*certutil, "-N", "--empty-password"], check=True)
    if ca:
        subprocess.run([*certutil, "-A", "-t", "C,,", "-n", "test", "-i", ca], check=True)


def call(base, method, path, **body):
    data = json.dumps(body).encode() if method == "POST" else None
    request = urllib.request.Request(base + path, data, {"Content-Type": "application/json"}, method=method)
    # Nothing of this goes through a proxy.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        return json.load(opener.open(request, timeout=100))["value"]
    except urllib.error.HTTPError as error:
        return json.load(error)["value"]


def visit(base):
    options = {"args": ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"]}
    # By a pipe: the browser ends with the driver, however that ends.
    options["args"].append("--remote-debugging-pipe")
    capabilities = {"alwaysMatch": {"goog:chromeOptions": options, "timeouts": {"script": 60_000}}}
    session = call(base, "POST", "/session", capabilities=capabilities)
    if "sessionId" not in session:
        return session
    path = "/session/" + session["sessionId"]
    try:
        failure = call(base, "POST", path + "/url", url=SETTINGS["url"])
        return failure or call(base, "POST", path + "/execute/async", script=SCRIPT, args=[])
    finally:
        call(base, "DELETE", path)


def end_with_parent():
    """Run in a new process."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start():
    """The driver and its port. It ends at once if another process has taken the port that it chose meanwhile."""
    while True:
        driver = subprocess.Popen(
            ["chromedriver", "--port=0"],
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ, HOME=SETTINGS["home"]),
            preexec_fn=end_with_parent,
        )
        for line in driver.stdout:
            if found := re.search(r"successfully on port (\d+)", line):
                return driver, found[1]
        driver.wait()


def main():
    trust(SETTINGS["home"], SETTINGS["ca"])
    driver, port = start()
    try:
        result = visit(f"http://127.0.0.1:{port}")
    finally:
        driver.kill()
        driver.wait()
    if isinstance(result, dict):
        result = {"error": result["message"].partition("\n")[0]}
    print(json.dumps(result), flush=True)


main()
