// The records of a pair over the whole trace: a lane of states for each node, and how far the numbers came each way.
function timeline(pair) {
  const picture = pair.picture;
  const names = pair.nodes.map((node) => (node.id ? `node ${node.id}` : node.address));
  const start = Math.min(...picture.states.map((lane) => (lane[0] ? lane[0].time : Infinity)));
  if (!Number.isFinite(start)) return el("p", {}, "No message of this pair was judged.");
  const length = Math.max(picture.end - start, 1);
  let stretch = 1;
  const view = el("div", { class: "view flat", tabindex: "0", role: "group", "aria-label": "Record states over time: scrolls sideways" });
  const shown = el("output", {}, "1 ×");
  const paint = () => view.clientWidth && view.replaceChildren(drawTimeline(pair, names, start, length, Math.max(view.clientWidth, 320) * stretch));
  const by = (factor) => {
    const middle = (view.scrollLeft + view.clientWidth / 2) / stretch;
    stretch = Math.min(64, Math.max(1, stretch * factor));
    shown.textContent = `${stretch} ×`;
    paint();
    view.scrollLeft = middle * stretch - view.clientWidth / 2;
  };
  let width = 0;
  new ResizeObserver(() => { if (view.clientWidth !== width) { width = view.clientWidth; paint(); } }).observe(view);
  const rows = picture.states.flatMap((lane, node) => lane.map((change) => [change.time, names[node], change.state, change.frame]));
  rows.push(...picture.links.map((link) => [link.time, names[link.by], { opened: "opens", found: "had opened", finished: "closes", reset: "resets" }[link.what] + ` c${link.conn}`, link.frame]));
  rows.sort((a, b) => a[0] - b[0] || a[3] - b[3]);
  const listed = el("details", {}, el("summary", {}, `The same as a table (${counted(rows.length, "row")})`));
  listed.addEventListener("toggle", () => listed.open && listed.children.length === 1 && listed.append(
    table(["time", "since the start", "node", "what", "frame"], rows.map(([time, who, what, frame]) => [clock(picture.base, time), offset(time - start), who, what, frame]))));
  const cut = [picture.states_cut && counted(picture.states_cut, "later change") + " of state", picture.links_cut && counted(picture.links_cut, "later change") + " of connections"].filter(Boolean);
  const states = [...new Set(picture.states.flat().map((change) => change.state))];
  return el("div", { class: "drawing" },
    el("div", { class: "tools" }, button("−", "less wide", () => by(0.5)), shown, button("+", "wider", () => by(2)),
      states.map((state) => el("span", { class: `chip-state ${stateClass(state)}` }, state))),
    view, el("div", { class: "legend" }, el("span", {}, "⚡ reset"), el("span", {}, "⊣ closed"), el("span", {}, "⊢ opened"), pair.stalls.length ? el("span", {}, "▨ stalled") : null, el("span", {}, "▲ used and not accepted")),
    cut.length ? el("p", { class: "note" }, `Not kept: ${cut.join(", ")}.`) : null, listed);
}

function ticks(length) {
  const raw = length / 6, power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((n) => n * power).find((step) => step >= raw);
}

