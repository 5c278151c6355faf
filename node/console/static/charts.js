// Charts that are looked at closely: each picture of the page gives way to one with a zoom and a legend with values.
// Comfort only: without script the pictures stand, and the tables below them say the same numbers always.
"use strict";

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 1e7, 1e8, 1e9, 1e12];
const HEIGHT = 240;

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

// What is drawn: columns stand on each other, so the first reaches up to the sum of all and is drawn first.
function heights(plot) {
  if (!plot.stacked) return plot.series.map((one) => one.values);
  return plot.series.map((_, from) =>
    plot.names.map((_, at) => plot.series.slice(from).reduce((sum, one) => sum + (one.values[at] ?? 0), 0)),
  );
}

function axis(more) {
  return {
    stroke: colour("soft"),
    grid: { stroke: colour("line"), width: 1 },
    ticks: { show: false },
    font: "12.5px system-ui, sans-serif",
    ...more,
  };
}

// What the numbers of the axis count, where they are no numbers of things.
function unit(plot) {
  return plot.unit ? { label: plot.unit, labelSize: 22, labelFont: "12.5px system-ui, sans-serif" } : {};
}

function options(plot, width) {
  const digits = new Intl.NumberFormat(document.documentElement.lang);
  const bars = plot.stacked ? { paths: uPlot.paths.bars({ size: [0.7, 60] }), points: { show: false } } : { points: { show: true, size: 7, fill: colour("card") } };
  return {
    width,
    height: HEIGHT,
    scales: {
      // Half a place at each side, and never a part of one: whole days or months are looked at.
      x: { time: false, range: (_, from, to) => [Math.round(from) - 0.5, Math.round(to) + 0.5] },
      y: { range: (_, __, most) => [0, Math.max(1, (most ?? 0) * 1.08)] },
    },
    cursor: { y: false, drag: { x: true, y: false }, focus: { prox: -1 } },
    legend: { live: true },
    axes: [
      axis({ incrs: STEPS, space: 84, size: 30, values: (_, at) => at.map((each) => plot.names[each] ?? "") }),
      axis({ incrs: STEPS, size: 56, ...unit(plot), values: (_, at) => at.map((each) => digits.format(each)) }),
    ],
    series: [
      { label: plot.place, value: (_, __, ___, at) => plot.names[at] ?? "" },
      ...plot.series.map((one) => ({
        label: one.name,
        stroke: colour(one.tint),
        fill: plot.stacked ? colour(one.tint) : undefined,
        width: plot.stacked ? 0 : 2,
        value: (_, __, ___, at) => one.shown[at] ?? "",
        ...bars,
      })),
    ],
    hooks: { setCursor: [(u) => u.cursor.idx === null && u.setLegend({ idx: plot.names.length - 1 })] },
  };
}

function draw(figure, plot) {
  const place = figure.querySelector(".plot");
  place.replaceChildren();
  const data = [plot.names.map((_, at) => at), ...heights(plot)];
  const chart = new uPlot(options(plot, place.clientWidth), data, place);
  chart.setLegend({ idx: plot.names.length - 1 });
  return chart;
}

function bring(figure) {
  const plot = JSON.parse(figure.dataset.plot);
  const last = plot.names.length - 1;
  const said = figure.querySelector("output");
  figure.classList.add("plotted");
  let chart = draw(figure, plot);
  let at = last;

  function look(from, to) {
    chart.setScale("x", { min: Math.max(0, from), max: Math.min(last, to) });
  }
  function zoom(factor) {
    const { min, max } = chart.scales.x;
    const half = Math.max(1, ((max - min - 1) * factor) / 2);
    const middle = Math.min(Math.max(chart.cursor.idx ?? (min + max) / 2, half), Math.max(half, last - half));
    look(Math.round(middle - half), Math.round(middle + half));
  }
  function go(to) {
    at = Math.min(last, Math.max(0, to));
    const { min, max } = chart.scales.x;
    const by = at < min ? at - (min + 0.5) : at > max ? at - (max - 0.5) : 0;
    if (by) look(min + 0.5 + by, max - 0.5 + by);
    chart.setCursor({ left: chart.valToPos(at, "x"), top: 0 });
    said.textContent = [plot.names[at], ...plot.series.map((one) => `${one.name}: ${one.shown[at]}`)].join(", ");
  }

  const keys = {
    ArrowLeft: () => go(at - 1),
    ArrowRight: () => go(at + 1),
    Home: () => go(0),
    End: () => go(last),
    "+": () => zoom(0.5),
    "-": () => zoom(2),
    0: () => look(0, last),
  };
  figure.querySelector(".plot").addEventListener("keydown", (event) => {
    if (!(event.key in keys) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  for (const button of figure.querySelectorAll("[data-key]")) {
    button.addEventListener("click", () => keys[button.dataset.key]());
  }
  dark.addEventListener("change", () => {
    chart.destroy();
    chart = draw(figure, plot);
  });
  new ResizeObserver(() => {
    const width = figure.querySelector(".plot").clientWidth;
    if (width && width !== chart.width) chart.setSize({ width, height: HEIGHT });
  }).observe(figure);
}

for (const figure of document.querySelectorAll("[data-plot]")) bring(figure);
const hint = document.getElementById("plot-hint");
if (hint) hint.hidden = false;
