// The wall's charts, drawn by ECharts on a canvas; letters are as large as the wall's, whatever its size.

const STOP = document.documentElement.lang === "zh-CN" ? "；" : "; ";
const INK = { text: "#eaf4f5", dim: "#a9c3ca", edge: "#1f3d49", glow: "#5fd0c5", warm: "#f6b45c", pale: "#3c5a66" };
const LEAST_TOP = 9; // where all is small the pale stubs stay low
const charts = new Map();

/** Pixels of so many hundredths of the shorter side. */
const size = (rem) => rem * parseFloat(getComputedStyle(document.documentElement).fontSize);

function base() {
  const letters = { color: INK.dim, fontSize: size(2.1), fontFamily: getComputedStyle(document.body).fontFamily };
  return {
    animation: false,
    textStyle: letters,
    grid: { left: size(0.5), right: size(1), top: size(4.4), bottom: 0, containLabel: true },
    legend: { top: 0, right: 0, icon: "roundRect", itemWidth: size(2), itemHeight: size(1.4), itemGap: size(2), textStyle: letters },
    axis: { axisLabel: { ...letters, hideOverlap: true }, axisLine: { lineStyle: { color: INK.edge } }, axisTick: { show: false } },
    value: {
      type: "value", minInterval: 1, splitNumber: 3, max: ({ max }) => (max < LEAST_TOP ? LEAST_TOP : null), axisLabel: letters, splitLine: { lineStyle: { color: INK.edge } },
    },
  };
}

/** A count as a bar: one too small to tell (null) is a pale stub, never a height. */
const told = (value, colour) => (value === null ? { value: 2, itemStyle: { color: INK.pale } } : { value, itemStyle: { color: colour } });

function draw(name, option, said) {
  const box = document.querySelector(`[data-chart="${name}"]`);
  box.setAttribute("aria-label", said);
  let chart = charts.get(name);
  if (!chart) {
    chart = window.echarts.init(box, null, { renderer: "canvas" });
    charts.set(name, chart);
    new ResizeObserver(() => { if (box.clientWidth) { chart.resize(); chart.again?.(); } }).observe(box);
  }
  chart.again = () => chart.setOption(option(), { notMerge: true });
  if (box.clientWidth) chart.again(); // one that is not shown now is drawn when it is
}

/** Two series of bars over time; `rows` hold `label` and a count (or null) under each key. */
export function bars(name, rows, series) {
  const option = () => {
    const { axis, value, ...rest } = base();
    const small = rows.some((row) => series.some(({ key }) => row[key] === null));
    return {
      ...rest,
      xAxis: { type: "category", data: rows.map((row) => row.label), ...axis },
      yAxis: value,
      series: [
        ...series.map(({ key, label, colour }) => ({
          name: label, type: "bar", barGap: "10%", itemStyle: { color: INK[colour] }, data: rows.map((row) => told(row[key], INK[colour])),
        })),
        ...(small ? [{ name: "<5", type: "scatter", itemStyle: { color: INK.pale }, data: [] }] : []), // for the legend alone
      ],
    };
  };
  const read = (row) => `${row.label} ${series.map(({ key, label }) => `${label} ${row[key] ?? "<5"}`).join(" ")}`;
  draw(name, option, rows.map(read).join(STOP));
}

/** One lying bar for each row: `label`, `value` (or null). */
export function lying(name, rows) {
  const option = () => {
    const { axis, value, grid, legend: _none, ...rest } = base();
    return {
      ...rest,
      grid: { ...grid, top: 0, right: size(7) },
      xAxis: { ...value, axisLabel: { show: false }, splitLine: { show: false } },
      yAxis: { type: "category", inverse: true, data: rows.map((row) => row.label), ...axis, axisLabel: { ...axis.axisLabel, color: INK.text, fontSize: size(2.3) } },
      series: [{
        type: "bar", barWidth: "52%", data: rows.map((row) => told(row.value, INK[row.colour])),
        label: { show: true, position: "right", color: INK.text, fontSize: size(2.5), fontWeight: 600, formatter: ({ dataIndex }) => (rows[dataIndex].value === null ? "<5" : String(rows[dataIndex].value)) },
      }],
    };
  };
  draw(name, option, rows.map((row) => `${row.label} ${row.value ?? "<5"}`).join(STOP));
}
