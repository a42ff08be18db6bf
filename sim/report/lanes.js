// The drawing of lanes and charts. Everything is drawn for one view: a stretch
// of time, shared by all lanes and charts.

const number = new Intl.NumberFormat("en");

// --- the data, as columns with absolute instants ---

function running(differences) {
  const out = new Float64Array(differences.length);
  let sum = 0;
  for (let i = 0; i < differences.length; i++) out[i] = sum += differences[i];
  return out;
}

const turns = {
  n: data.turns.lane?.length ?? 0, lane: data.turns.lane ?? [], at: running(data.turns.at ?? []),
  cost: data.turns.cost ?? [], steps: data.turns.steps ?? [],
};
turns.first = new Uint32Array(turns.n + 1); // step numbers begin at 1
turns.first[0] = 1;
for (let i = 0; i < turns.n; i++) turns.first[i + 1] = turns.first[i] + turns.steps[i];

const flows = {
  n: data.flows.kind?.length ?? 0, kind: data.flows.kind ?? [], label: data.flows.label ?? [], from: data.flows.from ?? [],
  to: data.flows.to ?? [], sent: running(data.flows.sent ?? []), lane: data.flows.lane ?? [], size: data.flows.size ?? [],
};
flows.arrived = Float64Array.from(data.flows.arrived ?? [], (d, i) => d < 0 ? -1 : flows.sent[i] + d);

// Long flows are drawn even if they began long before the view.
const longFlow = 20e6;
const longFlows = [];
const flowsTo = new Map(); // by step
for (let i = 0; i < flows.n; i++) {
  if (flows.arrived[i] < 0 || flows.arrived[i] - flows.sent[i] > longFlow) longFlows.push(i);
  if (flows.to[i]) {
    const list = flowsTo.get(flows.to[i]);
    if (list) list.push(i); else flowsTo.set(flows.to[i], [i]);
  }
}

function lowerBound(array, n, value) {
  let low = 0, high = n;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (array[mid] < value) low = mid + 1; else high = mid;
  }
  return low;
}

// turnOf finds the turn of a step; -1 if it was not kept.
function turnOf(step) {
  if (!step) return -1;
  return lowerBound(turns.first, turns.n + 1, step + 1) - 1;
}

const label = i => data.labels[flows.label[i]];
const laneName = i => i < 0 ? "?" : data.lanes[i].node + (data.lanes[i].loop ? " " + data.lanes[i].loop : "");
const senderLane = i => { const t = turnOf(flows.from[i]); return t < 0 ? -1 : turns.lane[t]; };
const receiverLane = i => { const t = turnOf(flows.to[i]); return t < 0 ? flows.lane[i] : turns.lane[t]; };

// endOf is when a flow that never arrived was given up: a disk operation ends with its
// node's process.
function endOf(i) {
  const node = flows.kind[i] === 3 ? data.lanes[receiverLane(i)]?.node : undefined;
  const incarnation = data.incarnations.find(n => n.node === node && n.from <= flows.sent[i] && (n.to < 0 || n.to >= flows.sent[i]));
  return incarnation && incarnation.to >= 0 ? incarnation.to : end;
}

// formatTime writes an instant or a duration, with as many digits as a view of this span
// needs.
function formatTime(ns, span = ns) {
  if (ns < 0) return "never";
  const s = ns / 1e9;
  if (s >= 3600) {
    const h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
    return h + "h" + String(m).padStart(2, "0") + "m" + (s % 60).toFixed(span >= 60e9 ? 0 : span >= 1e9 ? 1 : 3) + "s";
  }
  return s.toFixed(span >= 100e9 ? 0 : span >= 5e9 ? 1 : span >= 100e6 ? 3 : span >= 1e6 ? 4 : 6) + "s";
}

function formatDuration(ns) {
  if (ns < 0) return "never";
  if (ns < 1e3) return ns + " ns";
  if (ns < 1e6) return (ns / 1e3).toFixed(1) + " µs";
  if (ns < 1e9) return (ns / 1e6).toFixed(2) + " ms";
  return ns < 120e9 ? (ns / 1e9).toFixed(2) + " s" : formatTime(ns, 60e9);
}

// --- layout ---

const gutter = 128, right = 34, axisHeight = 4, markHeight = 26, chartGap = 26;
const layout = { lanes: [], charts: [], height: 0 };

