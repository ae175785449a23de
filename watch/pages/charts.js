// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What the dashboard and the page of compared runs share: charts of curves over a common x, with
// Chart.js, numbers as texts, tables.

'use strict';

/** A colour of dashboard.css, in the page's present scheme. */
function themeColour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
}

/** The colour of series `index`, from 0. */
function seriesColour(index) {
  return themeColour('series-' + (index % 7 + 1));
}

/** Three digits: "12.3", "1.23e-5", "45,600". */
function shortNumber(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString('en');
  if (size !== 0 && size < 0.001) return value.toExponential(2);
  return String(Number(value.toPrecision(3)));
}

/** "1:02:03" or "2:03". */
function duration(seconds) {
  if (!Number.isFinite(seconds)) return '–';
  const whole = Math.round(seconds);
  const two = (n) => String(n).padStart(2, '0');
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

function axisOptions(axis) {
  return {
    type: axis.log ? 'logarithmic' : 'linear',
    position: axis.right ? 'right' : 'left',
    display: axis.right ? 'auto' : true,  // one on the right, where a curve needs it
    stacked: Boolean(axis.stacked),
    beginAtZero: Boolean(axis.fromZero),
    min: axis.min,
    max: axis.max,
    title: {display: true, text: axis.title},
    ticks: {maxTicksLimit: 7, maxRotation: 0, stepSize: axis.stepSize, callback: (value) => axis.tick ? axis.tick(value) : shortNumber(value)},
    grid: {drawOnChartArea: !axis.right},
  };
}

/** The arrow keys move through the points of a chart that has the focus. */
function followKeys(chart) {
  let at = null;
  chart.canvas.addEventListener('keydown', (event) => {
    const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    const last = Math.max(...chart.data.datasets.map((set) => set.data.length)) - 1;
    if (!step || last < 0) return;
    event.preventDefault();
    at = Math.min(last, Math.max(0, (at === null ? last - step : at) + step));
    const active = chart.data.datasets
      .map((set, datasetIndex) => ({datasetIndex, index: at}))
      .filter((one) => chart.data.datasets[one.datasetIndex].data.length > at);
    chart.setActiveElements(active);
    chart.tooltip.setActiveElements(active, {x: 0, y: 0});
    chart.update('none');
  });
}

/**
 * A chart of lines, or of points alone, on the canvas with this id.
 * axes: {x: {title, log, tick, min, max}, y: {..., stacked, fromZero}, y1: {..., right}}.
 * Show curves with setCurves.
 */
function makeChart(id, axes, options = {}) {
  const scales = {};
  for (const [name, axis] of Object.entries(axes)) scales[name] = axisOptions(axis);
  scales.x.position = 'bottom';
  const chart = new Chart(document.getElementById(id), {
    type: options.points ? 'scatter' : 'line',
    data: {datasets: []},
    options: {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      normalized: true,
      interaction: {mode: options.points ? 'nearest' : 'index', intersect: false},
      scales,
      plugins: {
        legend: {position: 'bottom', labels: {boxWidth: 14, boxHeight: 2, padding: 10}},
        tooltip: {callbacks: {
          title: (items) => options.title ? options.title(items) :
            items.length ? `${axes.x.title} ${shortNumber(items[0].parsed.x)}` : '',
          label: (item) => options.label ? options.label(item) :
            `${item.dataset.label}: ${shortNumber(item.parsed.y)}`,
        }},
      },
    },
  });
  followKeys(chart);
  paint(chart);
  return chart;
}

/** The page's colours, again after the scheme has changed. */
function paint(chart) {
  const {scales, plugins} = chart.options;
  for (const scale of Object.values(scales)) {
    scale.grid.color = scale.grid.borderColor = themeColour('line');
    scale.ticks.color = scale.title.color = themeColour('quiet');
  }
  plugins.legend.labels.color = themeColour('text');
  for (const set of chart.data.datasets) {
    const colour = set.colour ? themeColour(set.colour) : seriesColour(set.number);
    set.borderColor = colour;
    set.backgroundColor = set.fill === false ? colour : colour + 'b0';
  }
  chart.update('none');
}

/**
 * curves: [{label, points: [{x, y}], axis: 'y1', dashed, stacked, colour: a name in dashboard.css}].
 * Points without a y are left out.
 */
function setCurves(chart, curves) {
  const hidden = new Map(chart.data.datasets.map(
    (set, index) => [set.label, !chart.isDatasetVisible(index)]));
  chart.data.datasets = curves.map((curve, number) => {
    const points = curve.points.filter((p) => p.y !== null && p.y !== undefined);
    return {
      label: curve.label,
      number,
      colour: curve.colour,
      data: points,
      yAxisID: curve.axis || 'y',
      borderDash: curve.dashed ? [6, 4] : [],
      borderWidth: curve.stacked ? 0 : 2,
      pointRadius: chart.config.type === 'scatter' ? 5 : points.length < 2 ? 3 : 0,
      pointHitRadius: 8,
      fill: curve.stacked ? (number === 0 ? 'origin' : '-1') : false,
      hidden: hidden.get(curve.label) || false,
    };
  });
  const canvas = chart.canvas;
  canvas.setAttribute('aria-label', curves.map((curve) => {
    const last = curve.points.length ? curve.points[curve.points.length - 1].y : null;
    return `${curve.label}: now ${shortNumber(last)}`;
  }).join('; ') + '. The arrow keys move through the points.');
  paint(chart);
}

/** Points of two columns, the second times `factor`. */
function pointsOf(x, y, factor = 1) {
  return x.map((value, i) => ({x: value, y: y[i] === null ? null : factor * y[i]}));
}

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** rows: arrays of texts, or of {text, number}; a row may have a `className`. */
function fillTable(id, header, rows) {
  const table = document.getElementById(id);
  const row = (cells, name) => {
    const made = element('tr', undefined, cells.className);
    for (const cell of cells) {
      const text = cell !== null && typeof cell === 'object' ? cell.text : cell;
      made.append(element(name, text, cell && cell.number ? 'number' : ''));
    }
    return made;
  };
  table.replaceChildren(row(header, 'th'), ...rows.map((cells) => row(cells, 'td')));
}