function drawTimeline(pair, names, start, length, width) {
  const picture = pair.picture;
  const left = 62, right = width - 34, parts = [], over = [];
  const x = (time) => left + ((time - start) / length) * (right - left);
  const text = (at, y, cls, anchor, content) => draw("text", { x: at, y, class: cls, "text-anchor": anchor }, content);
  const second = (since) => (since - picture.base) * 1e9;
  let y = 26;
  const top = y;
  picture.states.forEach((lane, node) => {
    parts.push(text(left - 8, y + 19, "name", "end", names[node].length > 9 ? names[node].slice(0, 8) + "…" : names[node]));
    lane.forEach((change, index) => {
      const end = index + 1 < lane.length ? lane[index + 1].time : picture.end;
      const [x1, w] = [x(change.time), Math.max(x(end) - x(change.time), 1.5)];
      parts.push(draw("rect", { class: `band ${stateClass(change.state)}`, x: x1, y, width: w, height: 28 },
        draw("title", {}, `${names[node]}: ${change.state} for ${span(end - change.time)}, from frame ${change.frame}`)));
      if (w > change.state.length * 7 + 8) over.push(text(x1 + w / 2, y + 18, "instate", "middle", change.state));
    });
    y += 36;
  });
  const linkY = y + 8;
  const far = [-99, -99, -99];
  for (const link of picture.links) {
    const at = x(link.time), way = ["reset", "finished"].indexOf(link.what);
    parts.push(draw("path", { class: way === 0 ? "tick bad" : "tick", d: `M${at} ${way === 0 ? top : linkY - 10}V${linkY - 4}` }));
    if (at - far[way + 1] < 9) continue;
    far[way + 1] = at;
    parts.push(draw("text", { x: at, y: linkY + 8, class: way === 0 ? "bad" : "soft", "text-anchor": "middle" }, way === 0 ? "⚡" : way === 1 ? "⊣" : "⊢",
      draw("title", {}, `${names[link.by]} ${link.what === "reset" ? "resets" : link.what === "finished" ? "closes" : "opens"} c${link.conn}, frame ${link.frame}`)));
  }
  y = linkY + 22;
  const stalled = (stall) => [x(second(stall.since)), Math.min(x(second(stall.since) + stall.lasted * 1e9), right)];
  picture.progress.forEach((points, from) => {
    if (points.length < 2) return;
    const to = 1 - from, lastPoint = points[points.length - 1];
    const behind = (p) => Math.max(0, (p.sent - p.accepted) | 0);
    const most = Math.max(1, ...points.map((p) => p.sent)), worst = Math.max(8, ...points.map(behind));
    const high = 58, low = y + 16 + high;
    const line = (of, top) => "M" + points.map((p, i) => (i ? `H${x(p.time).toFixed(1)}V` : `${x(p.time).toFixed(1)} `) + (low - (of(p) / top) * high).toFixed(1)).join("") + `H${x(picture.end).toFixed(1)}`;
    const owed = behind(lastPoint);
    const words = `${names[from]} → ${names[to]}: ${names[from]} used numbers up to ${most}; at the end ${owed} are not accepted`;
    parts.push(draw("g", { class: "plot" }, draw("path", { class: "axis", d: `M${left} ${low}H${right}` }),
      draw("path", { class: "behind", d: `${line(behind, worst)}V${low}H${x(points[0].time).toFixed(1)}z` }), draw("path", { class: "sent", d: line((p) => p.sent, most) }),
      text(left - 8, low - high + 8, "soft", "end", grouped(most)), text(left - 8, low, "soft", "end", "0"), text(right + 6, low - (owed / worst) * high + 4, "bad", "start", owed ? grouped(owed) : ""),
      draw("text", { x: width < 560 ? 12 : left, y: y + 10 }, `${names[from]} → ${names[to]}: `, draw("tspan", { class: "sent" }, `used up to ${grouped(most)}`), owed ? draw("tspan", { class: "bad" }, `, ${grouped(owed)} not accepted`) : ", all accepted"),
      draw("title", {}, words)));
    y += high + 34;
  });
  for (const stall of pair.stalls) {
    const [x1, x2] = stalled(stall);
    parts.unshift(draw("rect", { class: "stalled", x: x1, y: top - 20, width: Math.max(x2 - x1, 2), height: y - top + 10 }, draw("title", {}, `Stalled for ${seconds(stall.lasted)}: waits for ${stall.seq}`)));
    parts.push(text(Math.min(Math.max(x1, left), right - 130), top - 7, "bad", "start", `waits for ${stall.seq}, ${seconds(stall.lasted)}`));
  }
  if (pair.rejection) {
    const at = x(second(pair.rejection.time));
    if (right - at > 2) parts.push(draw("rect", { class: "unjudged", x: at, y: top, width: right - at, height: 66 }, draw("title", {}, "Not judged: it follows the rejection")));
    parts.push(draw("path", { class: "tick bad", d: `M${at} ${top - 6}V${y - 8}` }), text(Math.min(Math.max(at, left + 30), right - 30), top - 10, "bad", "middle", "✗ rejected"));
  }
  const step = ticks(length);
  for (let n = 0; n <= Math.min(400, length / step); n++) {
    const at = left + ((n * step) / length) * (right - left);
    parts.push(draw("path", { class: "axis", d: `M${at} ${y - 6}v5` }), text(Math.min(at, right - 14), y + 10, "soft", "middle", n ? span(n * step) : "0"));
  }
  return draw("svg", { viewBox: `0 0 ${width} ${y + 18}`, width, height: y + 18, class: "timeline", role: "img" }, draw("title", {}, `Records of ${names.join(" and ")} over ${span(length)}`), parts, over);
}
