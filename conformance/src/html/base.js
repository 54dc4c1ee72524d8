// Elements, numbers and times. Everything from the data becomes text nodes and attributes, never markup.
const SVG = "http://www.w3.org/2000/svg";
const data = JSON.parse(document.getElementById("data").textContent);

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(3)) if (child !== null && child !== undefined && child !== false) node.append(child);
  return node;
}
const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const draw = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
const button = (name, label, act, attributes) =>
  el("button", { type: "button", "aria-label": label === name ? null : label, title: label, on: { click: act }, ...attributes }, name);

const grouped = (n) => String(n).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
const counted = (n, one, many) => `${grouped(n)} ${n === 1 ? one : many || one + "s"}`;
const rounded = (x, digits) => String(+x.toFixed(digits));

/** Nanoseconds as a length of time. */
function span(ns) {
  const a = Math.abs(ns);
  if (a < 1e3) return `${Math.round(a)} ns`;
  if (a < 1e6) return `${rounded(a / 1e3, a < 1e4 ? 1 : 0)} µs`;
  if (a < 1e9) return `${rounded(a / 1e6, a < 1e7 ? 2 : 1)} ms`;
  if (a < 6e11) return `${rounded(a / 1e9, a < 1e10 ? 2 : 1)} s`;
  return `${rounded(a / 6e10, 1)} min`;
}
const seconds = (s) => span(s * 1e9);
const offset = (ns) => (ns === 0 ? "0" : (ns < 0 ? "−" : "+") + span(ns));

/** So many nanoseconds after a second since the epoch, as UTC. */
function clock(base, ns, withDate) {
  const whole = Math.floor(ns / 1e9);
  const at = new Date((base + whole) * 1000);
  if (Number.isNaN(at.getTime())) return "?";
  const micros = String(Math.floor((ns - whole * 1e9) / 1e3)).padStart(6, "0");
  const iso = at.toISOString();
  return `${withDate ? iso.slice(0, 10) + " " : ""}${iso.slice(11, 19)}.${micros} UTC`;
}

/** Words of a text in lines of about so many letters. */
function lines(text, room) {
  const out = [""];
  for (const word of text.split(" ")) {
    const last = out.length - 1;
    if (out[last] && out[last].length + 1 + word.length > room) out.push(word);
    else out[last] += (out[last] ? " " : "") + word;
  }
  return out;
}

// What something came to: a sign, a word and a colour, so that none of them has to be seen alone.
const TONES = {
  rejected: ["✗", "bad"], unreadable: ["!", "bad"], failed: ["✗", "bad"], unusable: ["!", "bad"], unexpected: ["✗", "bad"],
  stalled: ["‖", "warn"], damaged: ["!", "warn"], inconclusive: ["?", "warn"], incomplete: ["?", "warn"], vacuous: ["–", "warn"],
  waived: ["~", "soft"], violated: ["✗", "soft"], "not checked": ["–", "soft"], overview: ["≡", "soft"], coverage: ["▦", "soft"],
  accepted: ["✓", "good"], good: ["✓", "good"], holds: ["✓", "good"],
};
const sign = (status) => (TONES[status] || ["·", "soft"])[0];
const tone = (status) => (TONES[status] || ["·", "soft"])[1];
const badge = (status, word) =>
  el("span", { class: `badge ${tone(status)}` }, el("span", { "aria-hidden": "true" }, sign(status)), word || status);

/** A table; cells are texts or nodes. */
function table(head, rows, attributes) {
  const cell = (tag) => (content) => el(tag, typeof content === "number" ? { class: "n" } : {}, typeof content === "number" ? grouped(content) : content);
  return el("div", { class: "scroll", tabindex: "0" },
    el("table", attributes || {},
      el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, rows.map((row) => el("tr", {}, row.map(cell("td")))))));
}

/**
 * A drawing that can be enlarged (buttons, + − 0, Ctrl and wheel, two fingers) and moved (drag, scroll). `redraw` gives
 * an svg element for a width; its size is in its viewBox.
 */
