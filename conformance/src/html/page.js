// The page: a list of items, the one that is open, filters, keys, colours.
const items = [];
const groups = [];
const add = (item) => items.push({ id: items.length, ...item, text: `${item.title} ${item.reason || ""} ${item.status} ${item.more || ""}`.toLowerCase() }) - 1;

if (data.replay) {
  const files = data.replay.files, [some] = files;
  let shared = some ? some.path.lastIndexOf("/") + 1 : 0;
  while (shared && (files.length < 2 || files.some((file) => !file.path.startsWith(some.path.slice(0, shared))))) shared = shared > 1 ? some.path.lastIndexOf("/", shared - 2) + 1 : 0;
  groups.push("files");
  files.forEach((file) => add({ group: "files", status: fileStatus(file), title: file.path, name: file.path.slice(shared), reason: fileReason(file),
    more: file.pairs.map((pair) => `${pairName(pair)} ${pair.rejection ? pair.rejection.rule_text : ""} ${pair.stalls.map((s) => s.hazard).join(" ")} ${pair.nodes.map((n) => n.revisions.join(" ")).join(" ")}`).join(" "), view: () => fileView(file) }));
}
if (data.check) {
  const { report, counterexamples } = data.check, itemOfRow = new Map();
  const bad = report.differences.length || report.cases.some((c) => c.passed === false);
  const open = report.rows.some((row) => row.verdict === "incomplete") || !report.rows.length;
  add({ group: "model", status: bad ? "unexpected" : open ? "incomplete" : "good", first: true, title: report.cases.length ? "Catalogue" : "Matrix", reason: `${counted(report.rows.length, "row")}, ${counted(report.differences.length, "difference")}`, view: () => matrixView(data.check, itemOfRow) });
  counterexamples.forEach((one) => {
    const row = report.rows[one.row];
    itemOfRow.set(one.row, add({ group: "model", status: row.as_expected ? "violated" : "unexpected", title: `${rulesOf(row)}, ${row.environment}: ${row.property}`, reason: `${counted(one.steps.length, "step")}: ${one.conclusion[0] || ""}`, more: one.steps.map((s) => s.text).join(" "), view: () => counterexampleView(data.check, one) }));
  });
}
if (data.gate) {
  const gate = data.gate, itemOfUnit = new Map();
  add({ group: "gate", status: gate.verdict, first: true, title: "Steps", reason: `${counted(gate.steps.length, "step")} in ${seconds(gate.seconds)}`, view: () => stepsView(gate, itemOfUnit) });
  gate.steps.forEach((step) => step.units.forEach((unit) => {
    if (unit.verdict === "good" && !(unit.findings || []).length) return;
    itemOfUnit.set(unit, add({ group: "gate", status: statusOf(unit), title: `${step.name}: ${unit.name}`, reason: (unit.findings || []).map((f) => f.message).join("; ") || unit.outcome,
      more: (unit.findings || []).map((f) => `${f.rule || ""} ${f.file || ""} ${f.detail}`).join(" "), view: () => unitView(step, unit) }));
  }));
  add({ group: "gate", status: "coverage", title: "Coverage", reason: `${counted(Object.keys(gate.coverage.cells).length, "cell")} of state and event`, view: () => coverageView(gate.coverage) });
}

// The worst first; among equals the order in which they were judged.
const RANK = Object.keys(TONES);
const ordered = [...items].sort((a, b) => (b.first ? 1 : 0) - (a.first ? 1 : 0) || RANK.indexOf(a.status) - RANK.indexOf(b.status) || a.id - b.id);
if (data.check && !data.replay && !data.gate) ordered.sort((a, b) => (b.first ? 1 : 0) - (a.first ? 1 : 0) || (b.status === "unexpected" ? 1 : 0) - (a.status === "unexpected" ? 1 : 0));

