// Names of files, as the service takes them.
const Names = {
  // Bytes of the last part, and of all before it together with the dict.
  LAST: 94,
  FOLDERS: 109,

  // As the service wants it: letters and their accents composed. Some systems give them apart.
  normal: name => name.normalize("NFC"),

  // What is wrong with a name, as a sentence; "" if nothing is. The service may still want another.
  problem(name) {
    const parts = name.split("/");
    const bytes = text => new TextEncoder().encode(text).length;
    const [bad] = name.match(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u) ?? [];
    if (/\p{Cs}/u.test(name)) return "The name has half a character.";
    if (bad) return `The name has the character ${Names.shown(bad)}, which is invisible or changes the direction of the text.`;
    if (name.includes("\\")) return "The name has a \\, which no name here has.";
    if (parts.some(part => ["", ".", ".."].includes(part))) return "A part of the name is empty, . or .. only.";
    if (parts.slice(0, -1).some(part => part.endsWith(".journal"))) return "A folder's name ends with .journal, which the service needs itself.";
    if (bytes(parts.at(-1)) > Names.LAST) return `The name is too long: ${bytes(parts.at(-1))} bytes, and the longest has ${Names.LAST}.`;
    if (bytes(parts.slice(0, -1).join("/")) > Names.FOLDERS) return "The names of its folders are too long.";
    return "";
  },

  shown: character => `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`,

  // Another name for a second file, with a number in front of the ending.
  copy(name, number) {
    const [, folders, base, ending] = name.match(/^(.*\/)?(.+?)(\.[^./]*)?$/s);
    const tail = ` (${number})${ending ?? ""}`;
    let short = [...base];
    while (new TextEncoder().encode(short.join("") + tail).length > Names.LAST && short.length > 1) short.pop();
    return `${folders ?? ""}${short.join("")}${tail}`;
  },

  // The path of a name in an address.
  path: name => name.split("/").map(encodeURIComponent).join("/"),
};
