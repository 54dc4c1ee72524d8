// What is shown of a file, of the model's matrix, of a counterexample, of a gate.
const heading = (text, level = "h3") => el(level, {}, text);
const facts = (pairs) => el("dl", { class: "facts" }, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, typeof value === "number" ? grouped(value) : value))));
const pairName = (pair) => pair.nodes.map((node) => (node.id ? `node ${node.id}` : node.address)).join(" – ");

// Files.

function fileStatus(file) {
  if (file.verdict === null) return "unreadable";
  if (file.verdict === "rejected") return "rejected";
  if (file.pairs.some((pair) => pair.stalls.length)) return "stalled";
  if (file.verdict !== "accepted") return file.verdict;
  return file.error ? "damaged" : "accepted";
}

function fileReason(file) {
  const rejected = file.pairs.find((pair) => pair.rejection);
  if (file.verdict === null) return file.error;
  if (rejected) return `${rejected.rejection.rule} at frame ${rejected.rejection.frame}: ${rejected.rejection.got}`;
  const stall = file.pairs.flatMap((pair) => pair.stalls)[0];
  if (stall) return stallText(stall);
  const exhausted = file.pairs.find((pair) => pair.exhausted);
  if (exhausted) return `ran out: ${exhausted.exhausted}`;
  if (file.error) return `damaged: ${file.error}`;
  return file.verdict === "vacuous" ? "no whole message of the protocol" : counted(file.messages, "message");
}

const stallText = (stall) => `message ${stall.seq} from node ${stall.from} to node ${stall.to} ${stall.filled_by === null ? "never came" : `was missing for ${seconds(stall.lasted)}`}`;

const HAZARDS = {
  H1: "a message that was reserved but not committed when the break was noticed is not copied, and goes out later, ahead of the copies",
  H2: "after a socket error the copies are queued into the page that is then dropped as partly written, so what was lost is not sent again unless another break follows",
  H3: "an orderly close by the peer starts no retransmission, so what was lost is not sent again unless another break follows",
};

function scenesOf(pair, about) {
  const scenes = pair.picture ? pair.picture.scenes : [];
  return scenes.find((scene) => JSON.stringify(scene.about) === JSON.stringify(about));
}

const noChart = (pair) => el("p", { class: "note" }, pair.picture ? "No chart was kept of it: a pair has charts of its first 32 stalls." : "Its charts were left out, for the page would have become too large: make one of this file alone.");

function rejectionView(pair) {
  const r = pair.rejection, scene = scenesOf(pair, "rejection");
  return el("section", { class: "card bad" },
    el("h3", {}, badge("rejected", "Rejected"), ` ${r.message}`),
    el("p", { class: "lead" }, el("strong", {}, r.rule), ` ${r.rule_text}.`),
    facts([["expected", r.expected], ["got", r.got], ["from", `node ${r.from} to node ${r.to}, connection ${r.connection}`],
      ["frame", r.first_frame === r.frame ? `${r.frame}${r.file ? ` of file ${r.file + 1}` : ""}` : `${r.first_frame} to ${r.frame}`],
      ["time", clock(Math.floor(r.time), (r.time % 1) * 1e9, true)]]),
    scene ? sequence(pair, scene, null) : [el("pre", {}, [...r.before, `→ frame ${r.frame} ${r.connection} ${r.from} > ${r.to}: ${r.message}`].join("\n")), noChart(pair)],
    el("p", { class: "note" }, "What follows between these two nodes was not judged."));
}

function stallView(pair, stall, index) {
  const scene = scenesOf(pair, { stall: index }), never = stall.filled_by === null;
  return el("section", { class: never ? "card bad" : "card warn" },
    el("h3", {}, badge("stalled", never ? "Stalled for good" : "Stalled"), ` Node ${stall.to} waits for message ${stall.seq} of node ${stall.from}`, never ? ", which never came" : `, for ${seconds(stall.lasted)}`),
    el("p", { class: "lead" }, `${stall.break_frame === null ? "Without a break that the capture shows, the message is lost" : `It was lost with the connection that broke at frame ${stall.break_frame}`}; `,
      never ? el("strong", {}, `node ${stall.from} never sends it again. `) : `it was sent again in frame ${stall.filled_by}. `,
      `For ${seconds(stall.lasted)} the pair went on talking, and node ${stall.to} dropped ${counted(stall.ignored, "later message")}.`),
    stall.hazard ? el("p", {}, el("strong", {}, `Hazard ${stall.hazard}: `), `${HAZARDS[stall.hazard] || "see section 9 of PROTOCOL.md"}.`) : null,
    scene ? sequence(pair, scene, stall) : noChart(pair));
}