function lay() {
  let y = axisHeight + markHeight, node = "";
  layout.lanes = data.lanes.map(l => {
    const height = l.role === "broker" ? 24 : 15;
    if (l.node !== node) y += l.role === "broker" ? 10 : 4;
    node = l.node;
    const row = { y, height };
    y += height + 1;
    return row;
  });
  layout.lanesEnd = y + 6;
  layout.charts = [];
  y = layout.lanesEnd + 8;
  for (const p of data.partitions.slice(0, 6)) {
    const chart = { partition: p, isr: y + 20, isrHeight: 14 + 6 * Math.max(1, p.replicas), top: y };
    chart.mark = chart.isr + chart.isrHeight + 12;
    chart.markHeight = 70;
    y = chart.mark + chart.markHeight + chartGap;
    layout.charts.push(chart);
  }
  layout.height = y;
}

// --- the view ---

const end = Math.max(data.virtual, 1);
const view = { from: 0, to: end };
let chosen = { flows: new Set(), order: [], waits: [], from: -1, to: -1, bad: new Set() };
let colours = {};

function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["ground", "panel", "ink", "quiet", "line", "faint", "turn", "load", "frame", "disk", "broken", "fault", "leader", "isr", "chain", "down"])
    colours[name] = style.getPropertyValue("--" + name).trim();
}

function show(from, to) {
  const least = 20e3;
  let length = Math.min(Math.max(to - from, least), end * 1.04);
  let begin = (from + to) / 2 - length / 2;
  begin = Math.max(-end * 0.02, Math.min(begin, end * 1.02 - length));
  view.from = begin;
  view.to = begin + length;
  redraw();
}

let pending = 0;
function redraw() {
  if (!pending) pending = requestAnimationFrame(() => { pending = 0; draw(); });
}

const canvas = document.getElementById("lanes"), overview = document.getElementById("overview");
let width = 0;

function prepare(c, height) {
  const ratio = window.devicePixelRatio || 1;
  width = c.clientWidth;
  if (c.width !== Math.round(width * ratio) || c.height !== Math.round(height * ratio)) {
    c.width = Math.round(width * ratio);
    c.height = Math.round(height * ratio);
    c.style.height = height + "px";
  }
  const g = c.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  g.font = "12px system-ui, -apple-system, 'Segoe UI', sans-serif";
  g.textBaseline = "middle";
  return g;
}

const plotWidth = () => width - gutter - right;
const x = t => gutter + (t - view.from) / (view.to - view.from) * plotWidth();
const timeAt = px => view.from + (px - gutter) / plotWidth() * (view.to - view.from);

// drawn counts what the last call of draw has drawn, for tests.
const drawn = { lanes: 0, turns: 0, flows: 0, faults: 0, points: 0 };

function draw() {
  lay();
  for (const k in drawn) drawn[k] = 0;
  taken = [];
  const g = prepare(canvas, layout.height);
  g.save();
  g.beginPath();
  g.rect(gutter, 0, plotWidth(), layout.height);
  g.clip();
  drawDowntime(g);
  drawFaults(g);
  drawGrid(g);
  drawLanes(g);
  drawChosen(g);
  drawMarkedOperations(g);
  drawFlows(g);
  drawCharts(g);
  drawMarks(g);
  g.restore();
  drawNames(g);
  drawOverview();
  document.getElementById("span").textContent =
    formatTime(Math.max(view.from, 0), view.to - view.from) + " – " + formatTime(Math.min(view.to, end), view.to - view.from) +
    "  (" + formatDuration(Math.round(view.to - view.from)) + ")";
  document.body.dataset.drawn = JSON.stringify(drawn);
}

function tickStep(span, room) {
  const rough = span / room, power = 10 ** Math.floor(Math.log10(rough));
  if (span >= 120e9) return [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200].map(s => s * 1e9).find(s => s >= rough) ?? 14400e9;
  return [1, 2, 5, 10].map(m => m * power).find(s => s >= rough);
}

// axis holds the positions and texts of the ticks. They are drawn under the overview,
// which stays visible.
let axis = [];

