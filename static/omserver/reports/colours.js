/** What a canvas needs of the page's look. A canvas knows no custom properties, so they are read when a plot is made. */

export const DASHES = ["solid", [7, 3], [2, 3], [10, 3, 2, 3], [13, 4], [4, 2]]; // a series differs by it, too
export const SHAPES = ["circle", "triangle", "diamond", "rect", "pin", "arrow"];
const NAMES = ["text", "text-2", "text-3", "surface", "sunken", "float", "border", "control", "hatch", "accent", "failed", "held", "held-tint"];

/** Read the tokens as colours that a canvas takes. paper: as they are printed, which is always light. */
export function readLook({ paper = false } = {}) {
  const probe = document.createElement("i");
  probe.hidden = true;
  if (paper) probe.style.colorScheme = "light";
  document.body.append(probe);
  const read = (name) => {
    probe.style.color = `var(--om-${name})`;
    return getComputedStyle(probe).color;
  };
  const ramp = (name, count) => Array.from({ length: count }, (_, step) => read(`${name}-${step + 1}`));
  const look = Object.fromEntries(NAMES.map((name) => [name, read(name)]));
  look.series = ramp("series", 6);
  look.heat = ramp("heat", 7);
  look.cells = ramp("cell", 7);
  look.onCell = read("on-cell");
  look.onLastCell = read("on-cell-7");
  look.font = getComputedStyle(document.body).fontFamily;
  probe.remove();
  return look;
}

/** Make the pattern of what is not over: thin diagonal lines. */
export function hatch(colour, { step = 7, width = 1.2, ground = "" } = {}) {
  const scale = 2; // drawn twice as fine, for dense screens
  const tile = document.createElement("canvas");
  tile.width = tile.height = step * scale;
  const pen = tile.getContext("2d");
  if (ground) {
    pen.fillStyle = ground;
    pen.fillRect(0, 0, tile.width, tile.height);
  }
  pen.strokeStyle = colour;
  pen.lineWidth = width * scale;
  pen.beginPath();
  for (const shift of [-1, 0, 1]) {
    pen.moveTo((shift - 0.1) * tile.width, 1.1 * tile.height);
    pen.lineTo((shift + 1.1) * tile.width, -0.1 * tile.height);
  }
  pen.stroke();
  return { image: tile, repeat: "repeat", scaleX: 1 / scale, scaleY: 1 / scale };
}