/** The verdict over all, and what it rests on. */
function overall() {
  const count = (status) => items.filter((item) => item.status === status).length;
  const parts = [];
  let status = "accepted", word = "All accepted";
  if (data.gate) {
    const g = data.gate, failed = g.steps.filter((step) => step.verdict !== "good");
    status = g.verdict;
    word = { good: "Gate green", failed: "Gate red", incomplete: "Gate incomplete", unusable: "Gate could not run" }[g.verdict];
    parts.push(`${counted(g.steps.length, "step")} in ${seconds(g.seconds)}, profile ${g.profile}`, failed.length ? failed.map((step) => `${step.name} ${step.verdict}`).join(", ") : null, count("waived") ? `${count("waived")} waived` : null, g.partition ? `part ${g.partition.part} of ${g.partition.of}` : null);
  } else if (data.check) {
    const { rows, differences, cases } = data.check.report, failed = cases.filter((c) => c.passed === false).length;
    const of = (verdict) => rows.filter((row) => row.verdict === verdict).length;
    const known = rows.some((row) => row.expected);
    status = differences.length || failed ? "failed" : of("incomplete") || !rows.length ? "incomplete" : "good";
    word = { failed: "Not as expected", incomplete: "Incomplete", good: known ? "As expected" : "Explored" }[status];
    parts.push(`${counted(of("holds"), "property holds", "properties hold")}`, `${grouped(of("violated"))} violated`, of("incomplete") ? `${of("incomplete")} open` : null, differences.length ? counted(differences.length, "difference") : known ? null : "nothing was expected of these rows", `${seconds(data.check.report.seconds)}`);
  } else {
    const bad = count("unreadable") + count("rejected") + count("damaged"), stalled = count("stalled");
    const files = items.length + data.cut.accepted + data.cut.files;
    const accepted = count("accepted") + data.cut.accepted;
    const vague = count("inconclusive") + count("vacuous");
    status = count("rejected") ? "rejected" : bad ? "unreadable" : stalled ? "stalled" : vague || !files ? "inconclusive" : "accepted";
    word = { rejected: "Rejected", unreadable: "Not all could be read", stalled: data.strict ? "Stalled: a failure here (--strict)" : "Accepted, but stalled", inconclusive: "Nothing shown of some", accepted: "All accepted" }[status];
    if (files === 1 && status === "inconclusive") word = items[0].status === "vacuous" ? "Vacuous: nothing to judge" : "Inconclusive";
    parts.push(counted(files, "file"), ...["rejected", "unreadable", "damaged", "stalled", "inconclusive", "vacuous"].map((s) => (count(s) ? `${grouped(count(s))} ${s}` : null)), accepted ? `${grouped(accepted)} accepted` : null);
  }
  return { status, word, parts: parts.filter(Boolean) };
}

const MOST = 200;
let chosen = null, current = -1, query = "", everything = false, on = new Set();
const wide = matchMedia("(min-width: 900px)");
const list = el("div", { class: "list", tabindex: "-1" });
const detail = el("article", { class: "detail", tabindex: "-1", "aria-label": "Details" });
const search = el("input", { type: "search", placeholder: "Search ( / )", "aria-label": "Search", on: { input: () => { query = search.value.trim().toLowerCase(); everything = false; fillList(); } } });
const chips = el("div", { class: "chips", role: "group", "aria-label": "Filter" });
let visible = [];

const passes = (item) => (!on.size || on.has(item.status)) && query.split(/\s+/).every((word) => item.text.includes(word));

function fillList() {
  const found = ordered.filter(passes);
  visible = everything ? found : found.slice(0, MOST);
  current = visible.findIndex((item) => item === chosen);
  list.replaceChildren(...visible.map((item, index) => el("a", { href: `#item-${item.id}`, class: `item ${tone(item.status)}`, id: `row-${item.id}`, "aria-current": item === chosen ? "true" : "false", on: { click: () => { current = index; } } },
    el("span", { class: "sign", "aria-hidden": "true" }, sign(item.status)),
    el("span", { class: "words" }, el("span", { class: "name" }, item.name || item.title), el("span", { class: "reason" }, el("span", { class: "sr" }, `${item.status}: `), item.reason || "")))),
    ...(found.length > visible.length ? [button(`Show all ${grouped(found.length)}`, `Show all ${found.length}`, () => { everything = true; fillList(); }, { class: "more" })] : []),
    ...(found.length ? [] : [el("p", { class: "note" }, "Nothing matches.")]));
}

function fillChips() {
  const counts = new Map();
  ordered.filter((item) => !item.first).forEach((item) => counts.set(item.status, (counts.get(item.status) || 0) + 1));
  const chip = (status, n) => button([el("span", { "aria-hidden": "true" }, sign(status)), ` ${status} `, el("b", {}, grouped(n))], null, () => {
    if (!on.delete(status)) on.add(status);
    everything = false;
    fillChips();
    fillList();
  }, { class: `chip ${tone(status)}`, "aria-pressed": on.has(status) ? "true" : "false" });
  chips.replaceChildren(...[...counts].filter(([status]) => !["overview", "coverage"].includes(status)).map(([status, n]) => chip(status, n)));
}

function show(item, focus) {
  chosen = item;
  list.querySelectorAll("[aria-current]").forEach((row) => row.setAttribute("aria-current", row.id === `row-${item && item.id}` ? "true" : "false"));
  if (!item) return detail.replaceChildren(el("p", { class: "note" }, "Choose an item: j and k move, Enter opens, ? shows all keys."));
  let body;
  try {
    body = item.view();
  } catch (error) {
    body = el("p", { class: "card bad" }, `This cannot be shown: ${error.message}. Please report it.`);
    console.error(error);
  }
  detail.replaceChildren(el("div", { class: "detail-head" }, el("a", { class: "back", href: "#", "aria-label": "Back to the list" }, "‹ all"), el("h2", {}, badge(item.status), " ", el("span", { class: "path" }, item.title))), ...[body].flat(4).filter(Boolean));
  detail.scrollTop = 0;
  if (focus) detail.focus({ preventScroll: true });
  if (!wide.matches && focus) scrollTo(0, 0);
}