function drawGrid(g) {
  const span = view.to - view.from, step = tickStep(span, Math.max(2, plotWidth() / 110));
  g.strokeStyle = colours.faint;
  g.lineWidth = 1;
  axis = [];
  for (let t = Math.ceil(Math.max(view.from, 0) / step) * step; t <= Math.min(view.to, end); t += step) {
    const px = Math.round(x(t)) + 0.5;
    g.beginPath();
    g.moveTo(px, axisHeight);
    g.lineTo(px, layout.height);
    g.stroke();
    axis.push([px, formatTime(t, step * 5)]);
  }
}

const rowsOf = node => layout.lanes.filter((_, i) => data.lanes[i].node === node);

function nodeBox(node, from, to) {
  const rows = rowsOf(node);
  if (!rows.length) return null;
  const last = rows[rows.length - 1];
  const left = Math.max(x(from), gutter), r = Math.min(x(to < 0 ? end : to), width - right);
  if (r < gutter || left > width - right) return null;
  return { left, right: Math.max(r, left + 1.5), top: rows[0].y - 2, bottom: last.y + last.height + 2 };
}

function drawDowntime(g) {
  const downSince = new Map();
  for (const n of data.incarnations) {
    hatch(g, nodeBox(n.node, downSince.get(n.node) ?? 0, n.from));
    downSince.set(n.node, n.to < 0 ? end : n.to);
  }
  for (const [node, from] of downSince) if (from < end) hatch(g, nodeBox(node, from, end));
}

function hatch(g, box) {
  if (!box || box.right - box.left < 1) return;
  g.save();
  g.beginPath();
  g.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  g.clip();
  g.strokeStyle = colours.down;
  g.globalAlpha = 0.35;
  g.lineWidth = 1;
  g.beginPath();
  for (let px = box.left - (box.bottom - box.top) - (box.left % 7); px < box.right; px += 7) {
    g.moveTo(px, box.bottom);
    g.lineTo(px + box.bottom - box.top, box.top);
  }
  g.stroke();
  g.restore();
}

function faultBoxes(f) {
  const boxes = [];
  for (const node of f.peer ? [f.node, f.peer] : [f.node]) {
    const box = nodeBox(node, f.from, f.to);
    if (!box) continue;
    if (f.loop >= 0) {
      const rows = rowsOf(node);
      if (rows[f.loop]) [box.top, box.bottom] = [rows[f.loop].y, rows[f.loop].y + rows[f.loop].height];
    }
    if (f.peer) box.bottom = box.top + 5; // a link: a strip at the top of both its ends
    boxes.push(box);
  }
  return boxes;
}

function drawFaults(g) {
  g.textAlign = "left";
  for (const f of data.faults) {
    for (const box of faultBoxes(f)) {
      drawn.faults++;
      g.fillStyle = colours.fault;
      g.globalAlpha = f.peer ? 0.55 : 0.16;
      g.fillRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
      g.globalAlpha = 1;
      g.fillRect(box.left, box.top, 1.5, box.bottom - box.top);
    }
  }
}

function drawFaultNumbers(g) {
  g.font = "600 11px system-ui, sans-serif";
  g.textAlign = "left";
  for (const f of data.faults) for (const box of faultBoxes(f)) {
    const text = box.right - box.left > 90 ? f.number + " " + f.kind : String(f.number);
    g.fillStyle = colours.panel;
    g.globalAlpha = 0.75;
    g.fillRect(box.left + 2, box.top, g.measureText(text).width + 5, 13);
    g.globalAlpha = 1;
    g.fillStyle = colours.fault;
    g.fillText(text, box.left + 4, box.top + 7);
  }
  g.font = "12px system-ui, -apple-system, 'Segoe UI', sans-serif";
}

