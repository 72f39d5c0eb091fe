"use strict";

const stored = new Stored("/files/");
const sender = new Sender("/upload", element("state"), {
  opened: () => stored.refresh(),
  isStored: (name, length) => stored.has(name, length),
});

function duration(seconds) {
  const whole = Math.ceil(seconds);
  const [minutes, hours] = [Math.floor(whole / 60), Math.floor(whole / 3600)];
  if (whole < 60) return `${whole} s`;
  return hours === 0 ? `${minutes} min ${whole % 60} s` : `${hours} h ${minutes % 60} min`;
}

// What a transfer's line says.
function detail(transfer) {
  const { state, length, rate } = transfer;
  const parts = [`${size(transfer.stored)} of ${size(length)}`];
  if (rate > 0) parts.push(`${size(rate)}/s`, `${duration((length - transfer.stored) / rate)} left`);
  const going = parts.join(" · ");
  if (state === "failed") return transfer.reason;
  if (state === "cancelled") return "Cancelled";
  if (state === "stored") return `Stored, ${size(length)}`;
  if (transfer.giveUp) return "Cancelling …";
  if (!sender.isOpen) return `Waits for the connection · ${parts[0]}`;
  if (state === "waiting") return `Waits for its turn · ${size(length)}`;
  return going;
}

// The line of a transfer.
class Row {
  constructor(file) {
    const line = element("row").content.firstElementChild.cloneNode(true);
    const [name, bar, text, again, end] =
      [".name", "progress", ".detail", ".again", ".end"].map(selector => line.querySelector(selector));
    Object.assign(this, { line, bar, text, again, end });
    name.textContent = file.name;
    bar.ariaLabel = file.name;
    element("transfers").append(line);
    element("sending").hidden = false;
    this.transfer = new Transfer(file, () => this.show());
    again.ariaLabel = `Try again: ${file.name}`;
    again.onclick = () => {
      end.focus();
      sender.again(this.transfer);
    };
    end.onclick = () => this.transfer.isOver ? this.remove() : sender.cancel(this.transfer);
  }

  show() {
    const { line, bar, text, again, end, transfer } = this;
    const { state, file, isOver } = transfer;
    line.className = `file ${state}`;
    bar.value = transfer.stored / Math.max(transfer.length, 1);
    bar.hidden = isOver;
    text.textContent = detail(transfer);
    again.hidden = state !== "failed" && state !== "cancelled" || transfer.length > Transfer.LONGEST;
    end.textContent = isOver ? "Dismiss" : "Cancel";
    end.disabled = transfer.giveUp && !isOver;
    end.ariaLabel = `${end.textContent}: ${file.name}`;
    if (isOver) element("news").textContent = `${file.name}: ${text.textContent}`;
    showClear();
    if (state === "stored") stored.refresh();
    line.querySelector(".digest")?.remove();
    if (transfer.sha256) this.showDigest();
  }

  showDigest() {
    const digest = document.createElement("span");
    digest.className = "digest";
    digest.textContent = `SHA-256 ${this.transfer.sha256}`;
    this.line.insertBefore(digest, this.line.lastElementChild);
  }

  remove() {
    const next = this.line.nextElementSibling ?? this.line.previousElementSibling;
    this.line.remove();
    element("sending").hidden = element("transfers").children.length === 0;
    showClear();
    (next?.querySelector(".end") ?? element("choose")).focus();
  }
}

// The lines of transfers that are over.
const over = () => element("transfers").querySelectorAll(".stored, .failed, .cancelled");

// One is dismissed by its own button.
function showClear() {
  element("clear").hidden = over().length < 2;
}

function send(files) {
  for (const file of files) sender.add(new Row(file).transfer);
}

element("choose").onclick = () => element("files").click();
element("files").onchange = event => {
  send([...event.target.files]);
  // So that the same file can be chosen again.
  event.target.value = "";
};

element("clear").onclick = () => {
  over().forEach(line => line.querySelector(".end").click());
  element("choose").focus();
};

function drag(event, over) {
  event.preventDefault();
  element("drop").classList.toggle("over", over);
}
document.ondragover = event => drag(event, event.dataTransfer.types.includes("Files"));
document.ondragleave = event => drag(event, event.relatedTarget !== null);
document.ondrop = event => {
  drag(event, false);
  send([...event.dataTransfer.files]);
};

// Somebody else may have sent files meanwhile.
window.onfocus = () => stored.refresh();
window.onbeforeunload = event => {
  if (sender.transfers.length > 0) event.preventDefault();
};