/** What the address says is open; on a wide screen the worst item is, if it says nothing. */
function route() {
  const named = /^#item-(\d+)$/.exec(location.hash);
  const item = named ? items[Number(named[1])] : null;
  document.body.classList.toggle("open", !!item);
  if (item !== chosen || !chosen) show(item || (wide.matches ? ordered[0] : null), !!item);
  current = visible.indexOf(chosen);
  const row = item && document.getElementById(`row-${item.id}`);
  if (row && wide.matches) row.scrollIntoView({ block: "nearest" });
}

const close = () => { if (location.hash) { history.pushState(null, "", location.pathname + location.search); route(); } };

function move(step) {
  if (!visible.length) return;
  current = Math.min(visible.length - 1, Math.max(0, current + step));
  const row = document.getElementById(`row-${visible[current].id}`);
  row.focus();
  row.scrollIntoView({ block: "nearest" });
}

const KEYS = [["/", "search"], ["j k ↓ ↑", "move in the list"], ["Enter", "open"], ["Esc", "close, or clear the search"], ["n p", "open the next or the previous item"], ["t", "light or dark"], ["in a chart: ↓ ↑", "from event to event"], ["in a chart: + − 0", "zoom; also Ctrl and wheel, or two fingers"], ["?", "this help"]];
const help = el("dialog", { "aria-label": "Keys" }, el("h2", {}, "Keys"), table(["key", "does"], KEYS), button("Close", "Close", () => help.close(), { class: "more" }));

function theme(next) {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme || (dark ? "dark" : "light");
  document.documentElement.dataset.theme = next || (now === "dark" ? "light" : "dark");
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  const typing = event.target.matches("input[type=search], select, textarea");
  if (event.key === "Escape") {
    if (typing && search.value) { search.value = query = ""; fillList(); } else if (typing) search.blur(); else close();
    return;
  }
  if (typing) {
    if (event.target === search && (event.key === "ArrowDown" || event.key === "Enter")) { event.preventDefault(); current = -1; move(1); }
    return;
  }
  const inView = event.target.closest(".view, .scroll, .detail") && event.target !== detail;
  const next = (step) => { const at = visible.indexOf(chosen) + step; if (visible[at]) location.hash = `item-${visible[at].id}`; };
  const act = { "/": () => search.focus(), j: () => move(1), k: () => move(-1), n: () => next(1), p: () => next(-1), t: () => theme(), "?": () => help.showModal() }[event.key] ||
    (!inView && { ArrowDown: () => move(1), ArrowUp: () => move(-1) }[event.key]);
  if (!act) return;
  event.preventDefault();
  act();
});

const verdict = overall();
const cuts = [[data.cut.accepted, `${counted(data.cut.accepted, "accepted file")} with ${counted(data.cut.accepted_messages, "message")}: counted, not listed`], [data.cut.files, `${counted(data.cut.files, "file")} that are not plainly accepted: counted, not listed`],
  [data.cut.pictures, `charts of ${counted(data.cut.pictures, "pair")}`], [data.cut.counterexamples, `${counted(data.cut.counterexamples, "counterexample")} without a story`]].filter(([n]) => n);
fill(document.getElementById("app"), {}, [
  el("header", { class: `top ${tone(verdict.status)}` },
    el("div", { class: "verdict" }, el("span", { class: "big", "aria-hidden": "true" }, sign(verdict.status)), el("div", {}, el("h1", {}, verdict.word), el("p", {}, verdict.parts.join(" · ")))),
    el("div", { class: "right" }, button("◐", "Light or dark (t)", () => theme()), button("?", "Keys (?)", () => help.showModal()))),
  el("p", { class: "title" }, data.title, el("span", { class: "soft" }, ` · midcomms ${data.program}`)),
  data.version === 1 ? null : el("p", { class: "card bad" }, `The data is of version ${data.version}, which this page does not know.`),
  cuts.length ? el("p", { class: "note cut" }, `Left out of this page for its size: ${cuts.map(([, text]) => text).join("; ")}.`) : null,
  el("div", { class: "find" }, search, chips),
  el("main", { class: items.length < 2 ? "single" : "" }, el("nav", { "aria-label": "Items" }, list), detail), help]);
fillChips();
fillList();
addEventListener("hashchange", route);
addEventListener("popstate", route);
wide.addEventListener("change", route);
if (items.length === 1 && !location.hash) history.replaceState(null, "", "#item-0");
route();