function drawLanes(g) {
  const perPixel = (view.to - view.from) / plotWidth();
  const fine = perPixel * 3 < data.slice;
  data.lanes.forEach((lane, i) => {
    const row = layout.lanes[i];
    drawn.lanes++;
    g.fillStyle = colours.line;
    g.fillRect(gutter, row.y + row.height, plotWidth(), 1);
    // Draw the load where turns are too dense to draw or were not kept.
    g.fillStyle = colours.load;
    const busy = lane.busy ?? [];
    let column = -1, height = 0;
    for (let k = 0; k < busy.length; k += 3) {
      const from = busy[k] * data.slice;
      if (from + data.slice < view.from) continue;
      if (from > view.to) break;
      if (fine && keptAt(from)) continue;
      const left = Math.floor(x(from)), w = Math.max(1, x(from + data.slice) - x(from));
      const h = Math.max(1.5, row.height * Math.min(1, 0.12 + Math.sqrt(busy[k + 2] / data.slice)));
      if (left === column && h <= height) continue;
      column = left;
      height = h;
      g.fillRect(left, row.y + row.height - h, w, h);
    }
  });
  if (!fine) return;
  g.fillStyle = colours.turn;
  const last = [];
  for (let i = lowerBound(turns.at, turns.n, view.from - 1e9); i < turns.n && turns.at[i] <= view.to; i++) {
    const row = layout.lanes[turns.lane[i]], left = x(turns.at[i]), w = Math.max(1.5, turns.cost[i] / perPixel);
    if (left + w < gutter || last[turns.lane[i]] === Math.round(left * 2)) continue;
    last[turns.lane[i]] = Math.round(left * 2);
    g.fillRect(left, row.y + 2, w, row.height - (row.height > 20 ? 9 : 4));
    drawn.turns++;
  }
}

function keptAt(t) {
  const spans = data.detail ?? [];
  for (const s of spans) if (t >= s[0] && t < s[1]) return true;
  return false;
}

const middle = lane => layout.lanes[lane].y + layout.lanes[lane].height * (layout.lanes[lane].height > 20 ? 0.38 : 0.5);

// visibleFlows lists the flows in the view; null if there are too many.
function visibleFlows(bound) {
  const first = lowerBound(flows.sent, flows.n, view.from - longFlow), last = lowerBound(flows.sent, flows.n, view.to);
  if (last - first > bound) return null;
  const list = [];
  for (const i of longFlows) {
    if (flows.sent[i] >= view.from - longFlow) break;
    if ((flows.arrived[i] < 0 ? endOf(i) : flows.arrived[i]) > view.from) list.push(i);
  }
  for (let i = first; i < last; i++) if (flows.arrived[i] < 0 || flows.arrived[i] >= view.from) list.push(i);
  return list;
}

const flowBound = 1800;

function drawFlows(g) {
  const list = visibleFlows(flowBound);
  if (!list) return;
  const dim = chosen.order.length ? 0.25 : 1;
  const names = list.length < 140;
  for (const i of list) drawFlow(g, i, colours[flows.kind[i] === 3 ? "disk" : "frame"], 1, dim * (list.length > 500 ? 0.35 : 0.75), names);
  g.globalAlpha = 1;
}

function drawFlow(g, i, colour, thickness, alpha, name) {
  const from = senderLane(i), to = receiverLane(i);
  if (from < 0 && to < 0) return;
  drawn.flows++;
  g.globalAlpha = alpha;
  g.strokeStyle = g.fillStyle = colour;
  g.lineWidth = thickness;
  const left = x(flows.sent[i]), arrived = flows.arrived[i], t = turnOf(flows.to[i]);
  const goal = x(arrived < 0 ? endOf(i) : t >= 0 ? turns.at[t] : arrived);
  if (flows.kind[i] === 3) { // a disk operation: a bar at the foot of its lane
    const row = layout.lanes[to < 0 ? from : to], top = row.y + row.height - 5;
    g.fillRect(left, top, Math.max(1.5, x(arrived < 0 ? endOf(i) : arrived) - left), thickness > 1 ? 4.5 : 3.5);
    if (name && goal - left > 70) text(g, label(i), left + 2, top - 4, goal - left);
    return;
  }
  const a = from < 0 ? middle(to) : middle(from), b = to < 0 ? a - 12 : middle(to);
  if (from === to) return;
  g.setLineDash(arrived < 0 ? [4, 3] : []);
  g.beginPath();
  g.moveTo(left, a);
  const tip = arrived < 0 ? Math.min(left + 40, width - right) : goal;
  g.lineTo(tip, b);
  g.stroke();
  g.setLineDash([]);
  if (arrived >= 0) arrow(g, left, a, tip, b, 3 + thickness);
  if (name && Math.abs(goal - left) + Math.abs(b - a) > 40) text(g, label(i), (left + tip) / 2 + 4, (a + b) / 2, 200);
}