function pairView(pair, many) {
  const revisions = pair.nodes.map((node) => node.revisions.join(" or ") || "–");
  const [there, back] = pair.directions;
  const end = scenesOf(pair, "end");
  const last = end && el("details", {}, el("summary", {}, `The last ${counted(end.events.length, "event")} of the pair, as a chart`));
  if (last) last.addEventListener("toggle", () => last.open && last.children.length === 1 && last.append(sequence(pair, end, null)));
  const row = (name, key) => [name, there[key], back[key]];
  return [
    many ? el("h2", {}, badge(pair.stalls.length && pair.verdict === "accepted" ? "stalled" : pair.verdict, null), ` ${pairName(pair)}`) : null,
    pair.exhausted ? el("section", { class: "card warn" }, el("h3", {}, badge("inconclusive", "Inconclusive")), el("p", {}, `Ran out: ${pair.exhausted}. The verdict is open.`)) : null,
    pair.rejection ? rejectionView(pair) : null,
    pair.stalls.map((stall, index) => stallView(pair, stall, index)),
    pair.obligations.length ? el("section", { class: "card" }, heading("Owed at the end"), el("ul", {}, pair.obligations.map((o) => el("li", {}, el("strong", {}, `node ${o.node} to ${o.peer}: `), o.what)))) : null,
    pair.picture ? el("section", { class: "card" }, heading("Record states over time"), timeline(pair)) : null,
    last ? el("section", { class: "card" }, last) : null,
    el("section", { class: "card" }, heading("Figures"),
      table(["", `${there.from || "?"} → ${there.to || "?"}`, `${back.from || "?"} → ${back.to || "?"}`], [row("delivered", "delivered"), row("of these MSG", "delivered_msg"), row("copies sent", "retransmitted"), row("duplicates dropped", "duplicates"), row("gaps", "gaps"), row("ACKs sent", "acks"), row("FINs sent", "fins"), row("incarnations", "incarnations")]),
      facts([["revisions", pair.nodes.map((node, i) => `node ${node.id}: ${revisions[i]}`).join("; ")], ["addresses", pair.nodes.map((node) => node.address).join(", ")], ["breaks", pair.breaks], ["explanations kept", `at most ${pair.frontier.max}`]])),
  ];
}

function fileView(file) {
  const worst = [...file.pairs].sort((a, b) => (b.rejection ? 2 : b.stalls.length ? 1 : 0) - (a.rejection ? 2 : a.stalls.length ? 1 : 0));
  return [
    facts([["frames", file.frames], ["messages", file.messages], ["pairs", file.pairs.length], ["holes", file.holes || null]]),
    file.error ? el("section", { class: "card warn" }, heading(file.verdict === null ? "Not read" : "Damaged: what could be read is judged"), el("p", {}, file.error)) : null,
    worst.map((pair) => pairView(pair, file.pairs.length > 1)),
    file.notes && file.notes.length ? el("section", { class: "card" }, heading("Notes on the reading"), el("ul", {}, file.notes.map((note) => el("li", {}, note)))) : null,
  ];
}

// The model.

const SEEDS = { unmasked: "open to", defect: "with", hazard: "under", remedy: "with the remedy of", measure: "without" };
function rulesOf(row) {
  const seed = Object.keys(SEEDS).find((key) => row[key]);
  return seed ? `${row.revision} ${SEEDS[seed]} ${row[seed]}` : row.revision;
}

