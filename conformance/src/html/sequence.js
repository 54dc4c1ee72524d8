// The sequence chart of a scene: time goes down, each node is a lane, each message an arrow.
const MESSAGES = new Set(["accepted", "duplicate", "unread", "bare", "refused", "reveals", "unjudged", "acked", "ignored"]);
const kind = (event) => (typeof event.what === "string" ? event.what : Object.keys(event.what)[0]);
const given = (event) => (typeof event.what === "string" ? null : Object.values(event.what)[0]);
const isMessage = (event) => MESSAGES.has(kind(event));
const stateClass = (state) => "s-" + state.toLowerCase().replace(/_/g, "-");
const before = (a, b) => ((a - b) | 0) < 0;

/** What came of an event, in a sentence. */
function sentence(event, names) {
  const [by, other] = [names[event.by], names[1 - event.by]];
  const n = given(event);
  switch (kind(event)) {
    case "accepted": return `${other} accepts it.`;
    case "acked": return n ? `Takes ${counted(n, "message")} off the send queue of ${other}.` : "Acknowledges nothing that was not acknowledged before.";
    case "duplicate": return `${other} had it already and drops it.`;
    case "ignored": return `${other} drops it: it waits for ${n} and accepts nothing later.`;
    case "unread": return `${other} may read it later, or never: its connection was replaced or broke, or its record is closed.`;
    case "bare": return "Outside the numbering: delivered as it comes.";
    case "refused": return "No rule allows it: here the pair is rejected.";
    case "reveals": return "It brings to light that the marked message before it was wrong.";
    case "unjudged": return "Not judged: it follows the rejection.";
    case "opened": return `${by} opens connection c${event.conn}.`;
    case "found": return `Connection c${event.conn} had been open before the capture began; it is taken that ${by} opened it.`;
    case "finished": return `${by} closes its sending side of connection c${event.conn}.`;
    case "reset": return `${by} resets connection c${event.conn}: what was in flight is lost.`;
    case "hole": return `Bytes that ${by} sent on connection c${event.conn} are missing in the capture.`;
  }
  return "";
}

const label = (event) => (event.copy ? "↻ " : "") + (event.text || sentence(event, ["the one node", "the other"]));

/** The numbers of a stall, or of a rejected message, that are nowhere: sender, first, last, and the index before which they belong. */
function missing(scene, stall) {
  const culprit = scene.events[scene.culprit];
  if (!culprit || culprit.number === undefined || !/^OPTS/.test(culprit.text)) return null;
  let index = scene.culprit - 1;
  while (index >= 0 && !scene.events[index].records) index--;
  if (index < 0) return null;
  const used = scene.events[index].records[culprit.by].send;
  const first = stall ? stall.seq : used;
  if (!before(first, culprit.number) || culprit.number - first > 1e6) return null;
  const last = (culprit.number - 1) >>> 0;
  const seen = scene.events.slice(0, scene.culprit).filter((event) => event.by === culprit.by && isMessage(event) &&
    event.number !== undefined && /^OPTS/.test(event.text) && !before(event.number, first) && !before(last, event.number));
  return { by: culprit.by, first, last, seen, wasSent: seen.length > 0 || before(first, used), at: scene.culprit };
}

/** The states with which a scene begins. */
function statesBefore(pair, scene) {
  const first = scene.events[0];
  return pair.picture.states.map((lane) => {
    const past = first ? lane.filter((change) => change.time < first.time) : lane;
    return past.length ? past[past.length - 1].state : "CLOSED";
  });
}

