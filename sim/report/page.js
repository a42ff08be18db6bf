// The rest of the page: moving the view, the list of operations, chains, tooltips.

const byId = id => document.getElementById(id);

function element(name, attributes = {}, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) e.setAttribute(key, value);
  e.append(...children);
  return e;
}

// --- the view ---

const failureAt = data.failures?.length ? data.failures[0].at : end;

// showFailure shows the operations that contradict each other or, if there are none, the
// time before the failure.
function showFailure() {
  const about = data.operations.filter(o => o.marked);
  if (about.length) {
    const last = about[about.length - 1], to = Math.max(...about.map(o => o.return < 0 ? o.call : o.return));
    const from = Math.max(Math.min(...about.map(o => o.call)), last.call - 3e9), pad = Math.max((to - from) * 0.1, 2e6);
    show(from - pad, to + pad);
    return;
  }
  const focus = (data.focus ?? []).slice().sort((a, b) => a - b);
  if (!focus.length) return show(failureAt - 400e6, failureAt + 40e6);
  const last = focus[focus.length - 1], first = focus.find(t => t > last - 5e9);
  show(first - 400e6, last + 100e6 + (last - first) * 0.1);
}

function zoom(factor, at = (view.from + view.to) / 2) {
  show(at - (at - view.from) * factor, at + (view.to - at) * factor);
}

function move(share) {
  const by = (view.to - view.from) * share;
  show(view.from + by, view.to + by);
}

const actions = {
  all: () => show(0, end), failure: showFailure, in: () => zoom(0.5), out: () => zoom(2),
};
for (const b of document.querySelectorAll("[data-view]")) b.addEventListener("click", () => actions[b.dataset.view]());

document.addEventListener("keydown", ev => {
  if (ev.ctrlKey || ev.metaKey || ev.altKey || ev.target.matches?.("input, textarea")) return;
  const keys = {
    ArrowLeft: () => move(-0.2), ArrowRight: () => move(0.2), "+": actions.in, "=": actions.in, "-": actions.out,
    0: actions.all, f: actions.failure, F: actions.failure, Escape: () => choose(null),
  };
  if (!keys[ev.key]) return;
  keys[ev.key]();
  ev.preventDefault();
});

canvas.addEventListener("wheel", ev => {
  ev.preventDefault();
  if (ev.shiftKey || Math.abs(ev.deltaX) > Math.abs(ev.deltaY)) move((ev.deltaX || ev.deltaY) / 1500);
  else zoom(Math.exp(Math.max(-300, Math.min(ev.deltaY, 300)) / 500), timeAt(ev.offsetX));
}, { passive: false });

let held = null;
canvas.addEventListener("pointerdown", ev => {
  held = { x: ev.offsetX, from: view.from, to: view.to, moved: false };
  canvas.setPointerCapture(ev.pointerId);
});
canvas.addEventListener("pointermove", ev => {
  if (!held) return hover(ev);
  const by = (ev.offsetX - held.x) / plotWidth() * (held.to - held.from);
  if (Math.abs(ev.offsetX - held.x) > 3) {
    held.moved = true;
    canvas.classList.add("held");
    show(held.from - by, held.to - by);
  }
});
canvas.addEventListener("pointerup", ev => {
  canvas.classList.remove("held");
  if (held && !held.moved) pick(ev);
  held = null;
});
canvas.addEventListener("pointerleave", () => { byId("tip").hidden = true; });

function overviewTo(ev) {
  if (!(ev.buttons & 1)) return;
  const t = (ev.offsetX - gutter) / plotWidth() * end, half = (view.to - view.from) / 2;
  show(t - half, t + half);
}
overview.addEventListener("pointerdown", ev => { overview.setPointerCapture(ev.pointerId); overviewTo(ev); });
overview.addEventListener("pointermove", overviewTo);

// --- what is under the pointer ---

