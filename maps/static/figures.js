// Figures beside the coverage map: totals with bars, who has no way and why, and before against after.
"use strict";
(() => {
  function bar(some, whole) {
    const fill = linli.el("span", { class: "fill" });
    fill.style.width = `${whole ? (some / whole) * 100 : 0}%`;
    return linli.el("span", { class: "track", "aria-hidden": "true" }, fill);
  }

  const homes = (n) => linli.tn("{n} 户", n);
  const plain = (words, n, key) => linli.el("li", { class: "plain", "data-figure": key }, linli.el("span", { class: "what" }, ...words), linli.el("b", {}, homes(n)));

  /** Return the lines of the totals: each group's covered share, then who is beyond reach and who has no way, by reason. */
  linli.coverageFigures = ({ totals, unreachable }, reasons) => {
    const lines = linli.coverageGroups.map(([whole, some]) => linli.el("li", { "data-figure": whole },
      linli.el("span", { class: "what" }, linli.word(whole)), linli.el("b", {}, linli.percent(totals[some], totals[whole])),
      bar(totals[some], totals[whole]), linli.el("span", { class: "of" }, `${linli.number(totals[some])} / ${linli.number(totals[whole])}`)));
    if (totals.difference > 0) lines.push(plain([linli.word("difference")], totals.difference, "difference"));
    if (totals.difference < 0) lines.push(plain([linli.word("difference.less")], -totals.difference, "difference"));
    if (totals.beyond !== undefined) lines.push(plain([linli.word("beyond")], totals.beyond, "beyond"));
    for (const [reason, n] of Object.entries(unreachable || {})) {
      if (n > 0) lines.push(plain([linli.t("无法计算：{reason}", { reason: reasons[reason] || reason })], n, "unreachable"));
    }
    return lines;
  };

  /** Return a number with its sign; nothing changed is ±0. */
  linli.signed = (n) => (n > 0 ? `+${linli.number(n)}` : n < 0 ? `−${linli.number(-n)}` : "±0");

  const tone = (n) => (n > 0 ? "up" : n < 0 ? "down" : "");

  /** Return the table of totals before and after. */
  linli.beforeAfter = ({ before, after }) => {
    const cell = (counts, whole, some) => linli.el("td", {}, linli.number(counts[some]), linli.el("small", {}, linli.percent(counts[some], counts[whole])));
    const rows = linli.coverageGroups.map(([whole, some]) => linli.el("tr", { "data-change": whole },
      linli.el("th", { scope: "row" }, linli.word(whole)), cell(before, whole, some), cell(after, whole, some),
      linli.el("td", { class: `delta ${tone(after[some] - before[some])}` }, linli.signed(after[some] - before[some]))));
    const head = ["covered", "before", "after", "change"].map((key) => linli.el("th", { scope: "col" }, linli.word(key)));
    return linli.el("table", { class: "linli-change" }, linli.el("thead", {}, linli.el("tr", {}, ...head)), linli.el("tbody", {}, ...rows));
  };

  /** Return how much better off a grid is: households first, people where households stay the same. */
  linli.gainOf = ({ before, after }) => {
    const [home, elder, child] = linli.coverageGroups.map(([, some]) => after[some] - before[some]);
    return home || elder + child;
  };
})();
