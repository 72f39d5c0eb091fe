// What ways.py does, on node's own http and npm's ws; and a proxy for those who log in. Prints its port.
const http = require("http");
const net = require("net");
const { WebSocketServer } = require("ws");

const LOGIN = "Basic " + Buffer.from("müller:pässword").toString("base64");
const sockets = new WebSocketServer({ noServer: true });

function refuse(socket, status, headers, body) {
  const lines = Object.entries({ ...headers, "Content-Length": Buffer.byteLength(body) });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.end(`HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\n${head}\r\n${body}`);
}

const server = http.createServer();
server.on("upgrade", (request, socket, head) => {
  socket.on("error", () => {});
  switch (request.url) {
    case "/busy":
      return refuse(socket, 503, { "Retry-After": 7 }, "come back later");
    case "/there":
      return refuse(socket, 302, { Location: "echo" }, "");
    case "/lost":
      return socket.resetAndDestroy();
    case "/silent":
      return;
    case "/login":
      if (request.headers.authorization !== LOGIN) {
        return refuse(socket, 401, { "WWW-Authenticate": 'Basic realm="ways"' }, "who");
      }
  }
  sockets.handleUpgrade(request, socket, head, (ws) => {
    ws.on("message", (data, binary) => ws.send(data, { binary }));
  });
});
server.on("connect", (request, socket) => {
  socket.on("error", () => {});
  if (request.headers["proxy-authorization"] !== LOGIN) {
    return refuse(socket, 407, { "Proxy-Authenticate": 'Basic realm="proxy"' }, "who");
  }
  const { hostname, port } = new URL(`http://${request.url}`);
  const other = net.connect(port, hostname, () => {
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    socket.pipe(other).pipe(socket);
  });
  other.on("error", () => socket.destroy());
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