/** Events as rows: runs of plain messages as one, silence and what is left out between them. */
function rowsOf(pair, scene, gone, single, stall) {
  const rows = [];
  const { events, culprit } = scene;
  const joins = (event, next) => !single && isMessage(event) && kind(event) === kind(next) && event.by === next.by && event.conn === next.conn &&
    !!event.copy === !!next.copy && event.number !== undefined && next.number === event.number + 1 && kind(event) !== "refused" && kind(event) !== "acked" &&
    JSON.stringify(event.records && event.records.map((r) => r.state)) === JSON.stringify(next.records && next.records.map((r) => r.state));
  const isApart = (index) => index === culprit || (stall && stall.filled_by === events[index].frame && events[index].number === stall.seq);
  let states = statesBefore(pair, scene);
  if (scene.before) rows.push({ type: "cut", text: `${counted(scene.before, "earlier event")} not shown` });
  for (let index = 0; index < events.length; index++) {
    const event = events[index], previous = events[index - 1];
    if (scene.cut && scene.cut[0] === index) rows.push({ type: "cut", text: `${counted(scene.cut[1], "event")} left out` });
    if (previous && event.time - previous.time > 5e8) rows.push({ type: "silence", text: `${span(event.time - previous.time)} without a message` });
    if (gone && gone.at === index) rows.push({ type: "gone", gone });
    const run = [event];
    while (!isApart(index) && index + 1 < events.length && !isApart(index + 1) && !(scene.cut && scene.cut[0] === index + 1) &&
      joins(events[index], events[index + 1]) && events[index + 1].time - events[index].time < 5e8) run.push(events[++index]);
    const group = run.length > 2 ? [run] : run.map((one) => [one]);
    group.forEach((run, at) => rows.push({
      type: isMessage(event) ? "message" : "link", run, event: run[0], last: run[run.length - 1],
      wrong: index === culprit && at === 0, fills: isApart(index) && index !== culprit,
    }));
    const now = events[index].records;
    if (now) [0, 1].forEach((node) => {
      if (now[node].state !== states[node]) rows.push({ type: "state", whose: node, from: states[node], state: now[node].state, event: events[index] });
    });
    if (now) states = now.map((record) => record.state);
  }
  return rows;
}

/** The chart, with the details of what is pointed at below it. */
function sequence(pair, scene, stall) {
  const names = pair.nodes.map((node) => (node.id ? `node ${node.id}` : node.address));
  const gone = missing(scene, stall);
  const origin = (scene.events[scene.culprit] || scene.events[scene.events.length - 1] || { time: 0 }).time;
  let single = false, chosen = null, rows = [];
  const told = el("div", { class: "told", "aria-live": "polite" });
  const say = (row) => told.replaceChildren(...explain(row, names, pair.picture.base, origin));
  const choose = (row) => {
    chosen = row;
    rows.forEach((one) => one.node && one.node.classList.toggle("chosen", one === row));
    say(row);
    chart.reveal(row.y);
  };
  const redraw = (width) => {
    const drawn = drawSequence({ width, rows: (rows = rowsOf(pair, scene, gone, single, stall)), names, pair, scene, gone, stall, origin, choose, say: (row) => chosen || say(row) });
    const wrong = rows.find((row) => row.wrong) || rows.find((row) => row.event);
    if (wrong) say(wrong);
    return drawn;
  };
  const box = el("input", { type: "checkbox", on: { change: () => { single = box.checked; chosen = null; chart.again(); } } });
  const about = scene.about === "rejection" ? "the rejection" : scene.about === "end" ? "the end" : "the gap";
  const chart = zoomable(`Sequence chart around ${about}: arrow keys go from event to event, plus and minus zoom`, redraw, {
    focus: scene.about === "end" ? null : about, tools: el("label", {}, box, " each message"),
  });
  chart.view.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const stops = rows.filter((row) => row.node);
    const at = stops.indexOf(chosen || stops.find((row) => row.wrong));
    const next = stops[Math.min(stops.length - 1, Math.max(0, at + step))];
    event.preventDefault();
    event.stopPropagation();
    if (next) choose(next);
  });
  chart.node.append(told, legend());
  return chart.node;
}

function legend() {
  const one = (cls, text) => el("span", {}, draw("svg", { viewBox: "0 0 34 12", width: 34, height: 12, "aria-hidden": "true" },
    draw("path", { class: `arrow ${cls}`, d: "M1 6H26" }), mark(cls, 28, 6, 1)), text);
  return el("div", { class: "legend" }, one("accepted", "accepted"), one("copy accepted", "↻ retransmitted"), one("duplicate", "came before: dropped"),
    one("ignored", "ignored behind a gap"), one("unread", "may be unread"), one("refused", "refused"));
}

