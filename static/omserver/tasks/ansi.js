/**
 * Read hostile output: colours by an allow-list, everything else of escape sequences removed, control characters shown.
 *
 * Output is never markup. What leaves this file are texts and class names from a fixed list.
 */

const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
// In this order: colour (SGR), other control sequences, strings (OSC, DCS, SOS, PM, APC; so no hyperlinks), short
// escapes, then control characters and the invisible ones that turn text around.
const SEQUENCE =
  /(?:\x1b\[|\x9b)([0-9;:]*)m|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)|\x1b[ -/]*[0-~]|([\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069])/g;

/** The pen of a fresh terminal. */
export function plainPen() {
  return { colour: "", bold: false, italic: false, underline: false };
}

/** Cut a text into pieces {text, classes}; `pen` carries the colour from one text to the next and is changed. */
export function pieces(text, pen) {
  const found = [];
  let from = 0;
  for (const match of text.matchAll(SEQUENCE)) {
    push(found, text.slice(from, match.index), classes(pen));
    from = match.index + match[0].length;
    if (match[1] !== undefined) dip(pen, match[1]);
    else if (match[2] !== undefined) push(found, shown(match[2]), "om-ansi-control");
  }
  push(found, text.slice(from), classes(pen));
  return found;
}

/** Append a text to an element as text nodes and coloured spans. */
export function write(element, text, pen) {
  for (const piece of pieces(text, pen)) {
    if (!piece.classes) {
      element.append(piece.text);
      continue;
    }
    const span = document.createElement("span");
    span.className = piece.classes;
    span.textContent = piece.text;
    element.append(span);
  }
}

function push(found, text, names) {
  if (text) found.push({ text, classes: names });
}

function shown(character) {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code); // the pictures of control characters
  if (code === 0x7f) return "\u2421";
  return `\\u${code.toString(16).padStart(4, "0")}`;
}

function classes(pen) {
  const names = [];
  if (pen.colour) names.push(`om-ansi-${pen.colour}`);
  if (pen.bold) names.push("om-ansi-bold");
  if (pen.italic) names.push("om-ansi-italic");
  if (pen.underline) names.push("om-ansi-underline");
  return names.join(" ");
}

function dip(pen, codes) {
  const numbers = codes.split(/[;:]/).map(Number);
  for (let at = 0; at < numbers.length; at += 1) {
    const code = numbers[at];
    if (code === 38 || code === 48) at += numbers[at + 1] === 5 ? 2 : 4; // 256 colours and RGB are not taken
    else if (code === 0) Object.assign(pen, plainPen());
    else if (code === 1 || code === 22) pen.bold = code === 1;
    else if (code === 3 || code === 23) pen.italic = code === 3;
    else if (code === 4 || code === 24) pen.underline = code === 4;
    else if (code === 39) pen.colour = "";
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) pen.colour = COLOURS[code % 10];
  }
}
