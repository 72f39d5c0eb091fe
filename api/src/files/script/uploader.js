// Sends files by the protocol of docs/upload.md, several at a time over one connection, which comes back when it is lost.
class Uploader {
  // Bytes of a part, and those that the browser may hold back at most.
  static PART = 64 * 1024;
  static BUFFERED = 256 * 1024;
  // Files at a time; the service takes four from a connection.
  static AT_ONCE = 3;
  // Milliseconds until it looks again whether the browser has room: no event tells.
  static LOOK_AGAIN = 5;
  // Milliseconds until it asks again what the service cannot do now: at first, and at most; and how often.
  static ASK_AGAIN = 250;
  static ASK_LATER = 10_000;
  static ASKS = 120;
  // What the service cannot do now, but later.
  static NOT_NOW = ["busy", "too_many", "unmounted", "no_answer"];
  // The longest file that is got back only to see whether it is the same one.
  static GOT_BACK = 16 << 20;

  // `path` is that of the upload route, on the server that the page is from. `files` is that of the route that shows the
  // files, if there is one. `changed` gets each transfer that something has happened to, `connected` whether there is a
  // connection and a text that says so.
  constructor(path, { files = null, changed = () => {}, connected = () => {} } = {}) {
    Object.assign(this, { files, changed, transfers: [], isSending: false, wake: () => {}, copies: new Map() });
    this.connection = new Connection(path, text => this.receive(text), (isOpen, text) => {
      if (isOpen) this.resume();
      else this.pause();
      connected(isOpen, text);
    });
  }

  static problem = name => Names.problem(Names.normal(name));
  static dropped = data => Folders.dropped(data);
  static chosen = list => Folders.chosen(list);

  get isOpen() {
    return this.connection?.isOpen ?? false;
  }

  // Sends a file under a name, which may have folders in it; its `Transfer`. Without a file it is one that cannot be read.
  add(file, name = file.name) {
    const transfer = new Transfer(file ?? new File([], name), Names.normal(name), transfer => this.changed(transfer));
    const problem = Names.problem(transfer.name);
    if (problem || !file) transfer.fail(problem || Uploader.UNREADABLE);
    else if (transfer.length > Transfer.LONGEST) transfer.fail("The file is too large: the longest has 4 GiB less one byte.");
    else this.enter(transfer);
    return transfer;
  }

  enter(transfer) {
    this.transfers.push(transfer);
    transfer.changed(transfer);
    this.go();
  }

  // Once more from the beginning.
  again(transfer) {
    Object.assign(transfer, { delays: 0, digest: new Digest() });
    transfer.start();
    this.enter(transfer);
  }

  // Of a file whose name is taken: sends it under another name,
  keepBoth(transfer) {
    transfer.copies = (this.copies.get(transfer.original) ?? 1) + 1;
    this.copies.set(transfer.original, transfer.copies);
    transfer.name = Names.copy(transfer.original, transfer.copies);
    this.startOver(transfer);
    this.go();
  }

  // in the place of the one that is there,
  replace(transfer) {
    transfer.replaces = true;
    this.startOver(transfer);
    this.go();
  }

  // or not at all.
  skip(transfer) {
    transfer.become("skipped", { reason: "Skipped" });
    this.go();
  }

  cancel(transfer) {
    const isKept = transfer.state === "delayed" && transfer.token;
    if (!isKept && !["asked", "sending", "resuming"].includes(transfer.state)) {
      transfer.become("cancelled");
      return this.go();
    }
    transfer.giveUp = true;
    transfer.changed(transfer);
    // While it is being resumed, or there is no connection, the service does not know it: see `resume`.
    if (this.isOpen && !isKept && transfer.state !== "resuming") this.tell({ cancel: transfer.id });
  }

