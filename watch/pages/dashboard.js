// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The dashboard: asks /api/state every other second, /api/history and /api/evaluations when they
// have something new, and shows it. Texts from the run get into the page as text only.

'use strict';

const kInterval = {training: 2000, other: 10000};  // milliseconds
const kEventRows = ['other', 'evaluation', 'checkpoint', 'start'];  // of the timeline, from below
const kQuietEvents = ['worker', 'links', 'note', 'plot', 'trace', 'end', 'stop', 'stopped'];

const step = {title: 'step'};
const charts = {};

function makeCharts() {
  charts.loss = makeChart('loss', {x: step, y: {title: 'loss'}});
  charts.accuracy = makeChart('accuracy', {x: step, y: {title: '%', min: 0, max: 100}});
  charts.schedule = makeChart('schedule', {
    x: step, y: {title: 'lambda or margin', fromZero: true},
    y1: {title: 'learning rate', right: true, fromZero: true}});
  charts.throughput = makeChart('throughput', {
    x: step, y: {title: 'images/s', fromZero: true}, y1: {title: '%', right: true, fromZero: true}});
  charts.parts = makeChart('parts', {x: step, y: {title: 'seconds', stacked: true, fromZero: true}});
  charts.norms = makeChart('norms', {
    x: step, y: {title: 'gradient', fromZero: true}, y1: {title: 'weights', right: true}});
  charts.roc = makeChart('roc', {
    x: {title: 'false accept rate', log: true, tick: (v) => Math.abs(Math.log10(v) % 1) < 1e-9 ? v.toExponential().replace('e+0', '') : ''},
    y: {title: 'true accept rate', max: 1}});
  charts.timeline = makeChart('timeline', {
    x: {title: 'since the first event', tick: duration},
    y: {title: '', min: -1, max: 4, stepSize: 1, tick: (v) => kEventRows[v] || ''}},
  {points: true, title: (items) => items.map((item) => duration(item.parsed.x)).join(),
    label: (item) => item.raw.text});
  charts.timeline.options.plugins.legend.display = false;
}

const number = (value) => ({text: shortNumber(value), number: true});
const percent = (share) => share === undefined || share === null ? '–' : `${(100 * share).toFixed(1)} %`;
const clock = (time) => new Date(1000 * time).toLocaleTimeString([], {hour12: false});

// ---------------------------------------------------------------------------------------- state

function showProblems(problems) {
  const made = problems.map((problem) => {
    const box = element('div', undefined, problem.critical ? 'problem critical' : 'problem');
    box.append(element('b', problem.title), element('span', problem.text));
    return box;
  });
  const place = document.getElementById('problems');
  const text = problems.map((problem) => problem.title + problem.text).join();
  if (place.dataset.text === text) return;  // not read out again
  place.dataset.text = text;
  place.replaceChildren(...made);
}

/** A head is annealed by lambda, or by its margin. */
function withoutTheOther(figures, annealed) {
  return figures.filter((figure) => figure.name !== (annealed ? 'margin' : 'lambda'));
}

function showFigures(state) {
  const last = state.last || {};
  const start = state.start || {};
  const figures = [
    ['step', `${shortNumber(last.step || start.first_step || 0)} / ${shortNumber(start.steps)}`],
    ['epoch', last.epoch === undefined ? '–' : last.epoch.toFixed(2)],
    ['ln C, chance', shortNumber(last.loss_at_chance)],
    ...withoutTheOther(shown.figures.filter((figure) => figure.tile), last.lambda > 0).map((figure) =>
      [figure.tile, figure.share ? percent(last[figure.name]) : shortNumber(last[figure.name])]),
  ];
  if (state.state === 'training') figures.push(['to go', duration(last.eta_seconds)]);
  if (state.live) figures.push(['last checkpoint', `${duration(state.live.seconds_since_checkpoint)} ago`]);
  document.getElementById('figures').replaceChildren(...figures.map(([name, value]) => {
    const box = element('div');
    box.append(element('dt', name), element('dd', value));
    return box;
  }));
  document.getElementById('progress').value = start.steps ? (last.step || 0) / start.steps : 0;
}

