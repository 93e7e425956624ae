// Colours by class, the patterns for what has no class, and legends: the same for grids and for cells.
"use strict";
(() => {
  const patterns = new Map();
  /** Return a small canvas to fill with: `hatch` for no data, `dots` for suppressed. Its size divides a tile's, so that seams do not show. */
  linli.pattern = (name, dark) => {
    const key = `${name}:${dark}`;
    if (!patterns.has(key)) {
      const canvas = linli.el("canvas", { width: 8, height: 8 });
      const pen = canvas.getContext("2d");
      pen.fillStyle = dark ? "rgba(30,48,56,0.75)" : name === "dots" ? "rgba(244,243,239,0.55)" : "rgba(238,238,234,0.8)";
      pen.fillRect(0, 0, 8, 8);
      if (name === "hatch") {
        pen.strokeStyle = dark ? "#54717c" : "#9aa19f";
        pen.lineWidth = 1.1;
        pen.beginPath();
        for (const at of [-8, 0, 8]) { pen.moveTo(at, 8); pen.lineTo(at + 8, 0); }
        pen.stroke();
      } else {
        pen.fillStyle = dark ? "#8aa4ad" : "#8b9391";
        for (const [x, y] of [[2, 2], [6, 6]]) { pen.beginPath(); pen.arc(x, y, 1.05, 0, 7); pen.fill(); }
      }
      patterns.set(key, canvas);
    }
    return patterns.get(key);
  };

  /** Return the class of a value: i where breaks[i] < value <= breaks[i + 1]; the lowest edge belongs to the first. */
  linli.classOf = (value, breaks) => {
    for (let i = 1; i < breaks.length; i += 1) if (value <= breaks[i]) return i - 1;
    return breaks.length - 2;
  };

  /** Return the words of a class: whole numbers as from–to without overlap, others as from–to with their decimals. */
  linli.classWords = (breaks, i, unit = "") => {
    const whole = breaks.every(Number.isInteger);
    const from = whole && i > 0 ? breaks[i] + 1 : breaks[i];
    const to = breaks[i + 1];
    return `${from >= to ? linli.number(to) : `${linli.number(from)}–${linli.number(to)}`}${unit}`;
  };

  const round = (pen) => { pen.beginPath(); pen.roundRect(0.5, 0.5, 25, 15, 3); };

  /** Return a legend's swatch: a colour as it looks over the ground at that opacity, or a pattern by name. */
  linli.swatch = (look, dark, opacity = 1) => {
    const canvas = linli.el("canvas", { width: 26, height: 16, class: "linli-swatch", "aria-hidden": "true" });
    const pen = canvas.getContext("2d");
    const patterned = ["hatch", "dots"].includes(look);
    round(pen);
    pen.fillStyle = dark ? "#0b1b22" : "#f5f3ed";
    pen.fill();
    pen.globalAlpha = patterned ? 1 : opacity;
    pen.fillStyle = patterned ? pen.createPattern(linli.pattern(look, dark), "repeat") : look;
    pen.fill();
    pen.globalAlpha = 1;
    pen.strokeStyle = dark ? "#4b6a75" : "#7c8685";
    pen.stroke();
    return canvas;
  };

  /** Fill a legend: rows of {look, words (text or node), count}. */
  linli.legend = (node, rows, dark, opacity) => {
    node.replaceChildren(...rows.map((row) => linli.el("li", {},
      linli.swatch(row.look, dark, opacity), linli.el("span", { class: "words" }, row.words),
      row.count === undefined ? null : linli.el("span", { class: "count" }, linli.number(row.count)))));
  };
})();