  // The files that are stored: `[{ name, length }]`. `waits` learns why it takes longer.
  async list(waits) {
    const response = await Patience.fetch(this.files, {}, waits);
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`.trim());
    return (await response.json()).files;
  }

  // Whether the service deletes files for this page.
  async mayRemove() {
    const response = await Patience.fetch(this.files, { method: "OPTIONS" });
    return (response.headers.get("Allow") ?? "").split(/[, ]+/).includes("DELETE");
  }

  // Deletes a file that is stored.
  async remove(name) {
    const response = await Patience.fetch(this.address(name), { method: "DELETE" });
    if (!response.ok && response.status !== 404) throw new Error(`${response.status} ${await response.text()}`.trim());
  }

  // Where a file that is stored is shown.
  address(name) {
    return this.files + Names.path(name);
  }

  // The connection is lost; what was sent and not stored is sent again.
  pause() {
    this.wake();
    this.transfers.forEach(transfer => transfer.changed(transfer));
  }

  // The connection is open: all that was on its way goes on.
  resume() {
    for (const transfer of this.transfers.filter(({ state }) => ["asked", "resuming", "sending"].includes(state))) {
      if (transfer.token) this.askForRest(transfer);
      else this.startOver(transfer);
    }
    this.go();
  }

  askForRest(transfer) {
    transfer.become("resuming", { reason: "" });
    this.tell({ resume: transfer.id, token: transfer.token });
  }

  // A while later, a longer one each time.
  askAgain(transfer, reason) {
    const { socket } = this.connection;
    const pause = Math.min(Uploader.ASK_AGAIN * 2 ** Math.min(transfer.asked, 10), Uploader.ASK_LATER);
    transfer.asked += 1;
    transfer.pause = reason;
    transfer.changed(transfer);
    setTimeout(() => {
      const isAsItWas = this.isOpen && this.connection.socket === socket && transfer.state === "resuming";
      if (isAsItWas) this.askForRest(transfer);
    }, pause);
  }

  startOver(transfer) {
    if (transfer.giveUp) return transfer.become("cancelled");
    Memory.forget(transfer);
    transfer.start();
    transfer.become("starting");
  }

  // The service cannot do it now: later, from the beginning, or behind what it may have kept.
  delay(transfer, reason) {
    if (transfer.giveUp) return transfer.become("cancelled");
    if (transfer.delays >= Uploader.ASKS) return transfer.fail(reason);
    const pause = Math.min(Uploader.ASK_AGAIN * 2 ** transfer.delays, Uploader.ASK_LATER);
    transfer.delays += 1;
    if (!transfer.token) transfer.start();
    transfer.become("delayed", { reason });
    const { id } = transfer;
    setTimeout(() => {
      if (transfer.state !== "delayed" || transfer.id !== id) return;
      transfer.become(transfer.token ? "resuming" : "waiting", { reason: "" });
      if (transfer.token && this.isOpen) this.askForRest(transfer);
      this.go();
    }, pause);
  }

  receive(text) {
    let answer = {};
    try {
      answer = JSON.parse(text) ?? {};
    } catch {
      // Told by nobody that this page knows.
    }
    const kinds = ["accepted", "progress", "waiting", "stored", "resumed", "refused", "failed"];
    const kind = kinds.find(kind => kind in answer);
    const transfer = this.transfers.find(({ id, isActive }) => id === answer[kind] && isActive);
    if (!transfer) return;
    this[kind](transfer, answer);
    this.go();
  }

  accepted(transfer, { name = transfer.name, token = null }) {
    // The service may have put other characters in the place of some.
    Object.assign(transfer, { name, token });
    if (token) Memory.keep(transfer);
    transfer.reach(0);
    transfer.become("sending");
  }

  progress(transfer, { bytes }) {
    transfer.reach(bytes);
    transfer.changed(transfer);
  }

  // The database takes its time, for this reason.
  waiting(transfer, { reason = "" }) {
    Object.assign(transfer, { pause: reason, pace: [] });
    transfer.changed(transfer);
  }

  async stored(transfer, { length, sha256 }) {
    transfer.reach(length);
    if (transfer.digest.length < transfer.length) transfer.become("checking");
    await this.compare(transfer, sha256, isSame => {
      if (isSame) transfer.become("stored", { sha256 });
      else transfer.fail("What is stored is not what was read: the file has changed meanwhile. Send it again.");
    });
  }

  resumed(transfer, { bytes }) {
    transfer.pace = [];
    transfer.reach(bytes);
    transfer.become("sending", { sent: bytes, asked: 0 });
    if (transfer.giveUp) this.tell({ cancel: transfer.id });
  }

  refused(transfer, { code, reason, ...existing }) {
    const isNotNow = Uploader.NOT_NOW.includes(code);
    // Such as while the lost connection still writes.
    if (isNotNow && transfer.state === "resuming" && transfer.asked < Uploader.ASKS) this.askAgain(transfer, reason);
    else if (transfer.giveUp) transfer.become("cancelled");
    // It was stored and the answer was lost, which `exists` tells, or it must be sent again.
    else if (code === "unknown") this.startOver(transfer);
    else if (code === "exists") this.exists(transfer, existing);
    else if (isNotNow) this.delay(transfer, reason);
    else transfer.fail(reason);
  }

  failed(transfer, { code, reason }) {
    if (code === "cancelled") transfer.become("cancelled");
    else if (Uploader.NOT_NOW.includes(code)) this.delay(transfer, reason);
    else transfer.fail(reason);
  }

  // There is a file of its name: this one, or another.
  async exists(transfer, existing) {
    const ask = () => {
      // Somebody has chosen already.
      if (transfer.copies > 0) this.keepBoth(transfer);
      else transfer.become("exists", { existing });
    };
    if (existing.length !== transfer.length) return ask();
    transfer.become("checking");
    const sha256 = existing.sha256 ?? await this.digestOf(transfer).catch(() => null);
    if (transfer.state !== "checking") return;
    if (!sha256) return ask();
    await this.compare(transfer, sha256, isSame => {
      if (isSame) transfer.become("stored", { sha256, stored: transfer.length, wasThere: true });
      else ask();
    });
  }

  // Whether a file has this digest.
  async compare(transfer, sha256, tell) {
    const { id } = transfer;
    const isAll = transfer.digest.length === transfer.length;
    const own = isAll ? transfer.digest.hex() : await transfer.ownDigest().catch(() => null);
    if (transfer.id !== id || transfer.isOver) return;
    if (own) tell(own === sha256);
    else transfer.fail(Uploader.UNREADABLE);
    this.go();
  }

  // SHA-256 of the file that is stored under its name, of which the service does not know it any more.
  async digestOf(transfer) {
    if (!this.files || transfer.length > Uploader.GOT_BACK) return null;
    const response = await Patience.fetch(this.address(transfer.name));
    if (!response.ok) return null;
    const digest = new Digest();
    digest.update(new Uint8Array(await response.arrayBuffer()));
    return digest.hex();
  }

  tell(command) {
    this.connection.socket.send(JSON.stringify(command));
  }

  // Lets files begin, and sends what is ready.
  go() {
    this.transfers = this.transfers.filter(transfer => !transfer.isOver);
    if (!this.isOpen) return;
    let active = this.transfers.filter(transfer => transfer.isActive).length;
    for (const transfer of this.transfers) {
      if (active >= Uploader.AT_ONCE) break;
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
      const { socket } = this.connection;
      if (socket.bufferedAmount + Uploader.PART > Uploader.BUFFERED) await this.room();
      else await this.sendPart(ready[turn++ % ready.length], socket);
    }
    this.isSending = false;
  }

  async sendPart(transfer, socket) {
    const { id, sent } = transfer;
    const data = await transfer.part(sent, Uploader.PART).catch(() => null);
    // Meanwhile anything may have happened.
    const isAsItWas = this.isOpen && this.connection.socket === socket && transfer.isReady
      && transfer.id === id && transfer.sent === sent;
    if (!isAsItWas) return;
    if (!data || data.length === 0 && transfer.length > 0) return this.giveUp(transfer);
    const begins = transfer.state === "starting";
    if (begins && !transfer.replaces) this.tell({ keep: id });
    socket.send(transfer.message(data));
    transfer.sent += data.length;
    if (begins) transfer.become("asked");
  }

  giveUp(transfer) {
    if (transfer.state !== "starting") this.tell({ cancel: transfer.id });
    transfer.fail(Uploader.UNREADABLE);
    this.go();
  }

  // Waits until the browser may have room, or something has happened.
  room() {
    return new Promise(resolve => {
      this.wake = resolve;
      setTimeout(resolve, Uploader.LOOK_AGAIN);
    });
  }
}
Uploader.UNREADABLE = "The file cannot be read: it has changed since it was chosen, or is none. Choose it again.";
Uploader.names = Names;