function showWorkers(state) {
  const work = (state.last && state.last.rank_work_seconds) || [];
  const memory = (state.last && state.last.rank_memory_bytes) || [];
  const header = ['worker', 'heard', 'own work', 'memory', 'doing'];
  const live = state.live ? state.live.workers : [];
  const known = live.length ? live : work.map((seconds, i) => ({rank: i + 1}));
  const rows = known.map((worker) => {
    const of = worker.rank - 1;
    const row = [
      worker.host ? `${worker.rank}@${worker.host}` : String(worker.rank),
      worker.seconds_ago === undefined ? '' : `${worker.seconds_ago.toFixed(1)} s ago`,
      work[of] === undefined ? '' : `${shortNumber(1000 * work[of])} ms`,
      memory[of] ? `${shortNumber(memory[of] / 2 ** 20)} MiB` : '',
      worker.doing || '',
    ];
    if (worker.silent) row.className = 'bad';
    return row;
  });
  fillTable('workers', header, rows);
}

function showEvents(state) {
  const events = state.events || [];
  fillTable('events', ['time', 'event', ''], events.slice().reverse().map((event) => {
    const row = [clock(event.time), event.event, event.text || ''];
    if (isTrouble(event)) row.className = 'bad';
    return row;
  }));
  const begin = events.length ? events[0].time : 0;
  const point = (event) => ({
    x: event.time - begin, y: Math.max(0, kEventRows.indexOf(event.event)),
    text: `${event.event}: ${event.text || ''}`});
  const evaluations = shown.scores.filter((score) => score.time >= begin).map((score) =>
    ({time: score.time, event: 'evaluation', text: `${nameOf(score)}, step ${score.step}`}));
  setCurves(charts.timeline, [
    {label: 'events', colour: 'series-1', 
      points: events.filter((event) => !isTrouble(event)).concat(evaluations).map(point)},
    {label: 'trouble', colour: 'bad', points: events.filter(isTrouble).map(point)},
  ]);
}

function isTrouble(event) {
  return !kEventRows.includes(event.event) && !kQuietEvents.includes(event.event) && event.slow !== false;
}

function showState(state) {
  const start = state.start || {};
  const name = state.name || 'sphereface-train';
  document.title = `${state.problems.length ? '⚠ ' : ''}${name}: ${state.state}`;
  document.getElementById('name').textContent = name;
  document.getElementById('subtitle').textContent = start.network ?
    `${start.network}, ${start.head}, ${shortNumber(start.classes)} classes, ` +
    `${shortNumber(start.records)} images, ${start.images_per_step} a step on ${start.workers} ` +
    `worker${start.workers === 1 ? '' : 's'}` : '';
  const label = document.getElementById('state');
  const problem = state.problems.some((one) => one.critical);
  label.textContent = state.state === 'training' && problem ? 'in trouble' : state.state;
  label.className = problem ? 'failed' : state.state;
  document.getElementById('config').textContent = state.config || '';
  document.getElementById('footer').textContent = `${state.run}, sphereface-train ${state.version}`;
  showProblems(state.problems);
  showFigures(state);
  showWorkers(state);
  showEvents(state);
}

// --------------------------------------------------------------------------------------- curves

function showHistory(history) {
  const c = history.curves;
  const told = (column) => column.some((value) => value !== null);
  const annealed = c.lambda.some((value) => value > 0);
  const figures = withoutTheOther(history.figures, annealed);
  const curvesOf = (chart) => figures
    .filter((figure) => figure.chart === chart && told(c[figure.name]))
    .map((figure) => ({
      label: figure.label,
      // The accuracies' chart is in percent.
      points: pointsOf(c.step, c[figure.name], figure.share || chart === 'accuracy' ? 100 : 1),
      axis: figure.right_axis ? 'y1' : 'y',
      dashed: figure.right_axis || (chart === 'accuracy' && !figure.share),
      stacked: chart === 'parts'}));
  const chance = Number.isFinite(shown.lnC) && c.step.length ? [{
    label: 'ln C: chance without a margin', dashed: true, colour: 'quiet',
    points: [c.step[0], c.step[c.step.length - 1]].map((x) => ({x, y: shown.lnC}))}] : [];
  for (const name of ['loss', 'accuracy', 'schedule', 'throughput', 'parts', 'norms'])
    setCurves(charts[name], [...curvesOf(name), ...(name === 'loss' ? chance : [])]);
  drawStrip(history.ranks);
  shown.ranks = history.ranks;
}