function explain(row, names, base, origin) {
  const list = (pairs) => el("dl", {}, pairs.filter(([, text]) => text !== null).map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", {}, text))));
  if (row.type === "gone") return [el("p", {}, el("strong", {}, goneText(row.gone))), el("p", {}, row.why || "")];
  const event = row.event, last = row.last || event;
  const many = row.run && row.run.length > 1;
  const head = row.type === "state" ? `${names[row.whose]}: ${row.from} → ${row.state}` : row.type === "link" ? sentence(event, names) :
    many ? `${counted(row.run.length, "message")}, ${event.number} to ${last.number}, from ${names[event.by]} to ${names[1 - event.by]}` :
    `${event.text} from ${names[event.by]} to ${names[1 - event.by]}`;
  const records = last.records && names.map((name, node) => {
    const r = last.records[node];
    return [`${name} after it`, `${r.state}, sends ${r.send} next, expects ${r.next}, ${r.send === r.head ? "all acknowledged" : `${counted((r.send - r.head) >>> 0, "message")} from ${r.head} not acknowledged`}`];
  });
  return [
    el("p", {}, el("strong", {}, head), event.copy ? " (a retransmission)" : "", row.type === "message" ? " " + (many ? sentence(event, names).replace("it", "them") : sentence(event, names)) : ""),
    list([
      ["frame", `${event.frame}${last.frame !== event.frame ? ` to ${last.frame}` : ""}${event.file ? ` of file ${event.file + 1}` : ""}`],
      ["time", `${clock(base, event.time, true)}, ${offset(event.time - origin)}`], ["connection", `c${event.conn}`],
      ["length without envelope", event.length && !many ? `${event.length} bytes` : null], ...(records || []),
    ]),
  ];
}

const numbers = ({ first, last }) => (first === last ? `${first}` : (last - first) === 1 ? `${first} and ${last}` : `${first} to ${last}`);
function goneText(gone) {
  const one = gone.first === gone.last;
  return gone.wasSent ? `${numbers(gone)} ${one ? "was" : "were"} sent before and lost, and ${one ? "does" : "do"} not come again before this` :
    `${numbers(gone)} ${one ? "is" : "are"} missing: no frame before this holds ${one ? "it" : "them"}`;
}

/** The end of an arrow at x, y; `way` is 1 to the right. */
function mark(cls, x, y, way) {
  const has = (name) => cls.split(" ").includes(name);
  if (has("ignored")) return draw("g", { class: "stop" }, draw("circle", { cx: x - 2 * way, cy: y, r: 5 }), draw("path", { d: `M${x - 2 * way - 3.5} ${y + 3.5}l7 -7` }));
  if (has("refused") || has("lost")) return draw("path", { class: "cross", d: `M${x - 6} ${y - 6}l12 12m0 -12l-12 12` });
  if (has("unread")) return draw("text", { class: "ask", x: x + 3 * way, y: y + 4, "text-anchor": "middle" }, "?");
  return draw("path", { class: `tip ${cls}`, d: `M${x} ${y}l${-9 * way} -4.5v9z` });
}

function drawSequence({ width, rows, names, pair, scene, gone, stall, origin, choose, say }) {
  const narrow = width < 560;
  const W = Math.min(Math.max(width - 2, 320), 1180);
  const gutter = narrow ? 68 : 112, room = narrow ? 20 : 54;
  const X = [gutter + room, W - room];
  const middle = (X[0] + X[1]) / 2, letter = narrow ? 6.1 : 6.6;
  const parts = [], bands = [[], []];
  let y = 66, focus = 0;
  const states = statesBefore(pair, scene);
  const from = [y - 12, y - 12];
  const text = (x, at, cls, anchor, content) => draw("text", { x, y: at, class: cls, "text-anchor": anchor }, content);
  const callout = (sentences, cls) => {
    const wrapped = sentences.flatMap((one) => lines(one, Math.floor((W - gutter - 30) / 7.5)));
    const height = wrapped.length * 17 + 12;
    const node = draw("g", { class: `callout ${cls}` }, draw("rect", { x: gutter, y: y, width: W - gutter - 4, height, rx: 6 }),
      wrapped.map((line, at) => text(gutter + 12, y + 20 + 17 * at, "", "start", line)));
    y += height + 10;
    return node;
  };
  const band = (node, state) => {
    if (states[node]) bands[node].push([from[node], y, states[node]]);
    [states[node], from[node]] = [state, y];
  };
  for (const row of rows) {
    row.y = y;
    if (row.type === "cut" || row.type === "silence") {
      const high = row.type === "silence" ? 40 : 28;
      parts.push(draw("g", { class: row.type }, draw("path", { d: `M${gutter} ${y + high / 2}H${W - 4}` }), text(middle, y + high / 2 + 4, "halo", "middle", row.text)));
      y += high;
      continue;
    }
    if (row.type === "state") {
      const at = X[row.whose], words = `${row.from} → ${row.state}`, w = words.length * 7.3 + 20, left = row.whose ? at - w - 8 : at + 8;
      band(row.whose, row.state);
      row.node = draw("g", { class: `change ${stateClass(row.state)}`, on: { click: () => choose(row) } },
        draw("rect", { x: left, y: y + 2, width: w, height: 20, rx: 10 }), text(left + w / 2, y + 16, "", "middle", words));
      parts.push(row.node);
      y += 28;
      continue;
    }
    if (row.type === "gone") {
      y += 6;
      const way = gone.by ? -1 : 1, to = X[gone.by] + way * (X[1] - X[0]) * 0.62, at = y + 20;
      row.why = stall ? whyStalled(stall, names) : "";
      row.node = draw("g", { class: "gone", on: { click: () => choose(row) } }, draw("rect", { class: "hit", x: 0, y, width: W, height: 34 }),
        draw("path", { class: "arrow lost", d: `M${X[gone.by]} ${at}H${to}` }), mark("lost", to, at, way),
        text((X[gone.by] + to) / 2, at - 7, "halo bad", "middle", `${gone.first === gone.last ? gone.first : `${gone.first}–${gone.last}`} missing`),
        text(narrow ? gutter - 8 : gutter - 10, at + 4, "bad when", "end", "nowhere"));
      parts.push(row.node);
      y += 38;
      if (stall) parts.push(callout([`${goneText(gone)}.`, row.why], "bad"));
      continue;
    }
    const { event, last } = row, way = event.by ? -1 : 1;
    const when = [text(gutter - 10, y + 14, "when", "end", offset(event.time - origin)), text(gutter - 10, y + 27, "frame", "end", narrow ? `#${event.frame}` : `frame ${event.frame}`)];
    const act = { click: () => choose(row), pointerenter: (e) => e.pointerType === "mouse" && say(row) };
    if (row.type === "link") {
      const ends = { reset: "bad", hole: "bad", finished: "warn" }[kind(event)] || "good";
      const words = { reset: `c${event.conn} reset by ${names[event.by]}`, finished: `c${event.conn} closed by ${names[event.by]}`, opened: `c${event.conn} opened by ${names[event.by]}`, found: `c${event.conn} was open before`, hole: `bytes missing in the capture` }[kind(event)];
      row.node = draw("g", { class: `link ${ends}`, on: act }, draw("rect", { class: "hit", x: 0, y, width: W, height: 34 }), when,
        draw("path", { d: `M${X[0]} ${y + 25}H${X[1]}` }), text(middle, y + 17, "halo", "middle", `${{ bad: "⚡ ", warn: "⊣ ", good: "⊢ " }[ends]}${words}`));
      parts.push(row.node);
      y += 36;
      continue;
    }
    const lost = gone && gone.seen.includes(event);
    const cls = `${lost ? "lost" : row.wrong && !stall ? "refused" : kind(event)}${event.copy ? " copy" : ""}${row.run.length > 1 ? " many" : ""}${row.fills ? " fills" : ""}`;
    const reach = lost ? 0.6 : kind(event) === "unread" ? 0.86 : 1;
    const start = X[event.by] + way * 5, end = X[event.by] + way * ((X[1] - X[0]) * reach - (reach === 1 ? 6 : 0));
    const wide = Math.floor(((X[1] - X[0]) - 24) / letter);
    let words = row.run.length > 1 ? `${event.copy ? "↻ " : ""}OPTS ${event.number}–${last.number} · ${row.run.length} messages` : label(event);
    const n = given(event);
    if (kind(event) === "acked" && n && !narrow) words += ` · releases ${n}`;
    const outcome = { ignored: row.run.length > 1 ? "all ignored" : "ignored", duplicate: "had it" }[kind(event)] || (lost ? "lost" : "");
    if (outcome && !narrow) words += ` · ${outcome}`;
    const conn = narrow ? "" : ` c${event.conn}`;
    if (words.length + conn.length > wide) words = words.slice(0, Math.max(4, wide - 1 - conn.length)) + "…";
    const high = 36;
    row.node = draw("g", { class: `row ${row.wrong ? "wrong" : ""}`, on: act }, draw("rect", { class: "hit", x: 0, y, width: W, height: high }), when,
      draw("path", { class: `arrow ${cls}`, d: `M${start} ${y + 26}H${end}` }), mark(cls, end, y + 26, way),
      draw("text", { class: `halo ${cls}`, x: middle, y: y + 17, "text-anchor": "middle" }, words, conn && draw("tspan", { class: "conn" }, conn)));
    parts.push(row.node);
    if (row.wrong) focus = y;
    y += high;
    if (row.wrong && scene.about === "rejection") {
      const r = pair.rejection;
      parts.push(callout([`Refused by ${r.rule}: ${r.rule_text}.`, `Expected: ${r.expected}.`, `Got: ${r.got}.`], "bad"));
    } else if (row.wrong && stall) {
      parts.push(callout([`From here on ${names[1 - event.by]} waits for ${stall.seq}, and drops everything later.`], "warn"));
    } else if (row.fills) {
      parts.push(callout([`${stall.seq} comes after ${seconds(stall.lasted)}: this ends the stall.`], "good"));
    }
  }
  if (stall && stall.filled_by === null) {
    const waits = pair.nodes.findIndex((node) => node.id === stall.to);
    parts.push(callout([`The trace ends. ${names[waits] || "The receiver"} still waits for ${stall.seq}, ${seconds(stall.lasted)} after the gap opened, and has dropped ${counted(stall.ignored, "later message")}.`], "bad"));
  }
  [0, 1].forEach((node) => band(node, null));
  const lanes = X.map((x, node) => draw("g", {}, draw("path", { class: "life", d: `M${x} 52V${y + 6}` }),
    bands[node].map(([top, bottom, state]) => draw("rect", { class: `band ${stateClass(state)}`, x: x - 4, y: top, width: 8, height: Math.max(bottom - top, 2) }, draw("title", {}, `${names[node]}: ${state}`)))));
  const heads = X.map((x, node) => {
    const w = narrow ? 84 : 104, left = Math.min(Math.max(x - w / 2, gutter - 20), W - w - 2), first = bands[node][0];
    return draw("g", { class: "head" }, draw("rect", { x: left, y: 4, width: w, height: 26, rx: 6 }), text(left + w / 2, 21, "", "middle", names[node]),
      first ? text(left + w / 2, 45, "state", "middle", first[2]) : null);
  });
  const svg = draw("svg", { viewBox: `0 0 ${W} ${y + 14}`, class: "sequence", "data-focus": focus, role: "img" }, draw("title", {}, `${names.join(" and ")}, ${counted(scene.events.length, "event")}`), lanes, parts,
    draw("g", { class: "stays" }, draw("rect", { class: "under", x: 0, y: 0, width: W, height: 51 }), heads));
  return svg;
}

function whyStalled(stall, names) {
  const lost = stall.break_frame === null ? "No break of a connection is seen before it." : `Lost with the connection that broke at frame ${stall.break_frame}.`;
  return `${lost} ${stall.filled_by === null ? `Node ${stall.from} never sends ${stall.seq} again.` : `Sent again in frame ${stall.filled_by}.`}`;
}
