// Room on the map for names and signs: what is taken, and where along a street a name finds a straight piece. All in pixels of the world at one zoom.
"use strict";
(() => {
  const CELL = 64;

  /** What is taken by boxes [left, top, right, bottom]. */
  linli.Room = class {
    constructor() { this.cells = new Map(); }

    * cellsOf([left, top, right, bottom]) {
      for (let x = Math.floor(left / CELL); x <= Math.floor(right / CELL); x += 1) {
        for (let y = Math.floor(top / CELL); y <= Math.floor(bottom / CELL); y += 1) yield `${x},${y}`;
      }
    }

    free(boxes) {
      for (const box of boxes) {
        for (const cell of this.cellsOf(box)) {
          for (const other of this.cells.get(cell) || []) {
            if (box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3]) return false;
          }
        }
      }
      return true;
    }

    take(boxes) {
      for (const box of boxes) {
        for (const cell of this.cellsOf(box)) {
          if (!this.cells.has(cell)) this.cells.set(cell, []);
          this.cells.get(cell).push(box);
        }
      }
    }
  };

  const BEND = 0.35; // radians between neighbouring pieces
  const TURN = 0.5; // radians from the first piece to the last
  const apart = (a, b) => Math.abs(Math.atan2(Math.sin(a - b), Math.cos(a - b)));

  /** Return the nearly straight pieces of a line that are at least so long, the longest first: {x, y, angle, length} about their middles. */
  linli.straights = (points, least) => {
    const found = [];
    let begin = 0;
    let first = 0;
    let before = 0;
    const close = (end) => {
      const [a, b] = [points[begin], points[end]];
      const length = Math.hypot(b.x - a.x, b.y - a.y);
      if (length >= least) found.push({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, angle: Math.atan2(b.y - a.y, b.x - a.x), length });
    };
    for (let i = 1; i < points.length; i += 1) {
      const angle = Math.atan2(points[i].y - points[i - 1].y, points[i].x - points[i - 1].x);
      if (i - 1 === begin) first = angle;
      else if (apart(angle, before) > BEND || apart(angle, first) > TURN) {
        close(i - 1);
        begin = i - 1;
        first = angle;
      }
      before = angle;
    }
    if (points.length > 1) close(points.length - 1);
    return found.sort((a, b) => b.length - a.length);
  };

  /** Return boxes that cover a text of that width and height whose middle is at x, y, turned by an angle. */
  linli.boxesAlong = (x, y, angle, width, height) => {
    const n = Math.abs(Math.sin(angle)) < 0.02 ? 1 : Math.max(1, Math.ceil(width / height));
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    const wide = (Math.abs(cos) * width) / n / 2 + (Math.abs(sin) * height) / 2;
    const high = (Math.abs(sin) * width) / n / 2 + (Math.abs(cos) * height) / 2;
    return Array.from({ length: n }, (_, i) => {
      const along = ((i + 0.5) / n - 0.5) * width;
      const [cx, cy] = [x + along * cos, y + along * sin];
      return [cx - wide, cy - high, cx + wide, cy + high];
    });
  };
})();
