"use strict";

// Sends files by the protocol of docs/upload.md. Knows the connection and the files, and nothing of the page.

// A file on its way.
class Transfer {
  // `changed` learns of everything that happens to it.
  constructor(file, changed) {
    Object.assign(this, { file, changed, name: file.name, length: file.size });
    this.start();
  }

  // From the beginning, under another id. `state` is one of
  //   waiting    until another file has been sent
  //   starting   its first message is to be sent
  //   asked      the first message is not answered
  //   resuming   the question how much is stored is not answered
  //   sending    parts go out, or all have and the answer is waited for
  //   stored, failed, cancelled   it is over
  start() {
    this.id = crypto.getRandomValues(new Uint32Array(1))[0];
    Object.assign(this, { state: "waiting", token: null, sent: 0, stored: 0, giveUp: false, asked: 0, reason: "", sha256: "" });
    this.pace = [];
  }

  get isOver() {
    return ["stored", "failed", "cancelled"].includes(this.state);
  }

  // There are bytes that may be sent now.
  get isReady() {
    return !this.giveUp && (this.state === "starting" || this.state === "sending" && this.sent < this.length);
  }

  // Goes to another state, of which `facts` are true.
  become(state, facts = {}) {
    Object.assign(this, { state }, facts);
    if (this.isOver) Memory.forget(this);
    this.changed(this);
  }

  fail(reason) {
    this.become("failed", { reason });
  }

  // So many bytes are in the database.
  reach(bytes) {
    this.stored = bytes;
    const now = performance.now();
    this.pace.push({ now, bytes });
    while (this.pace.length > 2 && now - this.pace[0].now > Transfer.PACE) this.pace.shift();
  }

  // Bytes a second of late; 0 while that is not known.
  get rate() {
    if (this.pace.length < 2) return 0;
    const [first, last] = [this.pace[0], this.pace.at(-1)];
    return 1000 * (last.bytes - first.bytes) / Math.max(last.now - first.now, 1);
  }

  // The message with `data`, which begins the transfer or goes on with it.
  message(data) {
    const name = this.state === "starting" ? new TextEncoder().encode(this.name) : null;
    const header = name ? 4 + name.length + 1 + 4 : 4;
    const message = new Uint8Array(header + data.byteLength);
    const view = new DataView(message.buffer);
    view.setUint32(0, this.id, true);
    if (name) {
      message.set(name, 4);
      view.setUint32(header - 4, this.length, true);
    }
    message.set(new Uint8Array(data), header);
    return message;
  }
}
// Milliseconds over which the rate is taken.
Transfer.PACE = 5000;
// The longest file that the protocol has a number for, bytes.
Transfer.LONGEST = 2 ** 32 - 1;

// What a page that is loaded again must know to go on: id and token of each file that is on its way.
const Memory = {
  key: ({ file }) => `upload ${file.name} ${file.size} ${file.lastModified}`,

  keep(transfer) {
    Memory.use(storage => storage.setItem(Memory.key(transfer), `${transfer.id} ${transfer.token}`));
  },

  forget(transfer) {
    Memory.use(storage => storage.removeItem(Memory.key(transfer)));
  },

  // Gives a transfer what is known of its file; whether anything is.
  recall(transfer) {
    const [id, token] = Memory.use(storage => storage.getItem(Memory.key(transfer)))?.split(" ") ?? [];
    if (token) Object.assign(transfer, { id: Number(id), token });
    return Boolean(token);
  },

  // Some browsers keep nothing for a page, and throw.
  use(what) {
    try {
      return what(sessionStorage);
    } catch {
      return null;
    }
  },
};

// Sends several files at a time over one connection, which it opens anew when it is lost.
class Sender {
  // Bytes of a part, and those that the browser may hold back at most.
  static PART = 64 * 1024;
  static BUFFERED = 256 * 1024;
  // Files at a time; the service takes four from a connection.
  static AT_ONCE = 3;
  // Milliseconds until it looks again whether the browser has room: no event tells.
  static LOOK_AGAIN = 5;
  // Milliseconds until it asks again to go on with a file while the lost connection still writes, and how often.
  static ASK_AGAIN = 250;
  static ASKS = 120;

  // `state` shows the connection, `opened` is called whenever it is open, `isStored` asks whether there is a file of
  // this name and length.
  constructor(path, state, { opened, isStored }) {
    Object.assign(this, { transfers: [], isOpen: false, isSending: false, wake: () => {}, opened, isStored });
    const changed = isOpen => isOpen ? this.resume() : this.pause();
    this.link = new Link(path, [], state, text => this.receive(JSON.parse(text)), changed);
  }

  add(transfer) {
    if (transfer.length > Transfer.LONGEST) {
      return transfer.fail("The file is too large: the longest has 4 GiB less one byte.");
    }
    this.transfers.push(transfer);
    transfer.changed(transfer);
    this.go();
  }

  // Once more from the beginning.
  again(transfer) {
    transfer.start();
    this.add(transfer);
  }

  cancel(transfer) {
    if (transfer.state === "waiting" || transfer.state === "starting") {
      transfer.become("cancelled");
      return this.go();
    }
    transfer.giveUp = true;
    transfer.changed(transfer);
    // While it is being resumed, or there is no connection, the service does not know it: see `resume`.
    if (this.isOpen && transfer.state !== "resuming") this.tell({ cancel: transfer.id });
  }

  // The connection is lost; what was sent and not stored is sent again.
  pause() {
    this.isOpen = false;
    this.wake();
    this.transfers.forEach(transfer => transfer.changed(transfer));
  }