function text(g, words, px, py, room, colour = colours.quiet) {
  g.save();
  g.globalAlpha = Math.min(1, g.globalAlpha * 1.6);
  g.fillStyle = colour;
  g.textAlign = "left";
  g.font = "11px system-ui, sans-serif";
  const fits = Math.floor(room / 5.6);
  if (words.length > fits) words = words.slice(0, Math.max(fits - 1, 0)) + "…";
  const box = { left: px, right: px + g.measureText(words).width, top: py - 6, bottom: py + 6 };
  if (fits > 3 && !taken.some(b => b.left < box.right && b.right > box.left && b.top < box.bottom && b.bottom > box.top)) {
    taken.push(box);
    g.fillText(words, px, py);
  }
  g.restore();
}

// taken are the places of texts in the lanes, so that none covers another.
let taken = [];

function arrow(g, x1, y1, x2, y2, size) {
  const angle = Math.atan2(y2 - y1, x2 - x1);
  g.beginPath();
  g.moveTo(x2, y2);
  g.lineTo(x2 - size * Math.cos(angle - 0.45), y2 - size * Math.sin(angle - 0.45));
  g.lineTo(x2 - size * Math.cos(angle + 0.45), y2 - size * Math.sin(angle + 0.45));
  g.closePath();
  g.fill();
}

function drawChosen(g) {
  if (chosen.from >= 0) {
    const left = x(chosen.from), r = x(chosen.to < 0 ? end : chosen.to);
    g.fillStyle = colours.chain;
    g.globalAlpha = 0.07;
    g.fillRect(left, axisHeight, Math.max(1, r - left), layout.lanesEnd - axisHeight);
    g.globalAlpha = 1;
  }
  for (const w of chosen.waits) {
    const left = x(w.from), r = x(w.to < 0 ? end : w.to), y = middle(w.lane);
    g.strokeStyle = colours.chain;
    g.lineWidth = 2;
    g.setLineDash([2, 3]);
    g.beginPath();
    g.moveTo(left, y);
    g.lineTo(r, y);
    g.stroke();
    g.setLineDash([]);
  }
  const names = view.to - view.from < 3 * ((chosen.to < 0 ? end : chosen.to) - chosen.from) || chosen.from < 0;
  for (const i of chosen.order) drawFlow(g, i, chosen.bad.has(i) ? colours.broken : colours.chain, 2, 1, names);
  g.globalAlpha = 1;
}

// drawMarkedOperations draws a frame around each operation of the violation, on the lane
// of its client.
function drawMarkedOperations(g) {
  g.strokeStyle = g.fillStyle = colours.broken;
  g.lineWidth = 1.5;
  for (const o of data.operations) {
    const lane = o.marked ? data.lanes.findIndex(l => l.node === o.client) : -1;
    const last = o.return < 0 ? end : o.return;
    if (lane < 0 || last < view.from || o.call > view.to) continue;
    const row = layout.lanes[lane], left = Math.max(x(o.call), gutter - 4), r = Math.min(x(last), width);
    g.strokeRect(left - 1, row.y + 0.5, Math.max(r - left, 2) + 2, row.height - 1);
    // Its text goes behind the frame, before it or into it, where there is room.
    const words = o.text.replace(o.client + " ", ""), room = Math.min(words.length * 5.8, 420), y = row.y + row.height / 2;
    if (width - right - r > room + 10) text(g, words, r + 6, y, 420, colours.broken);
    else if (left - gutter > room + 10) text(g, words, left - room - 6, y, 420, colours.broken);
    else text(g, words, Math.max(left, gutter) + 5, y, Math.min(r, width - right) - Math.max(left, gutter) - 10, colours.broken);
  }
}

const markColours = { failure: "broken", controller: "leader", leader: "leader", isr: "isr", fenced: "fault", unfenced: "isr", healed: "isr" };