function zoomable(label, redraw, options = {}) {
  let zoom = 1, width = 0, svg = null;
  const shown = el("output", {});
  const view = el("div", { class: "view", tabindex: "0", role: "group", "aria-label": label });
  const stay = () => { const head = svg && svg.querySelector(".stays"); if (head) head.setAttribute("transform", `translate(0 ${view.scrollTop / zoom})`); };
  view.addEventListener("scroll", stay, { passive: true });
  const size = () => {
    const [, , w, h] = svg.getAttribute("viewBox").split(" ").map(Number);
    svg.setAttribute("width", w * zoom);
    svg.setAttribute("height", h * zoom);
    shown.textContent = `${Math.round(zoom * 100)} %`;
    stay();
  };
  const to = (next, x = view.clientWidth / 2, y = view.clientHeight / 2) => {
    const was = zoom;
    zoom = Math.min(6, Math.max(0.15, next));
    const [left, top] = [(view.scrollLeft + x) * (zoom / was) - x, (view.scrollTop + y) * (zoom / was) - y];
    size();
    view.scrollTo(left, top);
  };
  const fit = () => {
    const [, , w, h] = svg.getAttribute("viewBox").split(" ").map(Number);
    to(Math.min(view.clientWidth / w, view.clientHeight / h));
  };
  const paint = (force) => {
    const now = Math.floor(view.clientWidth);
    if (!now || (now === width && !force)) return;
    const first = !svg;
    width = now;
    svg = redraw(now);
    view.replaceChildren(svg);
    if (first && options.fitWidth) zoom = Math.max(0.5, Math.min(1, now / svg.viewBox.baseVal.width));
    size();
    if (first || force) requestAnimationFrame(centre);
  };
  const centre = () => {
    const y = svg && Number(svg.dataset.focus);
    if (y) view.scrollTo(0, y * zoom - view.clientHeight * 0.45);
  };
  view.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const box = view.getBoundingClientRect();
    to(zoom * Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });
  let held = null;
  view.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button === 0) held = [event.clientX, event.clientY, view.scrollLeft, view.scrollTop];
  });
  addEventListener("pointermove", (event) => {
    if (!held || !view.isConnected) return;
    view.classList.add("held");
    view.scrollTo(held[2] - event.clientX + held[0], held[3] - event.clientY + held[1]);
  });
  addEventListener("pointerup", () => { held = null; view.classList.remove("held"); });
  let pinch = null;
  const distance = ([a, b]) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
  view.addEventListener("touchstart", (event) => { pinch = event.touches.length === 2 ? [distance(event.touches), zoom] : null; }, { passive: true });
  view.addEventListener("touchmove", (event) => {
    if (!pinch || event.touches.length !== 2) return;
    event.preventDefault();
    const [a, b] = event.touches, box = view.getBoundingClientRect();
    to(pinch[1] * (distance(event.touches) / pinch[0]), (a.clientX + b.clientX) / 2 - box.left, (a.clientY + b.clientY) / 2 - box.top);
  }, { passive: false });
  view.addEventListener("keydown", (event) => {
    const act = { "+": () => to(zoom * 1.25), "=": () => to(zoom * 1.25), "-": () => to(zoom / 1.25), 0: () => to(1) }[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });
  new ResizeObserver(() => paint(false)).observe(view);
  const bar = el("div", { class: "tools" },
    button("−", "smaller (−)", () => to(zoom / 1.25)), shown, button("+", "larger (+)", () => to(zoom * 1.25)),
    button("1:1", "as drawn (0)", () => to(1)), button("whole", "the whole drawing", fit),
    options.focus ? button(options.focus, "show what this is about", () => { to(1); centre(); }) : null,
    options.tools || []);
  const node = el("div", { class: "drawing" }, bar, view);
  return { node, view, again: () => paint(true), reveal: (y) => {
    const top = y * zoom;
    if (top < view.scrollTop + 40) view.scrollTop = top - 60;
    else if (top > view.scrollTop + view.clientHeight - 60) view.scrollTop = top - view.clientHeight + 90;
  } };
}