/** A row a worker, a column an interval: how its own work compares with the middle one's. */
function drawStrip(ranks) {
  const canvas = document.getElementById('strip');
  const columns = ranks.work_seconds;
  const rows = Math.max(0, ...columns.map((column) => column.length));
  const height = rows ? Math.max(3, Math.min(18, Math.floor(240 / rows))) : 0;
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  canvas.width = width * scale;
  canvas.height = Math.max(1, rows * height * scale);
  canvas.setAttribute('aria-label', `Own work of ${rows} workers over ${columns.length} intervals`);
  const context = canvas.getContext('2d');
  context.scale(scale, scale);
  columns.forEach((column, i) => {
    const sorted = column.filter((value) => value > 0).sort((a, b) => a - b);
    const middle = sorted[Math.floor((sorted.length - 1) / 2)];
    column.forEach((value, rank) => {
      // From 1 (as the others) to 2 (twice as long).
      const slow = middle > 0 ? Math.min(1, Math.max(0, value / middle - 1)) : 0;
      context.fillStyle = themeColour('series-6');
      context.fillRect(i * width / columns.length, rank * height, width / columns.length + 0.5, height - 1);
      context.globalAlpha = slow;
      context.fillStyle = themeColour('series-2');
      context.fillRect(i * width / columns.length, rank * height, width / columns.length + 0.5, height - 1);
      context.globalAlpha = 1;
    });
  });
}

function nameOf(score) {
  return score.protocol ? `${score.benchmark}, ${score.protocol}` : score.benchmark;
}

/** A rate, or why the data can't tell it. */
function rate(score, value, key) {
  if (value !== null) return number(value);
  return {text: `n/a: ${(score.reasons || {})[key] || 'not told'}`, number: true};
}

function showEvaluations(evaluations) {
  const rows = evaluations.newest.flatMap((score) => {
    const values = ['accuracy_mean', 'accuracy_std', 'auc', 'eer', 'rank1']
      .filter((field) => score[field] !== undefined)
      .map((field) => [nameOf(score), number(score.step), field.replace('_', ' '), rate(score, score[field], field.replace('rank1', 'rank.1'))]);
    const rates = Object.entries(score.tar_at_far || {})
      .map(([far, tar]) => [nameOf(score), number(score.step), `TAR at FAR ${far}`, rate(score, tar, `tar_at_far.${far}`)]);
    return values.concat(rates);
  });
  fillTable('scores', ['benchmark', {text: 'step', number: true}, 'metric', {text: 'score', number: true}],
    rows.length ? rows : [['none yet: sphereface evaluate', '', '', '']]);
  setCurves(charts.roc, evaluations.newest.filter((score) => Array.isArray(score.roc)).map((score) => ({
    label: nameOf(score),
    points: score.roc.filter(([far]) => far > 0).map(([far, tar]) => ({x: far, y: tar}))})));
}

// -------------------------------------------------------------------------------------- polling

const shown = {history: null, figures: [], evaluations: undefined, lnC: NaN, ranks: null, scores: []};

async function get(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

async function refresh() {
  const state = await get('/api/state');
  if (state.last) shown.lnC = state.last.loss_at_chance;
  if (state.history_version !== shown.history) {
    const history = await get('/api/history');
    shown.figures = history.figures;
    showHistory(history);
    shown.history = history.version;
  }
  showState(state);
  const evaluations = JSON.stringify(state.evaluations_version);
  if (evaluations !== shown.evaluations) {
    const scores = await get('/api/evaluations');
    showEvaluations(scores);
    shown.scores = scores.all;
    shown.evaluations = evaluations;
  }
  return state.state;
}

async function poll() {
  let wait = kInterval.training;
  if (!document.hidden) {
    try {
      wait = await refresh() === 'training' ? kInterval.training : kInterval.other;
    } catch (error) {
      const label = document.getElementById('state');
      label.textContent = label.className = 'unreachable';
      showProblems([{critical: true, title: 'No answer from the coordinator', text:
        'The job has ended, or its host is gone. What the page shows is what it last heard. ' +
        `"sphereface dashboard" shows the run folder. (${error.message})`}]);
    }
  }
  setTimeout(poll, wait);
}

window.addEventListener('DOMContentLoaded', () => {
  // From here on a cookie has the token, which is nothing for a bookmark or a shared screen.
  if (location.search) history.replaceState(null, '', location.pathname);
  makeCharts();
  const repaint = () => {
    Object.values(charts).forEach(paint);
    if (shown.ranks) drawStrip(shown.ranks);
  };
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', repaint);
  window.addEventListener('resize', () => shown.ranks && drawStrip(shown.ranks));
  poll();
});
