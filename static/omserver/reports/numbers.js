/** Numbers as the pages write them: in full in tables and tooltips, short on axes. Digits are grouped alike in en and zh. */

import { duration } from "../times.js";

const NBSP = "\u00a0";
const ZH = document.documentElement.lang.startsWith("zh");
const LARGE = ZH ? [[1e8, "亿"], [1e4, "万"]] : [[1e9, `${NBSP}B`], [1e6, `${NBSP}M`], [1e3, `${NBSP}k`]];

/** Write a number in full: 141,850,233 · 68.2% · 6 min 12 s. unit: "share" counts from 0 to 1. */
export function full(value, { unit = "", share = false } = {}) {
  if (share) return percent(value, places(value), places(value));
  if (unit === "s") return value < 0 ? `−${duration(-value)}` : value < 10 ? `${plain(value, 1)}${NBSP}s` : duration(value);
  return plain(value, digits(value));
}

/** Write a number for an axis: 12 M, 750 k; 1200万. */
export function short(value, { unit = "", share = false } = {}) {
  if (share) return percent(value, Math.abs(value) < 0.01 ? 2 : 1, 0);
  if (unit === "s") return value === 0 ? "0" : full(value, { unit });
  const size = Math.abs(value);
  const [by, word] = LARGE.find(([least]) => size >= least) ?? [1, ""];
  return by === 1 ? plain(value, digits(value)) : `${plain(value / by, 2).replaceAll(",", "")}${word}`;
}

function percent(value, most, least) {
  return `${plain(value * 100, most, least)}%`;
}

/** Below one percent two places, as the tables have it. */
function places(value) {
  return value !== 0 && Math.abs(value) < 0.01 ? 2 : 1;
}

function digits(value) {
  const size = Math.abs(value);
  if (Number.isInteger(value) || size >= 1000) return 0;
  return size >= 100 ? 1 : size >= 1 ? 2 : 4;
}

function plain(value, most, least = 0) {
  const text = value.toLocaleString("en-US", { maximumFractionDigits: most, minimumFractionDigits: least });
  return text.replace("-", "−"); // a true minus sign is as wide as a plus
}
