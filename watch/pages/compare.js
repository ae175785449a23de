// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Runs over each other: their curves over the images seen, and what their configurations differ in.

'use strict';

/** {"solver.steps": "100", ...} of a protobuf message in text format, repeated fields joined. */
function fieldsOf(text) {
  const fields = new Map();
  const path = [];
  for (const line of text.split('\n')) {
    const open = line.match(/^\s*(\w+) \{$/);
    const value = line.match(/^\s*(\w+): (.*)$/);
    if (open) path.push(open[1]);
    if (/^\s*\}$/.test(line)) path.pop();
    if (!value) continue;
    const name = [...path, value[1]].join('.');
    fields.set(name, fields.has(name) ? `${fields.get(name)}, ${value[2]}` : value[2]);
  }
  return fields;
}

function showDifferences(runs) {
  const fields = runs.map((run) => fieldsOf(run.config));
  const names = [...new Set(fields.flatMap((of) => [...of.keys()]))].sort();
  const rows = names
    .map((name) => [name, ...fields.map((of) => of.has(name) ? of.get(name) : '–')])
    .filter(([, first, ...others]) => others.some((value) => value !== first));
  fillTable('differences', ['field', ...runs.map((run) => run.row.label)],
    rows.length ? rows : [['nothing']]);
}

function showTable(runs) {
  const columns = [...new Set(runs.flatMap((run) => Object.keys(run.row)))];
  fillTable('runs', columns.map((name) => name.replaceAll('_', ' ')), runs.map((run) =>
    columns.map((name) => {
      const value = run.row[name];
      return typeof value === 'number' ? {text: shortNumber(value), number: true} : value || '–';
    })));
}

const runs = JSON.parse(document.getElementById('data').textContent);
const charts = [];
for (const figure of runs[0].figures.filter((one) => one.compared)) {
  const box = element('figure');
  const plot = element('div', undefined, 'plot');
  const canvas = element('canvas');
  canvas.id = figure.name;
  canvas.tabIndex = 0;
  canvas.setAttribute('role', 'img');
  plot.append(canvas);
  box.append(element('figcaption', figure.compared), plot);
  document.getElementById('curves').append(box);
  const chart = makeChart(figure.name, {x: {title: 'images seen'}, y: {title: figure.share ? '%' : ''}});
  setCurves(chart, runs.map((run) => ({
    label: run.row.label,
    points: pointsOf(run.curves.step.map((step) => step * run.images_per_step), run.curves[figure.name],
      figure.share ? 100 : 1),
  })));
  charts.push(chart);
}
showTable(runs);
showDifferences(runs);
window.matchMedia('(prefers-color-scheme: dark)')
  .addEventListener('change', () => charts.forEach(paint));
