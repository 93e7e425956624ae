// Follow the service's changes for as long as the page is open, whatever happens to server and network in between.

const SILENCE_MS = 40000;
const LONGEST_PAUSE_MS = 10000;

/**
 * Open a stream of changes and keep it open.
 * `onChange` is called for each change, `onState` with "live" or "lost".
 */
export function follow(address, { onChange, onState, topics = ["change"] }) {
  let source = null;
  let pause = 500;
  let heard = 0;
  let waiting = null;
  let lastId = "";

  const hear = (event) => {
    heard = Date.now();
    if (event?.lastEventId) lastId = event.lastEventId;
  };

  function open() {
    waiting = null;
    source = new EventSource(lastId ? `${address}?last_event_id=${encodeURIComponent(lastId)}` : address);
    heard = Date.now();
    source.addEventListener("open", () => { hear(); pause = 500; onState("live"); });
    for (const topic of ["message", ...topics]) source.addEventListener(topic, (event) => { hear(event); onChange(event); });
    for (const beat of ["ping", "heartbeat"]) source.addEventListener(beat, hear);
    source.addEventListener("error", again);
  }

  /** Start over: the browser gives up for good on some errors, so the page does the waiting. */
  function again() {
    if (waiting !== null) return;
    source.close();
    onState("lost");
    waiting = setTimeout(open, pause);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }

  // A cable that was pulled makes no error: silence does.
  setInterval(() => { if (waiting === null && Date.now() - heard > SILENCE_MS) again(); }, 5000);
  window.addEventListener("offline", again);
  window.addEventListener("online", () => {
    if (waiting === null) return;
    clearTimeout(waiting);
    open();
  });
  open();
}