  // The connection is open: all that was on its way goes on.
  resume() {
    this.isOpen = true;
    for (const transfer of this.transfers) {
      if (["waiting", "starting"].includes(transfer.state)) continue;
      if (transfer.token) this.askForRest(transfer);
      else this.startOver(transfer);
    }
    this.go();
    this.opened();
  }

  askForRest(transfer) {
    transfer.become("resuming");
    this.tell({ resume: transfer.id, token: transfer.token });
  }

  askAgain(transfer) {
    const { socket } = this.link;
    transfer.asked += 1;
    setTimeout(() => {
      const isAsItWas = this.isOpen && this.link.socket === socket && transfer.state === "resuming";
      if (isAsItWas) this.askForRest(transfer);
    }, Sender.ASK_AGAIN);
  }

  startOver(transfer) {
    if (transfer.giveUp) return transfer.become("cancelled");
    Memory.forget(transfer);
    transfer.start();
    transfer.become("starting");
  }

  receive(answer) {
    const kinds = ["accepted", "progress", "stored", "resumed", "refused", "failed"];
    const kind = kinds.find(kind => kind in answer);
    const transfer = this.transfers.find(({ id, state }) => id === answer[kind] && state !== "waiting");
    if (!transfer) return;
    this[kind](transfer, answer);
    this.go();
  }

  accepted(transfer, { token = null }) {
    transfer.token = token;
    if (token) Memory.keep(transfer);
    transfer.reach(0);
    transfer.become("sending");
  }

  progress(transfer, { bytes }) {
    transfer.reach(bytes);
    transfer.changed(transfer);
  }

  stored(transfer, { length, sha256 }) {
    transfer.reach(length);
    transfer.become("stored", { sha256 });
  }

  resumed(transfer, { bytes }) {
    transfer.pace = [];
    transfer.reach(bytes);
    transfer.become("sending", { sent: bytes, asked: 0 });
    if (transfer.giveUp) this.tell({ cancel: transfer.id });
  }

  refused(transfer, { code, reason }) {
    const others = this.transfers.some(other => other !== transfer && !other.isOver && other.state !== "waiting");
    const isHeldElsewhere = transfer.state === "resuming" && code === "busy" && transfer.asked < Sender.ASKS;
    if (isHeldElsewhere) this.askAgain(transfer);
    else if (transfer.giveUp) transfer.become("cancelled");
    else if (code === "unknown") this.lookFor(transfer);
    else if (code === "too_many" && others) (transfer.start(), transfer.changed(transfer));
    else transfer.fail(reason);
  }

  failed(transfer, { code, reason }) {
    if (code === "cancelled") transfer.become("cancelled");
    else transfer.fail(reason);
  }

  // The service does not know it any more: it was stored and the answer was lost, or it must be sent again.
  async lookFor(transfer) {
    const { id } = transfer;
    const isStored = transfer.sent === transfer.length && await this.isStored(transfer.name, transfer.length);
    if (transfer.id !== id || transfer.isOver) return;
    if (isStored) {
      transfer.become("stored", { stored: transfer.length });
    } else {
      this.startOver(transfer);
    }
    this.go();
  }

  tell(command) {
    this.link.send(JSON.stringify(command));
  }

  // Lets files begin, and sends what is ready.
  go() {
    this.transfers = this.transfers.filter(transfer => !transfer.isOver);
    if (!this.isOpen) return;
    let active = this.transfers.filter(transfer => transfer.state !== "waiting").length;
    for (const transfer of this.transfers) {
      if (active === Sender.AT_ONCE) break;
      if (transfer.state !== "waiting") continue;
      active += 1;
      this.begin(transfer);
    }
    this.wake();
    this.send();
  }

  begin(transfer) {
    const { id } = transfer;
    const isAlone = () => !this.transfers.some(other => other !== transfer && other.id === transfer.id);
    if (Memory.recall(transfer) && isAlone()) return this.askForRest(transfer);
    Object.assign(transfer, { id, token: null });
    transfer.become("starting");
  }

  // Sends parts of one file after the other in turn, as long as there are any.
  async send() {
    if (this.isSending) return;
    this.isSending = true;
    let turn = 0;
    while (this.isOpen) {
      const ready = this.transfers.filter(transfer => transfer.isReady);
      if (ready.length === 0) break;
      const { socket } = this.link;
      if (socket.bufferedAmount + Sender.PART > Sender.BUFFERED) await this.room();
      else await this.sendPart(ready[turn++ % ready.length], socket);
    }
    this.isSending = false;
  }

  async sendPart(transfer, socket) {
    const { id, sent } = transfer;
    let data = null;
    try {
      data = await transfer.file.slice(sent, sent + Sender.PART).arrayBuffer();
    } catch {
      // Told below.
    }
    // Meanwhile anything may have happened.
    const isAsItWas = this.isOpen && this.link.socket === socket && transfer.isReady
      && transfer.id === id && transfer.sent === sent;
    if (!isAsItWas) return;
    if (!data) return this.giveUp(transfer);
    socket.send(transfer.message(data));
    transfer.sent += data.byteLength;
    if (transfer.state === "starting") transfer.become("asked");
  }

  giveUp(transfer) {
    if (transfer.state !== "starting") this.tell({ cancel: transfer.id });
    transfer.fail("The file cannot be read: it has changed since it was chosen, or is none. Choose it again.");
    this.go();
  }

  // Waits until the browser may have room, or something has happened.
  room() {
    return new Promise(resolve => {
      this.wake = resolve;
      setTimeout(resolve, Sender.LOOK_AGAIN);
    });
  }
}