function turnAt(px, py) {
  const lane = layout.lanes.findIndex(r => py >= r.y && py <= r.y + r.height);
  if (lane < 0) return -1;
  const t = timeAt(px), slack = 4 * (view.to - view.from) / plotWidth();
  let best = -1, distance = slack;
  for (let i = lowerBound(turns.at, turns.n, t - Math.max(slack, 200e6)); i < turns.n && turns.at[i] <= t + slack; i++) {
    if (turns.lane[i] !== lane) continue;
    const d = Math.max(turns.at[i] - t, t - turns.at[i] - turns.cost[i], 0);
    if (d <= distance) { best = i; distance = d; }
  }
  return best;
}

function flowAt(px, py) {
  const list = visibleFlows(flowBound);
  let best = -1, distance = 4;
  for (const i of list ?? []) {
    const from = senderLane(i), to = receiverLane(i);
    if (from < 0 || to < 0) continue;
    const t = turnOf(flows.to[i]);
    let x1 = x(flows.sent[i]), x2 = x(flows.arrived[i] < 0 ? endOf(i) : t >= 0 ? turns.at[t] : flows.arrived[i]), y1 = middle(from), y2 = middle(to);
    if (flows.kind[i] === 3) y1 = y2 = layout.lanes[to].y + layout.lanes[to].height - 3;
    const length = (x2 - x1) ** 2 + (y2 - y1) ** 2;
    const share = length ? Math.max(0, Math.min(1, ((px - x1) * (x2 - x1) + (py - y1) * (y2 - y1)) / length)) : 0;
    const d = Math.hypot(px - x1 - share * (x2 - x1), py - y1 - share * (y2 - y1));
    if (d < distance) { best = i; distance = d; }
  }
  return best;
}

const describeFlow = i =>
  `${label(i)}${flows.size[i] ? " (" + number.format(flows.size[i]) + " bytes)" : ""}\n${laneName(senderLane(i))} → ${laneName(receiverLane(i))}, ${flows.arrived[i] < 0 ? "never arrived" : "took " + formatDuration(flows.arrived[i] - flows.sent[i])}`;

function describeTurn(i) {
  const given = [];
  for (let s = turns.first[i]; s < turns.first[i + 1] && given.length < 8; s++) for (const f of flowsTo.get(s) ?? []) given.push(label(f));
  const events = turns.steps[i] - 1;
  return `${laneName(turns.lane[i])} at ${formatTime(turns.at[i], 1e5)}, busy for ${formatDuration(turns.cost[i])}\n` +
    (events ? `${events} event${events > 1 ? "s" : ""}${given.length ? ": " + given.join(", ") : ""}` : "a timer");
}

function describeAt(px, py) {
  const flow = flowAt(px, py);
  if (flow >= 0) return describeFlow(flow);
  const turn = turnAt(px, py);
  if (turn >= 0) return describeTurn(turn);
  const t = timeAt(px);
  for (const m of data.marks) if (py < axisHeight + markHeight && Math.abs(x(m.at) - px) < 5) return `${formatTime(m.at, 1e6)} ${m.kind} ${m.text}`;
  for (const f of data.faults) for (const b of faultBoxes(f))
    if (px >= b.left && px <= b.right && py >= b.top && py <= b.bottom)
      return `fault ${f.number}: ${f.kind} ${f.node}${f.loop >= 0 ? "/" + f.loop : ""}${f.peer ? " – " + f.peer : ""}\n${f.text}`;
  for (const c of layout.charts)
    if (py >= c.isr - 12 && py <= c.mark + c.markHeight)
      return `${c.partition.name} at ${formatTime(t, view.to - view.from)}\nISR of ${valueAt(c.partition.isr ?? [], t)}; watermarks ${c.partition.replica.map(r => r.node + " " + valueAt(r.watermark ?? [], t)).join(", ")}`;
  return "";
}

function hover(ev) {
  const tip = byId("tip"), words = ev.offsetX < gutter ? "" : describeAt(ev.offsetX, ev.offsetY);
  tip.hidden = !words;
  tip.textContent = words;
  tip.style.left = Math.min(ev.clientX + 14, window.innerWidth - 430) + "px";
  tip.style.top = ev.clientY + 16 + "px";
}