function matrixView(check, itemOfRow) {
  const { rows, cases, changes, differences } = check.report;
  const blocks = new Map();
  rows.forEach((row, index) => {
    const key = rulesOf(row), block = blocks.get(key) || new Map();
    blocks.set(key, block);
    const line = block.get(row.environment) || { row, cells: new Map() };
    block.set(row.environment, line);
    line.cells.set(row.property, index);
  });
  const cell = (index) => {
    if (index === undefined) return "";
    const row = rows[index], status = row.as_expected ? row.verdict : "unexpected";
    const words = row.verdict === "violated" ? `✗ ${row.steps ?? ""}` : sign(row.verdict);
    const title = `${rulesOf(row)}, ${row.environment}, ${row.property}: ${row.verdict}${row.steps ? ` in ${row.steps} steps` : ""}${row.as_expected ? "" : ", NOT as expected"}`;
    const item = itemOfRow.get(index), cls = `cell ${row.as_expected ? (row.verdict === "violated" ? "known" : tone(status)) : "bad"}`;
    const text = row.as_expected ? words : `${words} !`;
    return item === undefined ? el("span", { class: cls, title }, text) : el("a", { class: cls, href: `#item-${item}`, title }, text);
  };
  const toldCase = (c) => {
    const text = [c.result, ...c.faults].join("; ");
    const at = rows.findIndex((row) => row.verdict === "violated" && row.property === c.property && row.environment === c.environment && [row.defect, row.hazard, row.measure].includes(c.id));
    return itemOfRow.has(at) ? el("a", { href: `#item-${itemOfRow.get(at)}` }, text) : text;
  };
  const block = ([name, lines]) => {
    const properties = [...new Set([...lines.values()].flatMap((line) => [...line.cells.keys()]))];
    return el("section", { class: "card" }, heading(name), table(["environment", "states", ...properties.map((property) => el("span", { class: "tilt" }, property))],
      [...lines].map(([environment, line]) => [environment, line.row.states, ...properties.map((property) => cell(line.cells.get(property)))]), { class: "matrix" }));
  };
  return [
    differences.length ? el("section", { class: "card bad" }, heading("Not as expected"), el("ul", {}, differences.map((text) => el("li", {}, text)))) : null,
    changes.length ? el("section", { class: "card" }, heading("What the variant changes"), table(["environment", "property", "before", "after"], changes.map((c) => [c.environment, c.property, c.before, c.after]))) : null,
    cases.length ? el("section", { class: "card" }, heading("Catalogue"), table(["", "id", "what", "where", "result"], cases.map((c) => [badge(c.passed === true ? "good" : c.passed === false ? "failed" : "incomplete", c.passed === true ? "ok" : c.passed === false ? "FAIL" : "open"), c.id, c.text, `${c.revision}, ${c.environment}, ${c.property}`, toldCase(c)]))) : null,
    [...blocks].map(block),
    el("p", { class: "note" }, "✓ holds in every reachable state and every fair run; ✗ n is violated, and n steps lead to it: the link shows them; ? a budget ran out; – not checked; ! not as expected."),
  ];
}

function counterexampleView(check, one) {
  const row = check.report.rows[one.row];
  const parse = () => {
    const parsed = new DOMParser().parseFromString(one.svg, "image/svg+xml").documentElement;
    return document.importNode(parsed, true);
  };
  const step = (s, index) => el("li", { class: s.mark, value: index + 1 }, `${s.text}.`, el("span", { class: "states" }, s.states));
  return [
    el("p", { class: "lead" }, one.title),
    row && !row.as_expected ? el("p", {}, badge("unexpected", "Not as expected"), row.expected ? ` Expected: ${row.expected.verdict}${row.expected.steps ? ` in ${row.expected.steps} steps` : ""}.` : " Nothing is expected of this row.") : null,
    el("section", { class: "card bad" }, one.conclusion.map((text) => el("p", {}, text))),
    el("div", { class: "beside" },
      el("section", { class: "card" }, heading("Chart"), zoomable("Sequence chart of the counterexample: scrolls; plus and minus zoom", parse, { fitWidth: true }).node),
      el("section", { class: "card" }, heading("Step by step"), el("ol", { class: "steps" }, one.steps.map(step)))),
  ];
}

// The gate.

const live = (unit) => (unit.findings || []).filter((finding) => !finding.waived);

/** The verdict of a unit; a good one is waived where it is good only for that. */
const statusOf = (unit) => (unit.verdict === "good" && (unit.findings || []).length && !live(unit).length ? "waived" : unit.verdict);

function findingView(finding) {
  const place = finding.file ? `${finding.file}${finding.line ? `:${finding.line}` : ""}` : null;
  return el("section", { class: `card ${finding.waived ? "" : "bad"}` },
    el("h3", {}, finding.waived ? badge("waived", "Waived") : badge("failed", "Finding"), ` ${finding.message}`),
    finding.waived ? el("p", {}, el("strong", {}, "Why it does not count: "), finding.waived) : null,
    facts([["rule", finding.rule], ["place", place]]), finding.detail ? el("pre", { tabindex: "0" }, finding.detail) : null);
}

const unitView = (step, unit) => [facts([["step", step.name], ["outcome", unit.outcome], ["time", seconds(unit.seconds)]]), (unit.findings || []).map(findingView)];

