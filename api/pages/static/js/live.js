// Follow the service's changes for as long as the page is open, whatever happens to server and network in between.

const LONGEST_PAUSE_MS = 8000;

/**
 * Open a stream of changes and keep it open.
 * `onChange` is called for each change; `onState` with "live" or "lost". Whoever is told "live" asks for everything anew, so nothing that
 * happened in between is missed. The function returned opens the stream anew: a pulled cable makes no error, only a failing request shows it.
 */
export function follow(address, { onChange, onState }) {
  let source = null;
  let pause = 500;
  let waiting = null;

  function open() {
    clearTimeout(waiting);
    waiting = null;
    source?.close();
    source = new EventSource(address);
    source.addEventListener("open", () => { pause = 500; onState("live"); });
    source.addEventListener("message", onChange);
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

  window.addEventListener("offline", again);
  window.addEventListener("online", open);
  open();
  return open;
}
