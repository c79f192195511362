"use strict";
// The table of rows: sorted, filtered and paged here, from the data that the page holds. All text is put in as
// text, never as markup.
(() => {
  const { data, view } = JSON.parse(document.getElementById("data").textContent);
  const PAGE = 50; // lines of the table shown at a time
  const byName = new Map(data.columns.map((column) => [column.name, column]));
  const filled = data.columns.filter((column) => column.values || column.codes);
  const all = Array.from({ length: data.number }, (_, row) => row);
  const element = (id) => document.getElementById(id);

  let shown = filled.map((column) => column.name).filter((name) => view.shown.includes(name));
  shown.sort((a, b) => view.shown.indexOf(a) - view.shown.indexOf(b));
  let rows = all;
  let first = 0;
  let sorted = { name: null, down: false };

  // The value of a column in a row: a number, a text, a list, or null.
  function value(column, row) {
    if (column.values) return column.values[row];
    if (!column.codes || column.codes[row] === null) return null;
    return column.levels[column.codes[row]];
  }

  // As in the tables above: the digits of the metric, else two or three that mean something.
  function number(name, found) {
    if (typeof found === "string" || !Number.isFinite(found)) return String(found);
    if (name in view.digits) return found.toFixed(view.digits[name]);
    if (Number.isInteger(found) || found === 0) return String(found);
    if (Math.abs(found) >= 100) return found.toFixed(0);
    return String(Number(found.toPrecision(Math.abs(found) < 1 ? 2 : 3)));
  }

  // A command is kept once for a cell, without the number of the observation at its end.
  function command(row) {
    const found = byName.get(view.command).levels[byName.get(view.command).codes[row]];
    return found.startsWith("scorebench time ") ? found : `${found} -o ${byName.get("num_observation").values[row]}`;
  }

  function text(column, row) {
    if (column.name === view.command) return command(row);
    const found = value(column, row);
    if (found === null) return "–";
    if (column.kind === "number") return number(column.name, found);
    return Array.isArray(found) ? found.join(", ") : found;
  }

  function make(tag, properties = {}, ...children) {
    const made = document.createElement(tag);
    for (const [key, setting] of Object.entries(properties)) {
      if (key.includes("-") || key === "scope" || key === "role") made.setAttribute(key, setting);
      else made[key] = setting;
    }
    made.append(...children);
    return made;
  }

  // Sorting: a number for each row by which it is sorted; rows without a value come last in both directions.
  function keys(column) {
    if (column.kind === "number") return column.values.map((one) => (one === null ? null : Number(one)));
    const order = column.levels.map((level, place) => [String(level), place]);
    order.sort((a, b) => a[0].localeCompare(b[0], undefined, { numeric: true }));
    const rank = [];
    order.forEach(([, place], position) => { rank[place] = position; });
    return column.codes.map((code) => (code === null ? null : rank[code]));
  }

  function sort() {
    if (sorted.name === null) return;
    const key = keys(byName.get(sorted.name));
    const sign = sorted.down ? -1 : 1;
    rows = rows.slice().sort((a, b) => {
      if (key[a] === key[b]) return a - b;
      if (key[a] === null) return 1;
      if (key[b] === null) return -1;
      return sign * (key[a] - key[b]);
    });
  }

  // Filters: one choice for each of these columns, and words that must all be in some text of the row.
  const choices = [
    ["filter-task", "task"],
    ["filter-method", view.label],
    ["filter-simulations", "num_simulations"],
    ["filter-status", "status"],
  ];

  function fill(id, options) {
    element(id).replaceChildren(...options.map(([label, setting]) => new Option(label, setting)));
  }

  function options(column) {
    if (!column.values && !column.codes) return [];
    if (column.levels) return column.levels.map((level, code) => [level, String(code)]);
    return [...new Set(column.values)].sort((a, b) => a - b).map((one) => [String(one), String(one)]);
  }

  function filter() {
    let kept = all;
    for (const [id, name] of choices) {
      const chosen = element(id).value;
      const column = byName.get(name);
      if (chosen !== "") kept = kept.filter((row) => String((column.codes || column.values)[row]) === chosen);
    }
    const newest = byName.get(view.newest).values;
    const wanted = element("filter-newest").value;
    if (wanted !== "") kept = kept.filter((row) => String(newest[row]) === wanted);
    for (const word of element("search").value.toLowerCase().split(/\s+/).filter(Boolean)) {
      const found = filled.filter((column) => column.kind === "text").map((column) => [
        column.codes, column.levels.map((level) => level.toLowerCase().includes(word)),
      ]);
      kept = kept.filter((row) => found.some(([codes, match]) => codes[row] !== null && match[codes[row]]));
    }
    rows = kept;
    first = 0;
    sort();
    draw();
  }

  // The line below a row: its command, its error, and all of its columns.
  function detail(row, id) {
    const inside = make("div");
    const code = make("code", { textContent: command(row) });
    const copy = make("button", { type: "button", textContent: "Copy command" });
    copy.addEventListener("click", () => {
      const done = () => { copy.textContent = "Copied"; };
      if (navigator.clipboard) navigator.clipboard.writeText(command(row)).then(done, () => getSelection().selectAllChildren(code));
      else getSelection().selectAllChildren(code);
    });
    inside.append(make("div", { className: "command" }, code, copy));
    const error = value(byName.get("error"), row);
    if (error) inside.append(make("pre", { textContent: error }));
    const facts = make("dl", { className: "facts" });
    for (const column of filled) {
      if (value(column, row) === null || [view.command, view.newest, "error"].includes(column.name)) continue;
      const found = column.kind === "number" ? String(value(column, row)) : text(column, row);
      if (found === "") continue;
      facts.append(make("div", {}, make("dt", { textContent: column.name }), make("dd", { textContent: found })));
    }
    inside.append(facts);
    return make("tr", { id }, make("td", { className: "detail", colSpan: shown.length + 1 }, inside));
  }

  function line(row) {
    const id = `detail-${row}`;
    const names = [byName.get("task"), byName.get(view.label)].map((column) => text(column, row)).join(" ");
    const button = make("button", { type: "button", textContent: "+", "aria-expanded": "false" });
    button.setAttribute("aria-label", `Command and columns of row ${row + 1}, ${names}`);
    const made = make("tr", {}, make("td", {}, button));
    for (const name of shown) {
      const column = byName.get(name);
      const head = name === "task";
      const cell = make(head ? "th" : "td", { textContent: text(column, row) });
      if (head) cell.scope = "row";
      if (column.kind === "number") cell.className = "number";
      made.append(cell);
    }
    const status = value(byName.get("status"), row);
    if (status !== "ok") made.className = "bad";
    button.addEventListener("click", () => {
      const open = button.getAttribute("aria-expanded") === "true";
      if (open) element(id).remove();
      else made.after(detail(row, id));
      button.setAttribute("aria-expanded", String(!open));
      button.textContent = open ? "+" : "−";
    });
    return made;
  }

  function drawHead() {
    const heads = shown.map((name) => {
      const numeric = byName.get(name).kind === "number";
      const button = make("button", { type: "button", textContent: name });
      const head = make("th", { scope: "col", className: numeric ? "number" : "" }, button);
      if (sorted.name === name) head.setAttribute("aria-sort", sorted.down ? "descending" : "ascending");
      button.addEventListener("click", () => {
        sorted = { name, down: sorted.name === name && !sorted.down };
        first = 0;
        sort();
        draw();
        document.querySelectorAll("#rows-table thead button")[shown.indexOf(name)].focus();
      });
      return head;
    });
    document.querySelector("#rows-table thead tr").replaceChildren(make("th", { scope: "col", textContent: "Row" }), ...heads);
  }

  function draw() {
    drawHead();
    const page = rows.slice(first, first + PAGE);
    document.querySelector("#rows-table tbody").replaceChildren(...page.map(line));
    const range = rows.length ? `Rows ${first + 1} to ${first + page.length} of ${rows.length}` : "No row fits the filters";
    element("range").textContent = rows.length < data.number ? `${range} (${data.number} in all)` : range;
    element("previous").disabled = first === 0;
    element("next").disabled = first + PAGE >= rows.length;
    element("download-shown").disabled = rows.length === 0;
  }

  function csv(some) {
    const quoted = (one) => (/[",\r\n]/.test(one) ? `"${one.replaceAll('"', '""')}"` : one);
    const plain = (one) => (one === null ? "" : Array.isArray(one) ? one.join(" ") : String(one));
    const field = (column, row) => (column.name === view.command ? command(row) : plain(value(column, row)));
    const lines = some.map((row) => filled.map((column) => quoted(field(column, row))).join(","));
    return `${[filled.map((column) => quoted(column.name)).join(","), ...lines].join("\r\n")}\r\n`;
  }

  function download(some) {
    const address = URL.createObjectURL(new Blob([csv(some)], { type: "text/csv;charset=utf-8" }));
    make("a", { href: address, download: "rows.csv" }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  }

  for (const [id, name] of choices) fill(id, [["all", ""], ...options(byName.get(name))]);
  fill("filter-newest", [["all", ""], ["newest", "1"], ["older", "0"]]);
  element("versions").hidden = !byName.get(view.newest).values.includes(0);
  for (const column of filled) {
    const box = make("input", { type: "checkbox", checked: shown.includes(column.name) });
    box.addEventListener("change", () => {
      shown = box.checked ? [...shown, column.name] : shown.filter((name) => name !== column.name);
      draw();
    });
    element("columns").append(make("label", {}, box, ` ${column.name}`));
  }
  element("search").addEventListener("input", filter);
  for (const one of document.querySelectorAll("#filters select")) one.addEventListener("change", filter);
  element("filters").addEventListener("submit", (event) => event.preventDefault());
  element("filters").addEventListener("reset", () => setTimeout(filter));
  element("previous").addEventListener("click", () => { first = Math.max(0, first - PAGE); draw(); });
  element("next").addEventListener("click", () => { first += PAGE; draw(); });
  element("download-all").addEventListener("click", () => download(all));
  element("download-shown").addEventListener("click", () => download(rows));

  // On paper, everything that is folded up is open.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open], .columns)")];
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => { for (const one of opened) one.open = false; });
  draw();
})();
