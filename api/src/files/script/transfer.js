// A file on its way. `state` is one of
//   waiting    until another file has been sent
//   starting   its first message is to be sent
//   asked      the first message is not answered
//   resuming   the question how much is stored is not answered
//   sending    parts go out, or all have and the answer is waited for
//   delayed    the service has said why not now, and is asked again: see `reason`
//   checking   whether what is stored is this very file
//   exists     another file has its name, and somebody has to choose: see `existing`
//   stored, failed, skipped, cancelled   it is over; see `reason`, and `sha256` of what is stored
class Transfer {
  // `changed` learns of everything that happens to it.
  constructor(file, name, changed) {
    Object.assign(this, { file, name, changed, length: file.size, replaces: false, copies: 0, delays: 0 });
    Object.assign(this, { digest: new Digest(), original: name });
    this.start();
  }

  // From the beginning, under another id.
  start() {
    this.id = crypto.getRandomValues(new Uint32Array(1))[0];
    Object.assign(this, { state: "waiting", token: null, sent: 0, stored: 0, giveUp: false, asked: 0 });
    Object.assign(this, { reason: "", sha256: "", pause: "", existing: null, wasThere: false, pace: [] });
  }

  get isOver() {
    return ["stored", "failed", "skipped", "cancelled"].includes(this.state);
  }

  // The service is at work with it, or about to be.
  get isActive() {
    return ["starting", "asked", "resuming", "sending"].includes(this.state);
  }

  // There are bytes that may be sent now.
  get isReady() {
    return !this.giveUp && (this.state === "starting" || this.state === "sending" && this.sent < this.length);
  }

  // Goes to another state, of which `facts` are true.
  become(state, facts = {}) {
    Object.assign(this, { state, pause: "" }, facts);
    if (this.isOver) Memory.forget(this);
    this.changed(this);
  }

  fail(reason) {
    this.become("failed", { reason });
  }

  // So many bytes are in the database.
  reach(bytes) {
    Object.assign(this, { stored: bytes, pause: "", delays: 0 });
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

  // Its bytes from `from` on.
  async part(from, most) {
    const bytes = new Uint8Array(await this.file.slice(from, from + most).arrayBuffer());
    const isNext = from === this.digest.length;
    if (isNext) this.digest.update(bytes);
    return bytes;
  }

  // SHA-256 of the file. What was not sent is read for it.
  async ownDigest() {
    while (this.digest.length < this.length) {
      const bytes = await this.part(this.digest.length, Transfer.READ);
      if (bytes.length === 0) throw new Error("the file has become shorter");
    }
    return this.digest.hex();
  }

  // The message with `data`, which begins the transfer or goes on with it.
  message(data) {
    const name = this.state === "starting" ? new TextEncoder().encode(this.name) : null;
    const header = name ? 4 + name.length + 1 + 4 : 4;
    const message = new Uint8Array(header + data.length);
    const view = new DataView(message.buffer);
    view.setUint32(0, this.id, true);
    if (name) {
      message.set(name, 4);
      view.setUint32(header - 4, this.length, true);
    }
    message.set(data, header);
    return message;
  }
}
// Milliseconds over which the rate is taken.
Transfer.PACE = 5000;
// The longest file that the protocol has a number for, bytes.
Transfer.LONGEST = 2 ** 32 - 1;
// Bytes that are read at a time.
Transfer.READ = 1 << 20;

// What a page that is loaded again must know to go on: id and token of each file that is on its way.
const Memory = {
  key: ({ file, name }) => `upload ${name} ${file.size} ${file.lastModified}`,

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
