// Relative times tick here: <time datetime data-ago> shows how long ago, <time data-since> how long it has lasted.

const UNITS = JSON.parse(document.documentElement.dataset.units || '["d","h","min","s"]');
const TIGHT = document.documentElement.lang.startsWith("zh"); // 6分12秒, but 6 min 12 s
const NBSP = "\u00a0";

/** Say a number of seconds as a person would: two units at most. The server's filter `duration` says the same. */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60];
  const first = parts.findIndex((part) => part > 0);
  if (first < 0) return say(0, 3);
  const second = first < 3 ? `${TIGHT ? "" : NBSP}${say(parts[first + 1], first + 1, first > 0)}` : "";
  return say(parts[first], first) + second;
}

function say(number, unit, padded = false) {
  return `${padded ? String(number).padStart(2, "0") : number}${TIGHT ? "" : NBSP}${UNITS[unit]}`;
}

/** Refresh every relative time once a second while the page is visible. */
export function startTimes() {
  const drift = Date.parse(document.documentElement.dataset.now) - Date.now() || 0; // the server's clock counts
  const tick = () => {
    if (document.hidden) return;
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const text = duration((Date.now() + drift - Date.parse(time.dateTime)) / 1000);
      if (time.textContent !== text) time.textContent = text;
    }
  };
  tick();
  setInterval(tick, 1000);
  document.addEventListener("visibilitychange", tick);
}
