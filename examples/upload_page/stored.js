"use strict";

// 1000 bytes are a kB.
function size(bytes) {
  if (bytes === 1) return "1 byte";
  const units = ["bytes", "kB", "MB", "GB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), 3);
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toPrecision(3)} ${units[power]}`;
}

// Puts a name into an element. Characters in it that nobody sees are shown, so that it cannot be taken for another.
function showName(element, name) {
  // Each second part is one of these.
  const parts = name.split(new RegExp(`(${Uploader.names.UNSEEN.source})`, "u"));
  const shown = parts.map((part, at) => {
    if (at % 2 === 0) return part;
    const mark = document.createElement("span");
    mark.className = "mark";
    mark.dataset.shown = `U+${part.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
    mark.textContent = part;
    return mark;
  });
  element.replaceChildren(...shown.filter(part => part !== ""));
}

// The list of stored files.
class Stored {
  // Milliseconds between two looks at it, and how often as long as the last look took: the database is asked for each
  // file, and has files to store meanwhile.
  static PAUSE = 500;
  static SHARE = 4;

  constructor(uploader) {
    Object.assign(this, { uploader, isAsking: false, isStale: false, mayRemove: null, wake: () => {} });
  }

  // Files are on their way.
  get isBusy() {
    return this.uploader.transfers.some(transfer => !transfer.isOver);
  }

  // Until the time is over, or nothing is on its way any more.
  pause(milliseconds) {
    return new Promise(resolve => {
      this.wake = resolve;
      setTimeout(resolve, milliseconds);
    });
  }

  // Shows the list as it is now. Many calls at a time are as good as one after the other.
  async refresh() {
    this.isStale = true;
    if (!this.isBusy) this.wake();
    if (this.isAsking) return;
    this.isAsking = true;
    while (this.isStale) {
      this.isStale = false;
      const start = performance.now();
      try {
        this.mayRemove ??= await this.uploader.mayRemove();
        this.show(await this.uploader.list(why => this.say(why)));
      } catch (error) {
        this.say(`The list cannot be read: ${error.message}`);
      }
      if (this.isBusy) await this.pause(Math.max(Stored.PAUSE, Stored.SHARE * (performance.now() - start)));
    }
    this.isAsking = false;
  }

  show(files) {
    files.sort((one, other) => one.name < other.name ? -1 : 1);
    element("list").replaceChildren(...files.map(file => this.row(file)));
    const all = files.reduce((sum, file) => sum + file.length, 0);
    this.say(files.length ? `${files.length} ${files.length === 1 ? "file" : "files"}, ${size(all)}` : "No files yet.");
    element("stored").hidden = files.length === 0;
    element("removing").hidden = !this.mayRemove;
  }

  row({ name, length }) {
    const row = document.createElement("tr");
    const link = document.createElement("a");
    link.href = this.uploader.address(name);
    // Never opened as a page of this server: anybody may have sent it.
    link.download = name.split("/").at(-1);
    showName(link, name);
    row.insertCell().append(link);
    const cell = row.insertCell();
    cell.textContent = size(length);
    cell.title = `${length} bytes`;
    if (this.mayRemove) row.insertCell().append(this.button(name));
    return row;
  }

  // Deletes a file when it is pressed twice.
  button(name) {
    const button = document.createElement("button");
    const say = text => {
      button.textContent = text;
      button.ariaLabel = `${text}: ${name}`;
    };
    say("Delete");
    button.className = "delete";
    button.onblur = () => say("Delete");
    button.onclick = async () => {
      if (button.textContent === "Delete") return say("Delete it?");
      button.disabled = true;
      const result = await this.uploader.remove(name).then(() => "deleted", error => error.message);
      element("news").textContent = `${name}: ${result}`;
      await this.refresh();
      element("choose").focus();
    };
    return button;
  }

  say(text) {
    element("summary").textContent = text;
  }
}
