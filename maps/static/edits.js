// The planner's edits of stations, in steps that can be taken back. Nothing here knows the map or the server.
"use strict";
(() => {
  const MOST = 100; // as many as the server takes

  class Edits {
    constructor() { this.steps = []; this.serial = 0; }

    /** Take one step: one or several edits {op, station}, where op is add, move, close or restore. */
    push(...edits) { this.steps.push(edits); }

    undo() { return this.steps.pop(); }

    reset() { this.steps = []; }

    /** Return a code and a number for a station that is added. */
    next() { this.serial += 1; return { code: `new-${this.serial}`, number: this.serial }; }

    /** Return what has become of each station, by its code: {op, station}; later steps win, and what cancels out is gone. */
    state() {
      const state = new Map();
      for (const { op, station } of this.steps.flat()) {
        const before = state.get(station.code);
        const added = before && before.op === "add";
        if (op === "restore" || (op === "close" && added)) state.delete(station.code);
        else if (op === "move" && added) state.set(station.code, { op: "add", station: { ...before.station, lon: station.lon, lat: station.lat } });
        else state.set(station.code, { op, station });
      }
      return state;
    }

    /** Return the edits as the server takes them. */
    list() {
      return [...this.state().values()].map(({ op, station }) => {
        const { code, name, lon, lat, services } = station;
        return { op, station: { add: { code, name, lon, lat, services }, move: { code, lon, lat }, close: { code } }[op] };
      });
    }

    /** Tell whether there is room for so many more. */
    room(n) { return this.state().size + n <= MOST; }
  }

  linli.edits = () => new Edits();
})();