// --- chains ---

// pick shows what led to the flow or turn that was clicked.
function pick(ev) {
  let flow = flowAt(ev.offsetX, ev.offsetY);
  if (flow < 0) {
    const turn = turnAt(ev.offsetX, ev.offsetY);
    if (turn < 0) return;
    flow = causeOf(turns.first[turn + 1] - 1);
    if (flow < 0) return choose({ title: describeTurn(turn), links: [], stuck: [] }, false);
  }
  const links = [];
  for (let f = flow; f >= 0 && links.length < 60; f = causeOf(flows.from[f])) links.unshift({ f });
  choose({ title: "What led to: " + label(flow), links, stuck: [] }, false);
}

// causeOf is the last flow that a step received or, at the end of a turn, the last that
// the turn received; -1 if there is none.
function causeOf(step) {
  const turn = turnOf(step);
  if (turn < 0) return -1;
  const low = step === turns.first[turn + 1] - 1 ? turns.first[turn] : step;
  for (let s = step; s >= low; s--) {
    const given = flowsTo.get(s);
    if (given) return given[given.length - 1];
  }
  return -1;
}

let pressed = null;

// choose shows a chain, in the lanes and in words; null shows none.
function choose(c, zoomTo = true) {
  chosen = { order: [], waits: [], from: -1, to: -1, bad: new Set() };
  const panel = byId("chain");
  panel.replaceChildren();
  if (pressed) pressed.setAttribute("aria-pressed", "false");
  pressed = null;
  if (!c) return redraw();
  const list = element("ol");
  for (const link of c.links) {
    if (link.f < 0) {
      chosen.waits.push({ lane: link.l ?? 0, from: link.a ?? 0, to: link.b ?? 0 });
      list.append(chainItem("wait", link.a ?? 0, link.b < 0 ? "to the end" : "waited " + formatDuration((link.b ?? 0) - (link.a ?? 0)),
        link.b < 0 ? `${laneName(link.l ?? 0)} has it, and sent nothing more` : `${laneName(link.l ?? 0)}, until ${link.t} came`));
      continue;
    }
    chosen.order.push(link.f);
    list.append(flowItem(link.f, ""));
  }
  for (const f of c.stuck) {
    if (!chosen.order.includes(f)) chosen.order.push(f);
    chosen.bad.add(f);
    list.append(flowItem(f, "stuck"));
  }
  panel.append(element("h2", {}, "Causal chain"), element("p", {}, c.title));
  if (c.note) panel.append(element("p", { class: "quiet" }, c.note));
  panel.append(list);
  panel.scrollTop = 0;
  if (c.from >= 0) {
    chosen.from = c.from;
    chosen.to = c.to;
    if (zoomTo) {
      const to = c.to < 0 ? Math.min(end, c.from + 2e9) : c.to, pad = Math.max((to - c.from) * 0.15, 50e3);
      show(c.from - pad, to + pad);
    }
  }
  redraw();
}

function chainItem(kind, at, took, words) {
  return element("li", { class: kind }, element("div", { class: "when" }, element("span", {}, formatTime(at, 1e5)), element("span", {}, took)), words);
}

function flowItem(f, kind) {
  const from = senderLane(f), to = receiverLane(f);
  const path = from === to ? laneName(from) : `${laneName(from)} → ${laneName(to)}`;
  const t = turnOf(flows.to[f]);
  let took = "never arrived";
  if (flows.arrived[f] >= 0) {
    took = formatDuration(flows.arrived[f] - flows.sent[f]);
    const queued = t >= 0 ? turns.at[t] - flows.arrived[f] : 0;
    if (queued > 1e6) took += " + " + formatDuration(queued) + " in the inbox";
  }
  return chainItem(kind, flows.sent[f], took, `${path}: ${label(f)}`);
}