function stepsView(gate, itemOfUnit) {
  const share = Math.max(...gate.steps.map((step) => step.seconds), 1e-9);
  const bar = (value) => el("span", { class: "bar-cell" }, el("span", { class: "bar", style: `width:${((value / share) * 100).toFixed(1)}%`, "aria-hidden": "true" }), seconds(value));
  const name = (step, unit) => { const item = itemOfUnit.get(unit); return item === undefined ? unit.name : el("a", { href: `#item-${item}` }, unit.name); };
  const units = (step) => {
    const shown = el("details", { open: step.verdict !== "good" }, el("summary", {}, `${step.name}: ${counted(step.units.length, "unit")}${step.planned !== step.units.length ? ` of ${step.planned} planned` : ""}`));
    shown.addEventListener("toggle", () => shown.open && shown.children.length === 1 && shown.append(limited(step.units, 200, (some) => table(["", "unit", "outcome", "time"], some.map((unit) => [badge(statusOf(unit)), name(step, unit), unit.outcome, seconds(unit.seconds)])))));
    return shown;
  };
  return [
    facts([["profile", gate.profile], ["program", gate.program], ["seed", String(gate.seed)], ["plan", gate.plan], ["part", gate.partition ? `${gate.partition.part} of ${gate.partition.of}` : null], ["time", seconds(gate.seconds)]]),
    el("section", { class: "card" }, heading("Steps"), table(["", "step", "outcome", "units", "time"], gate.steps.map((step) => [badge(step.verdict), step.name, step.outcome,
      step.planned === step.units.length ? step.units.length : `${step.units.length} of ${step.planned}`, bar(step.seconds)]))),
    el("section", { class: "card" }, heading("Units"), gate.steps.map(units)),
  ];
}

const total = (sources) => Object.values(sources).reduce((sum, n) => sum + n, 0);

function coverageView(coverage) {
  const cells = Object.entries(coverage.cells).map(([name, sources]) => { const [state, ...event] = name.split(" × "); return { state, event: event.join(" × ") || "?", name, sources }; });
  const states = [...new Set(cells.map((c) => c.state))], events = [...new Set(cells.map((c) => c.event))];
  const sources = [...new Set([coverage.cells, coverage.rules, coverage.actions].flatMap((map) => Object.values(map).flatMap(Object.keys)))].sort();
  const at = new Map(cells.map((c) => [c.name, c]));
  const choice = el("select", { "aria-label": "Source" }, el("option", { value: "" }, "all sources"), sources.map((source) => el("option", { value: source }, source)));
  const body = el("div", { class: "stack" });
  const count = (map) => (choice.value ? map[choice.value] || 0 : total(map));
  const told = (map) => sources.map((source) => `${source}: ${grouped(map[source] || 0)}`).join(", ");
  const number = (map, name) => { const n = map ? count(map) : 0; return el("span", { class: `cell ${n ? "good" : map ? "bad" : "none"}`, title: map ? `${name}: ${told(map)}` : `${name}: never exercised` }, n ? grouped(n) : map ? "0" : "·"); };
  const list = (title, map) => Object.keys(map).length ? el("section", { class: "card" }, heading(`${title}: ${Object.values(map).filter(count).length} of ${Object.keys(map).length}`),
    table(["", ...sources], Object.entries(map).map(([name, by]) => [name, ...sources.map((source) => by[source] || 0)]))) : null;
  const paint = () => body.replaceChildren(
    el("section", { class: "card" }, heading(`States × events: ${cells.filter((c) => count(c.sources)).length} of ${cells.length} that are listed`), cells.length ? table(["", ...states], events.map((event) => [event, ...states.map((state) => { const name = `${state} × ${event}`, cell = at.get(name) || cells.find((c) => c.state === state && c.event === event); return number(cell && cell.sources, name); })]), { class: "matrix" }) : el("p", {}, "None was exercised.")),
    ...[list("Rules", coverage.rules), list("Actions of the model", coverage.actions)].filter(Boolean));
  choice.addEventListener("change", paint);
  paint();
  const shares = Object.entries(coverage.transitions || {});
  return [el("p", {}, el("label", {}, "Count ", choice)), shares.length ? el("section", { class: "card" }, heading("Transitions driven, by environment"),
    table(["environment", "driven", "of", ""], shares.map(([name, share]) => [name, share.covered, share.all, el("progress", { value: share.covered, max: Math.max(share.all, 1), "aria-label": `${name}: ${share.covered} of ${share.all}` })]))) : null, body];
}

/** So many of a list, and a button for the rest. */
function limited(list, most, show) {
  if (list.length <= most) return show(list);
  const box = el("div", {}, show(list.slice(0, most)));
  box.append(button(`Show all ${grouped(list.length)}`, `Show all ${list.length}`, () => box.replaceChildren(show(list)), { class: "more" }));
  return box;
}
