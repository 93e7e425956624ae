// The planner's edits of stations, in steps that can be taken back. Nothing here knows the map or the server.
"use strict";
(() => {
  const MOST = 100; // as many as the server takes

  class Edits {
    constructor() { this.steps = []; this.serial = 0; }

    /** Take one step: one or several edits {op, station}, where op is add, move, close, hours or restore. */
    push(...edits) { this.steps.push(edits); }

    undo() { return this.steps.pop(); }

    reset() { this.steps = []; }

    /** Return a code and a number for a station that is added. */
    next() { this.serial += 1; return { code: `new-${this.serial}`, number: this.serial }; }

    /**
     * Return what has become of each station, by its code: {op, station, services}; later steps win, and what cancels out is gone.
     * A station can be moved and have other hours at once: then op is move, and `services` are the new ones.
     */
    state() {
      const state = new Map();
      for (const { op, station } of this.steps.flat()) {
        const { code, lon, lat, services } = station;
        const before = state.get(code);
        const added = before && before.op === "add";
        const kept = before && before.op !== "close" ? before : null;
        if (op === "restore" || (op === "close" && added)) state.delete(code);
        else if (added) state.set(code, { op: "add", station: { ...before.station, ...(op === "move" ? { lon, lat } : { services }) } });
        else if (op === "move") state.set(code, { op, station: { code, lon, lat }, services: kept && kept.services });
        else if (op === "hours") state.set(code, kept ? { ...kept, services } : { op, station: { code }, services });
        else state.set(code, { op, station });
      }
      return state;
    }

    /** Return the edits as the server takes them: a move and new hours of one station are two. */
    list() {
      return [...this.state().values()].flatMap(({ op, station, services }) => {
        const { code, name, lon, lat } = station;
        const made = { add: { code, name, lon, lat, services: station.services }, move: { code, lon, lat }, close: { code } }[op];
        return [...(made ? [{ op, station: made }] : []), ...(services ? [{ op: "hours", station: { code, services } }] : [])];
      });
    }

    /** Take up the edits of a list, such as a link brings: those that are none are passed over; `kinds` are the services that there are. */
    restore(list, kinds) {
      const known = (Array.isArray(list) ? list : []).slice(0, MOST).map((edit) => readEdit(edit, kinds)).filter(Boolean);
      for (const { op, station } of known) if (op === "add") this.serial = Math.max(this.serial, Number(station.code.slice(4)));
      for (const edit of known) this.push(edit);
    }

    /** Tell whether there is room for so many more. */
    room(n) { return this.list().length + n <= MOST; }
  }

  const OPS = { add: ["place", "services"], move: ["place"], close: [], hours: ["services"] };
  const text = (value, most) => typeof value === "string" && value.length > 0 && value.length <= most;

  // A link comes from anybody: only what an edit is made of is taken from it, no names.
  function readEdit(edit, kinds) {
    const { op, station } = edit || {};
    if (!Object.hasOwn(OPS, op) || !station || !text(station.code, 100) || (op === "add" && !/^new-\d{1,4}$/.test(station.code))) return null;
    const read = { code: station.code };
    if (OPS[op].includes("place")) {
      if (!(Math.abs(station.lon) <= 180 && Math.abs(station.lat) <= 85)) return null;
      Object.assign(read, { lon: Number(station.lon), lat: Number(station.lat) });
    }
    if (OPS[op].includes("services")) {
      const offers = Array.isArray(station.services) ? station.services : [];
      if (!offers.length || !offers.every((offer) => offer && kinds.includes(offer.kind) && (!offer.hours || text(offer.hours, 250)))) return null;
      read.services = offers.map(({ kind, hours, capacity }) => ({ kind, ...(hours ? { hours } : {}), ...(Number.isInteger(capacity) ? { capacity } : {}) }));
    }
    return { op, station: read };
  }

  linli.edits = () => new Edits();
})();