function explain(i, button, zoomTo = true) {
  const o = data.operations[i];
  let note = o.partial ? "A part of the chain was not kept in detail; lockstep sim report --at TIME keeps another stretch." : "";
  if (o.return < 0) note = "No answer came. " + ((o.stuck ?? []).length ? "Red: still under way at the end. " : "") + note;
  choose({ title: o.text, links: o.chain ?? [], stuck: o.stuck ?? [], from: o.call, to: o.return, note }, zoomTo);
  pressed = button;
  if (button) button.setAttribute("aria-pressed", "true");
}

// --- operations ---

const listed = 400;

function list() {
  const words = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean), only = byId("marked").checked;
  const found = [];
  data.operations.forEach((o, i) => {
    if (only && !o.marked) return;
    const all = `${o.kind} ${o.client} ${o.partition} ${o.outcome} ${o.text}`.toLowerCase();
    if (words.every(w => all.includes(w))) found.push(i);
  });
  const violated = new Set(data.partitions.filter(p => p.violated).map(p => p.name));
  const rank = o => o.marked ? 0 : data.stall && o.return < 0 ? 1 : violated.has(o.partition) ? 2 : 3;
  found.sort((a, b) => rank(data.operations[a]) - rank(data.operations[b]) || a - b);
  byId("count").textContent = `${number.format(found.length)} of ${number.format(data.operations.length + data.omitted)}` +
    (found.length > listed ? `, the first ${listed} are shown` : "");
  byId("operations").replaceChildren(...found.slice(0, listed).map(i => {
    const o = data.operations[i];
    const b = element("button", { type: "button", class: o.marked ? "marked" : undefined, "aria-pressed": "false", "data-operation": i },
      element("span", { class: "when" }, element("span", {}, formatTime(o.call, 1e6) + "  " + o.client), element("span", {}, o.return < 0 ? "no answer" : formatDuration(o.return - o.call))),
      o.text);
    b.addEventListener("click", () => explain(i, b));
    return element("li", {}, b);
  }));
}

byId("filter").addEventListener("input", list);
byId("marked").addEventListener("change", list);
byId("operations").addEventListener("keydown", ev => {
  const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[ev.key];
  const other = step && ev.target.closest("li")?.[step]?.firstElementChild;
  if (!other) return;
  other.focus();
  ev.preventDefault();
});

// --- the beginning ---

function drawSummary() {
  byId("summary")?.replaceChildren(...(data.summary ?? []).map(l => {
    const when = element("time", {}, l.at < 0 ? "" : formatTime(l.at, 1e8));
    if (l.at < 0) return element("li", {}, when, element("span", {}, l.text));
    const b = element("button", { type: "button", class: l.kind }, l.text);
    b.addEventListener("click", () => show(l.at - 50e6, l.at + 50e6));
    return element("li", {}, when, b);
  }));
}

for (const b of document.querySelectorAll("[data-at]")) {
  const at = Number(b.dataset.at);
  b.textContent = "since " + formatTime(at, 1e8);
  b.addEventListener("click", () => show(at - 50e6, at + 50e6));
}

function drawLegend() {
  const entries = [["turn", "turn of a loop"], ["load", "load, where turns are too dense to draw or were not kept"], ["frame", "message"], ["disk", "disk operation"],
    ["fault", "fault, with its number in the plan"], ["down", "no process"], ["leader", "controller or leader begins"], ["isr", "ISR"], ["chain", "chosen chain"], ["broken", "failure"]];
  byId("legend").replaceChildren(...entries.map(([colour, words]) => element("li", {}, element("i", { style: `background: var(--${colour})` }), words)));
}

byId("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(byId("replay").textContent);
  byId("copy").textContent = "Copied";
});

data.operations ??= [];
data.partitions ??= [];
data.marks ??= [];
data.faults ??= [];
data.incarnations ??= [];
readColours();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readColours(); redraw(); });
new ResizeObserver(redraw).observe(canvas);
drawLegend();
drawSummary();
list();
show(0, end);
