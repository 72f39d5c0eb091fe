"use strict";

// 1000 bytes are a kB.
function size(bytes) {
  if (bytes === 1) return "1 byte";
  const units = ["bytes", "kB", "MB", "GB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), 3);
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toPrecision(3)} ${units[power]}`;
}

// The list of stored files.
class Stored {
  // `path` is that of the list, and of the files in it.
  constructor(path) {
    Object.assign(this, { path, isAsking: false, isStale: false });
  }

  // Gets the list; the files in it.
  async files() {
    const response = await fetch(this.path, { cache: "no-store" });
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`.trim());
    return (await response.json()).files;
  }

  // Whether there is a file of this name and length; no if that cannot be found out.
  async has(name, length) {
    const files = await this.files().catch(() => []);
    return files.some(file => file.name === name && file.length === length);
  }

  // Shows the list as it is now. Many calls at a time are as good as one after the other.
  async refresh() {
    this.isStale = true;
    if (this.isAsking) return;
    this.isAsking = true;
    while (this.isStale) {
      this.isStale = false;
      await this.files().then(files => this.show(files), error => this.say(`The list cannot be read: ${error.message}`));
    }
    this.isAsking = false;
  }

  show(files) {
    files.sort((one, other) => one.name < other.name ? -1 : 1);
    element("list").replaceChildren(...files.map(file => this.row(file)));
    const all = files.reduce((sum, file) => sum + file.length, 0);
    this.say(files.length ? `${files.length} ${files.length === 1 ? "file" : "files"}, ${size(all)}` : "No files yet.");
    element("stored").hidden = files.length === 0;
  }

  row({ name, length }) {
    const row = document.createElement("tr");
    const link = document.createElement("a");
    link.href = this.path + name.split("/").map(encodeURIComponent).join("/");
    // Never opened as a page of this server: anybody may have sent it.
    link.download = name.split("/").at(-1);
    link.textContent = name;
    row.insertCell().append(link);
    const cell = row.insertCell();
    cell.textContent = size(length);
    cell.title = `${length} bytes`;
    return row;
  }

  say(text) {
    element("summary").textContent = text;
  }
}
