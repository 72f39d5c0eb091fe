"use strict";

const rows = new Map();

const uploader = new Uploader("/upload", {
  files: "/files/",
  changed(transfer) {
    if (!rows.has(transfer)) rows.set(transfer, new Row(uploader, transfer));
    rows.get(transfer).show();
    showMany();
    if (transfer.state === "stored") stored.refresh();
    if (transfer.isOver && !rows.get(transfer).line.isConnected) rows.delete(transfer);
  },
  connected(isOpen, text) {
    element("state").textContent = text;
    element("state").classList.toggle("open", isOpen);
    if (isOpen) stored.refresh();
  },
});
const stored = new Stored(uploader);

function send(files) {
  for (const { file, name } of files) uploader.add(file, name);
}

for (const [button, input] of [["choose", "files"], ["choose-folder", "folder"]]) {
  element(button).onclick = () => element(input).click();
  element(input).onchange = event => {
    send(Uploader.chosen(event.target.files));
    // So that the same file can be chosen again.
    event.target.value = "";
  };
}
// Phones have no folders to choose.
element("choose-folder").hidden = !("webkitdirectory" in element("folder"));

element("clear").onclick = () => pressAll(OVER, ".end");
element("all-both").onclick = () => pressAll(QUESTION, ".both");
element("all-replace").onclick = () => pressAll(QUESTION, ".replace");
element("all-skip").onclick = () => pressAll(QUESTION, ".skip");

function drag(event, over) {
  event.preventDefault();
  element("drop").classList.toggle("over", over);
}
document.ondragover = event => drag(event, event.dataTransfer.types.includes("Files"));
document.ondragleave = event => drag(event, event.relatedTarget !== null);
document.ondrop = async event => {
  drag(event, false);
  send(await Uploader.dropped(event.dataTransfer));
};

// Somebody else may have sent files meanwhile.
window.onfocus = () => stored.refresh();
window.onbeforeunload = event => {
  if (uploader.transfers.length > 0) event.preventDefault();
};
