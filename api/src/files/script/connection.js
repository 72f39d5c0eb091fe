// A WebSocket to this page's server that comes back when it is lost: at once, then less and less often.
class Connection {
  static FIRST = 250;
  static LONGEST = 8000;

  // `receive` gets each message, `changed` learns whether it is open, and how to say where it stands.
  constructor(path, receive, changed) {
    Object.assign(this, { path, receive, changed, isOpen: false, wait: Connection.FIRST });
    this.connect();
  }

  connect() {
    const scheme = location.protocol.replace("http", "ws");
    const socket = new WebSocket(`${scheme}//${location.host}${this.path}`);
    this.socket = socket;
    socket.onopen = () => {
      this.wait = Connection.FIRST;
      this.become(true, `connected to ${location.host}${this.path}`);
    };
    socket.onmessage = event => this.receive(event.data);
    socket.onclose = event => {
      setTimeout(() => this.connect(), this.wait);
      const text = `not connected (${event.code}); next try in ${this.wait / 1000} s`;
      this.wait = Math.min(2 * this.wait, Connection.LONGEST);
      this.become(false, text);
    };
    this.become(false, "connecting …");
  }

  become(isOpen, text) {
    this.isOpen = isOpen;
    this.changed(isOpen, text);
  }
}
