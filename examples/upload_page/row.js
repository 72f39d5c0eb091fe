"use strict";

function duration(seconds) {
  const whole = Math.ceil(seconds);
  const [minutes, hours] = [Math.floor(whole / 60), Math.floor(whole / 3600)];
  if (whole < 60) return `${whole} s`;
  return hours === 0 ? `${minutes} min ${whole % 60} s` : `${hours} h ${minutes % 60} min`;
}

// What a transfer's line says.
function detail(transfer, isOpen) {
  const { state, length, rate, reason } = transfer;
  const parts = [`${size(transfer.stored)} of ${size(length)}`];
  if (rate > 0) parts.push(`${size(rate)}/s`, `${duration((length - transfer.stored) / rate)} left`);
  if (state === "failed" || state === "skipped") return reason;
  if (state === "cancelled") return "Cancelled";
  if (state === "stored") return `Stored, ${size(length)}${transfer.wasThere ? "; it was there already" : ""}`;
  if (state === "exists") return "A file of this name exists.";
  if (transfer.giveUp) return "Cancelling …";
  if (state === "checking") return "Looks whether it is stored as it is here …";
  if (!isOpen) return `Waits for the connection · ${parts[0]}`;
  if (state === "delayed") return `Waits: ${reason}`;
  if (state === "waiting") return `Waits for its turn · ${size(length)}`;
  if (transfer.pause) return `Waits: ${transfer.pause} · ${parts[0]}`;
  return parts.join(" · ");
}

// The line of a transfer.
class Row {
  constructor(uploader, transfer) {
    const line = element("row").content.firstElementChild.cloneNode(true);
    const find = selector => line.querySelector(selector);
    Object.assign(this, { uploader, transfer, line, bar: find("progress"), text: find(".detail") });
    this.buttons = Object.fromEntries(["both", "replace", "skip", "again", "end"].map(name => [name, find(`.${name}`)]));
    const { both, replace, skip, again, end } = this.buttons;
    both.onclick = () => this.choose("keepBoth");
    replace.onclick = () => this.choose("replace");
    skip.onclick = () => this.choose("skip");
    again.onclick = () => this.choose("again");
    end.onclick = () => transfer.isOver ? this.remove() : uploader.cancel(transfer);
    element("transfers").append(line);
    element("sending").hidden = false;
    this.show();
  }

  // The button that was pressed goes: the one that stays has the focus.
  choose(what) {
    this.buttons.end.focus();
    this.uploader[what](this.transfer);
  }

  show() {
    const { line, bar, text, buttons, transfer } = this;
    const { state, isOver, name } = transfer;
    const isQuestion = state === "exists";
    line.className = `file ${state}${state === "delayed" || transfer.pause ? " pausing" : ""}`;
    const label = line.querySelector(".name");
    if (label.textContent !== name) showName(label, name);
    bar.ariaLabel = name;
    bar.value = transfer.stored / Math.max(transfer.length, 1);
    bar.hidden = isOver || isQuestion;
    text.textContent = detail(transfer, this.uploader.isOpen);
    buttons.both.hidden = buttons.skip.hidden = !isQuestion;
    buttons.replace.hidden = !isQuestion || !transfer.existing.replaceable;
    const isHopeless = Uploader.problem(name) !== "" || transfer.length >= 2 ** 32;
    buttons.again.hidden = !["failed", "cancelled", "skipped"].includes(state) || isHopeless;
    buttons.end.textContent = isOver ? "Dismiss" : "Cancel";
    buttons.end.hidden = isQuestion;
    buttons.end.disabled = transfer.giveUp && !isOver;
    Object.values(buttons).forEach(button => { button.ariaLabel = `${button.textContent}: ${name}`; });
    if (isOver || isQuestion) element("news").textContent = `${name}: ${text.textContent}`;
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
    showMany();
    (next?.querySelector(".end") ?? element("choose")).focus();
  }
}

// Lines that a selector finds.
const lines = selector => [...element("transfers").querySelectorAll(selector)];
const OVER = ".stored, .failed, .skipped, .cancelled";
const QUESTION = ".exists";

// One is dismissed or decided by its own button.
function showMany() {
  element("clear").hidden = lines(OVER).length < 2;
  const questions = lines(QUESTION);
  element("all").hidden = questions.length < 2;
  element("count").textContent = `${questions.length} files have names that are taken.`;
  element("all-replace").hidden = questions.some(line => line.querySelector(".replace").hidden);
}

// Presses a button of all these lines.
function pressAll(selector, button) {
  lines(selector).forEach(line => line.querySelector(button).click());
  element("choose").focus();
}
