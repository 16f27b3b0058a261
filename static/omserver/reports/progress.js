/** How far the request for a card is: asked once a second under the name that the request was sent with. */

const HEADER = "X-Card-Request"; // as webui/reports/progress.py reads it
const EVERY = 1000; // ms

/** Give the header that names a request, so that its progress can be asked for. */
export function named() {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID is for pages by HTTPS only
  return { [HEADER]: Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("") };
}

/** Ask `url` about the request with this header until the signal ends it; `show` gets each answer in words. */
export async function follow(url, header, signal, show) {
  try {
    while (!signal.aborted) {
      if (!document.hidden) {
        const answer = await fetch(url, { headers: { ...header, "X-Requested-With": "fetch" }, signal });
        if (!answer.ok || answer.redirected) return;
        const { said } = await answer.json();
        if (said && !signal.aborted) show(said);
      }
      await new Promise((resolve) => { setTimeout(resolve, EVERY); });
    }
  } catch { /* ended, or the server is away, which the card itself says */ }
}
