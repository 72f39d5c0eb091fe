// Files that are dropped or chosen, those in folders with their paths. `file` is null where it cannot be read.
const Folders = {
  // The files of a drop: `[{ file, name }]`. Call it within the event, which takes them away when it is over.
  async dropped(data) {
    const items = [...data.items].filter(item => item.kind === "file");
    const found = items.map(item => ({ entry: item.webkitGetAsEntry?.(), file: item.getAsFile() }));
    const files = [];
    for (const { entry, file } of found) {
      if (entry?.isDirectory) await Folders.walk(entry, files);
      else if (file) files.push({ file, name: file.name });
    }
    return files;
  },

  // The files of an `<input type="file">`, with `webkitdirectory` or without.
  chosen: list => [...list].map(file => ({ file, name: file.webkitRelativePath || file.name })),

  // Appends all files below a folder.
  async walk(folder, files) {
    const reader = folder.createReader();
    for (;;) {
      // Some at a time, until there are none.
      const entries = await new Promise((done, failed) => reader.readEntries(done, failed)).catch(() => []);
      if (entries.length === 0) return;
      for (const entry of entries) {
        if (entry.isDirectory) {
          await Folders.walk(entry, files);
          continue;
        }
        const file = await new Promise((done, failed) => entry.file(done, failed)).catch(() => null);
        const name = entry.fullPath.replace(/^\//, "");
        files.push({ file, name });
      }
    }
  },
};
