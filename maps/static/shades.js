// What the grids of the coverage map may be shaded by: shares of each group, buffer against walk, hours of the week, places.
"use strict";
(() => {
  const SHARES = [0, 20, 40, 60, 80, 100];
  const HOURS = [0, 10, 20, 40, 80, 168];
  const WEEK_H = 168;
  const LESS = "#5b7fb5"; // where the streets cover more than the straight line

  /** The groups: name of the whole, name of those covered. */
  linli.coverageGroups = [["households", "covered"], ["elders_60", "elders_60_covered"], ["children_12", "children_12_covered"]];

  /** Round up to two digits, so that a legend can be read. */
  function rounded(value) {
    const unit = 10 ** (Math.floor(Math.log10(value)) - 1);
    return Number((Math.ceil(value / unit - 1e-9) * unit).toPrecision(2));
  }

  /** Return edges of at most `k` classes above zero with about as many grids in each; whole numbers where all values are. */
  linli.evenBreaks = (values, k) => {
    const sorted = values.filter((value) => value > 0).sort((a, b) => a - b);
    if (!sorted.length) return [0];
    const whole = sorted.every(Number.isInteger);
    const edges = new Set([0]);
    for (let i = 1; i <= k; i += 1) {
      const edge = rounded(sorted[Math.ceil((sorted.length * i) / k) - 1]);
      edges.add(whole ? Math.ceil(edge) : edge);
    }
    return [...edges];
  };

  /** Classes between edges, from low to high; `bottom` says whether the lowest edge belongs to the first. */
  function between(edges, looks, unit = "", bottom = true) {
    return edges.slice(1).map((high, i) => ({
      look: looks[Math.round((i * (looks.length - 1)) / Math.max(1, edges.length - 2))], words: linli.classWords(edges, i, unit),
      has: (value) => value <= high && (value > edges[i] || (bottom && i === 0 && value === edges[0])),
    }));
  }

  const nothing = (look, key) => ({ look, words: linli.word(key), has: (value) => value === 0 });

  function share(whole, some, colours) {
    return {
      title: () => [linli.t("覆盖率：{whom}", { whom: linli.word(whole) })],
      value: (row) => {
        if (row[whole] === null || row[some] === null) return null;
        return row[whole] ? (row[some] / row[whole]) * 100 : undefined;
      },
      classes: () => SHARES.slice(1).map((high, i) => ({ look: colours[i], words: `${SHARES[i]}–${high}%`, has: (value) => linli.classOf(value, SHARES) === i })),
    };
  }

  /**
   * Return every shading by its name: `title()` nodes, `value(row, extra)` of a grid (undefined: no data, null: hidden), `classes(values)` from low
   * to high as {look, words, has(value)}; `path` names the address of a further answer that it needs, of one service, and `told` its text.
   */
  linli.coverageShades = (colours) => ({
    ...Object.fromEntries(linli.coverageGroups.map(([whole, some]) => [whole, share(whole, some, colours.share)])),
    difference: {
      title: () => [linli.word("difference.title")],
      value: (row) => (row.difference === null ? null : row.households ? row.difference : undefined),
      classes: (values) => {
        const edges = linli.evenBreaks(values, 4);
        edges[0] = 0;
        const more = between(edges, colours.difference.slice(1), "", false);
        if (more.length) more[0].words = edges[1] > 1 ? `1–${edges[1]}` : "1";
        const less = values.some((value) => value < 0) ? [{ look: LESS, words: linli.word("difference.less"), has: (value) => value < 0 }] : [];
        return [...less, nothing(colours.difference[0], "none.n"), ...more];
      },
    },
    week: {
      path: "coverage_week",
      title: () => [linli.t("每周能用上的时间（小时/周）")],
      value: (row, extra) => (extra ? extra.share * WEEK_H : undefined),
      said: (value) => linli.t("{n} 小时/周", { n: linli.number(Math.round(value * 10) / 10) }),
      classes: () => [nothing(colours.week[0], "week.none"), ...between(HOURS, colours.week.slice(1), "", false)],
      told: (answer) => (answer.share === null ? "–" : linli.t("平均每户每周 {n} 小时（{share}）", {
        n: linli.number(Math.round(answer.share * WEEK_H * 10) / 10), share: linli.percent(answer.share, 1),
      })),
    },
    capacity: {
      path: "coverage_capacity",
      title: () => [linli.word("places")],
      value: (row, extra) => (extra && extra.places_per_100 !== null ? extra.places_per_100 : undefined),
      said: (value) => linli.number(value),
      classes: (values) => [nothing(colours.capacity[0], "places.none"), ...between(linli.evenBreaks(values, 5), colours.capacity.slice(1), "", false)],
      told: (answer) => linli.t("需要者：{whom}；共 {n} 个名额", { whom: linli.word(answer.needed_by), n: linli.number(answer.places) })
        + (answer.unknown.length ? linli.tn("；{n} 处站点未登记名额，不计入", answer.unknown.length) : ""),
    },
  });
})();