function drawMarks(g) {
  drawFaultNumbers(g);
  const shown = data.marks.filter(m => markColours[m.kind] && m.at >= view.from && m.at <= view.to);
  shown.forEach((m, i) => {
    const colour = markColours[m.kind], px = x(m.at), next = i + 1 < shown.length ? x(shown[i + 1].at) - 8 : width - right;
    g.fillStyle = g.strokeStyle = colours[colour];
    if (m.kind === "failure" || m.kind === "healed") {
      g.globalAlpha = m.kind === "failure" ? 0.9 : 0.5;
      g.setLineDash(m.kind === "failure" ? [] : [3, 3]);
      g.beginPath();
      g.moveTo(px, axisHeight);
      g.lineTo(px, layout.height);
      g.stroke();
      g.setLineDash([]);
      g.globalAlpha = 1;
    }
    diamond(g, px, axisHeight + 6, 3.5);
    const words = m.kind === "failure" ? "failure" : m.kind === "healed" ? "healed" : m.kind + " " + m.text;
    g.textAlign = "left";
    g.font = "11px system-ui, sans-serif";
    if (px + 6 + g.measureText(words).width < next) g.fillText(words, px + 6, axisHeight + 6);
    if (m.node) { // and on the lane of its node
      const rows = rowsOf(m.node);
      if (rows.length) diamond(g, px, rows[0].y + 1, 3);
    }
  });
}

function diamond(g, px, py, size) {
  g.beginPath();
  g.moveTo(px, py - size);
  g.lineTo(px + size, py);
  g.lineTo(px, py + size);
  g.lineTo(px - size, py);
  g.closePath();
  g.fill();
}

// --- charts ---

function steps(g, points, y) {
  // points are pairs of instant and value; a value holds until the next instant.
  g.beginPath();
  let begun = false, py = 0;
  for (let i = 0; i < points.length; i += 2) {
    if (i + 2 < points.length && points[i + 2] < view.from) continue;
    if (points[i] > view.to) break;
    const px = x(points[i]), ny = y(points[i + 1]);
    if (begun) g.lineTo(px, py); else g.moveTo(px, ny);
    g.lineTo(px, ny);
    begun = true;
    py = ny;
    drawn.points++;
  }
  if (begun) g.lineTo(x(end), py);
  g.stroke();
  return begun ? py : null;
}

function valueAt(points, t) {
  let value = points.length ? points[1] : 0;
  for (let i = 0; i < points.length && points[i] <= t; i += 2) value = points[i + 1];
  return value;
}

// leaderAt is the number of the node that led a partition last before t.
function leaderAt(p, t) {
  let node = -1;
  for (let i = 0; i < (p.leaders ?? []).length && p.leaders[i] <= t; i += 3) node = p.leaders[i + 1];
  return node;
}

function drawCharts(g) {
  for (const c of layout.charts) {
    const p = c.partition, most = Math.max(p.replicas, 1);
    g.strokeStyle = colours.isr;
    g.lineWidth = 1.5;
    steps(g, p.isr ?? [], v => c.isr + c.isrHeight - 4 - v / most * (c.isrHeight - 8));
    // Scale the chart to the watermarks in the view.
    let low = Infinity, high = -Infinity;
    for (const r of p.replica) {
      const w = r.watermark ?? [];
      for (let i = 0; i < w.length; i += 2) {
        if (w[i] > view.to || i + 2 < w.length && w[i + 2] < view.from) continue;
        low = Math.min(low, w[i + 1]);
        high = Math.max(high, w[i + 1]);
      }
    }
    if (high < low) continue;
    const scale = v => c.mark + c.markHeight - (high > low ? (v - low) / (high - low) : 0.5) * c.markHeight;
    p.replica.forEach((r, k) => {
      g.strokeStyle = colours.turn;
      g.lineWidth = "b" + leaderAt(p, view.to) === r.node ? 2 : 1.2;
      g.setLineDash([[], [6, 3], [2, 2], [8, 2, 2, 2], [1, 3]][k % 5]);
      steps(g, r.watermark ?? [], scale);
    });
    g.setLineDash([]);
    c.low = low;
    c.high = high;
    // Mark the leaders above the line of the ISR.
    const l = p.leaders ?? [];
    let free = -1e9;
    for (let i = 0; i < l.length; i += 3) {
      const px = x(l[i]);
      if (px < gutter - 1 && i + 3 < l.length && x(l[i + 3]) < gutter) continue;
      const at = Math.max(px, gutter + 3), words = "b" + l[i + 1] + " leads, epoch " + l[i + 2];
      g.fillStyle = colours.leader;
      diamond(g, at, c.isr - 6, 3.5);
      if (at > free) {
        g.textAlign = "left";
        g.fillText(words, at + 6, c.isr - 6);
        free = at + g.measureText(words).width + 14;
      }
    }
  }
}

