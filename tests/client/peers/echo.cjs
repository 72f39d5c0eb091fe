// An echo server on npm's ws. Prints its port; "close CODE REASON" makes it close.
const { WebSocketServer } = require("ws");

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, maxPayload: 0 }, () =>
  console.log(server.address().port),
);
server.on("connection", (socket) => {
  socket.on("message", (data, isBinary) => {
    const close = isBinary ? null : /^close (\d+) (.*)$/.exec(data.toString());
    if (close) {
      socket.close(Number(close[1]), close[2]);
    } else {
      socket.send(data, { binary: isBinary });
    }
  });
});
