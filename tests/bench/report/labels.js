// Faults that axe-core names, too: controls without a name, headings that skip a level, headers without scope.
const bad = [];
const all = (selector) => [...document.querySelectorAll(selector)];
if (document.documentElement.lang !== "en") bad.push("no lang");
if (!document.title) bad.push("no title");
for (const tag of ["main", "h1"]) if (all(tag).length !== 1) bad.push(`not one ${tag}`);
for (const one of all("button, input, select, [role=region], svg, table, nav, form")) {
  const labels = [...(one.labels || [])].map((label) => label.textContent).join("");
  const own = one.tagName === "BUTTON" ? one.textContent : "";
  const named = (one.getAttribute("aria-label") || labels || own).trim();
  if (!named) bad.push(`${one.tagName} ${one.id} has no name`);
}
for (const one of all("th")) if (!one.scope) bad.push(`th ${one.textContent} has no scope`);
for (const one of all("thead th")) if (!one.textContent.trim()) bad.push("a heading of a table is empty");
let level = 0;
for (const one of all("h1, h2, h3, h4, h5, h6")) {
  const here = Number(one.tagName[1]);
  if (here > level + 1) bad.push(`${one.textContent}: h${here} follows h${level}`);
  level = here;
}
const ids = all("[id]").map((one) => one.id);
if (new Set(ids).size !== ids.length) bad.push("an id stands twice");
for (const one of all("a[href^='#']"))
  if (!ids.includes(one.getAttribute("href").slice(1))) bad.push(`${one.href} leads nowhere`);
for (const one of all("[aria-labelledby]"))
  if (!ids.includes(one.getAttribute("aria-labelledby"))) bad.push("aria-labelledby leads nowhere");
return bad;
