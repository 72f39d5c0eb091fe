"use strict";

const element = id => document.getElementById(id);

// Puts a line on top of a list, which forgets the oldest of many.
function log(list, text, kind) {
  const line = document.createElement("li");
  line.className = kind;
  line.textContent = text;
  list.prepend(line);
  while (list.children.length > 50) list.lastChild.remove();
}

// A WebSocket to this page's server that comes back when it is lost: at once, then less and less often.
class Link {
  static FIRST = 250;
  static LONGEST = 8000;

  // `state` shows where it stands, `receive` gets each message, `changed` learns whether it is open.
  constructor(path, protocols, state, receive, changed = () => {}) {
    Object.assign(this, { path, protocols, state, receive, changed, wait: Link.FIRST });
    this.connect();
  }

  connect() {
    this.say("connecting …", false);
    const scheme = location.protocol.replace("http", "ws");
    this.socket = new WebSocket(`${scheme}//${location.host}${this.path}`, this.protocols);
    this.socket.onopen = () => {
      this.wait = Link.FIRST;
      this.say(`connected to ${location.host}${this.path}`, true);
    };
    this.socket.onmessage = event => this.receive(event.data);
    this.socket.onclose = event => {
      this.say(`not connected (${event.code}); next try in ${this.wait / 1000} s`, false);
      setTimeout(() => this.connect(), this.wait);
      this.wait = Math.min(2 * this.wait, Link.LONGEST);
    };
  }

  say(text, open) {
    this.state.textContent = text;
    this.state.classList.toggle("open", open);
    this.changed(open);
  }

  send(text) {
    this.socket.send(text);
  }
}