// --- names and the overview ---

function drawNames(g) {
  g.fillStyle = colours.quiet;
  g.textAlign = "left";
  let node = "";
  data.lanes.forEach((l, i) => {
    const row = layout.lanes[i], y = row.y + row.height / 2;
    if (l.node !== node) {
      g.fillStyle = colours.ink;
      g.font = (l.role === "broker" ? "600 " : "") + "12px system-ui, sans-serif";
      g.fillText(l.node, 12, y);
    }
    node = l.node;
    g.fillStyle = colours.quiet;
    g.font = "12px system-ui, sans-serif";
    if (l.loop) g.fillText(l.loop, 48, y);
  });
  for (const c of layout.charts) {
    g.fillStyle = c.partition.violated ? colours.broken : colours.ink;
    g.font = "600 12px system-ui, sans-serif";
    g.fillText(c.partition.name, 12, c.isr - 6);
    g.font = "12px system-ui, sans-serif";
    g.fillStyle = colours.isr;
    g.fillText("ISR size, of " + c.partition.replicas, 12, c.isr + c.isrHeight / 2);
    g.fillStyle = colours.quiet;
    g.fillText("watermark", 12, c.mark + c.markHeight / 2);
    if (c.high !== undefined && c.high >= c.low) {
      g.textAlign = "right";
      g.fillText(number.format(c.high), gutter - 6, c.mark + 4);
      if (c.high > c.low) g.fillText(number.format(c.low), gutter - 6, c.mark + c.markHeight - 4);
      g.textAlign = "left";
    }
    // Write the names of the replicas where their lines leave the view.
    const at = Math.min(view.to, end), taken = [];
    c.partition.replica.forEach(r => {
      const value = valueAt(r.watermark ?? [], at);
      let y = c.mark + c.markHeight - (c.high > c.low ? (value - c.low) / (c.high - c.low) : 0.5) * c.markHeight;
      y = Math.max(c.mark, Math.min(y, c.mark + c.markHeight));
      while (taken.some(t => Math.abs(t - y) < 12)) y += 12;
      taken.push(y);
      g.fillText(r.node, width - right + 6, y);
    });
  }
}

function drawOverview() {
  const height = 44, g = prepare(overview, height + 22), map = t => gutter + t / end * plotWidth();
  g.fillStyle = colours.quiet;
  g.textAlign = "left";
  g.fillText("whole run", 12, height / 2);
  const sums = new Map();
  for (const l of data.lanes) for (let k = 0; k < (l.busy ?? []).length; k += 3) {
    const column = Math.floor(map(l.busy[k] * data.slice));
    sums.set(column, (sums.get(column) ?? 0) + l.busy[k + 1]);
  }
  const most = Math.max(1, ...sums.values());
  g.fillStyle = colours.load;
  for (const [column, sum] of sums) {
    const h = 2 + (height - 14) * Math.sqrt(sum / most);
    g.fillRect(column, height - 4 - h, 1, h);
  }
  g.fillStyle = colours.turn;
  for (const s of data.detail ?? []) g.fillRect(map(s[0]), height - 4, Math.max(1, map(Math.min(s[1], end)) - map(s[0])), 2);
  g.fillStyle = colours.fault;
  for (const f of data.faults) g.fillRect(map(f.from), 4, Math.max(2, map(f.to < 0 ? end : f.to) - map(f.from)), 3);
  for (const m of data.marks) {
    const colour = markColours[m.kind];
    if (!colour) continue;
    g.fillStyle = colours[colour];
    g.fillRect(map(m.at) - 0.5, 9, m.kind === "failure" ? 2 : 1, m.kind === "failure" ? height - 12 : 5);
  }
  g.fillStyle = colours.quiet;
  g.textAlign = "center";
  for (const [px, words] of axis) if (px > gutter + 12 && px < width - right) g.fillText(words, px, height + 12);
  const left = Math.max(gutter, map(view.from)), r = Math.min(width - right, map(view.to));
  g.strokeStyle = colours.chain;
  g.lineWidth = 1.5;
  g.strokeRect(left, 1.5, Math.max(3, r - left), height - 3);
}
