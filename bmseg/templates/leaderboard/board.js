"use strict";
// Tables that sort by their headings; the board's filter, its ranking without simulated submissions, and two of them
// compared. No rank and no verdict is made here: all were when the page was, and are only put in place. Without it the pages
// read as well, unsorted.

// From disk, the bar with the other pages of the workspace that the board lies in; a site on a web host has none.
if (document.body.dataset.pages && location.protocol === "file:") {
  const list = document.createElement("script");
  list.src = document.body.dataset.pages;
  document.head.append(list);
}

// The number behind a cell, else its text; null where the cell is empty.
function keyOf(row, column) {
  const cell = row.cells[column];
  const data = cell.querySelector("data");
  if (data) return Number(data.value);
  const text = cell.textContent.trim();
  return text === "" || text === "\u2013" ? null : text;
}

// Numbers before words, and what is not there last whichever the direction.
function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return sign * (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true, sensitivity: "base" }));
}

function show(body, rows) {
  const all = document.createDocumentFragment();
  rows.forEach((row) => all.append(row));
  body.append(all);
}

function unmark(table) {
  table.querySelectorAll("th[aria-sort]").forEach((heading) => heading.removeAttribute("aria-sort"));
}

// Headings become buttons: first the way that is asked for most, then the other way.
function makeSortable(table, changed = () => {}) {
  const body = table.tBodies[0];
  let given = Array.from(body.rows);
  const headings = Array.from(table.tHead.rows[0].cells);
  const sort = (heading, way) => {
    const sign = way === "ascending" ? 1 : -1;
    const keyed = given.map((row) => [keyOf(row, heading.cellIndex), row]);
    keyed.sort((a, b) => compare(a[0], b[0], sign));
    show(body, keyed.map((pair) => pair[1]));
    unmark(table);
    heading.setAttribute("aria-sort", way);
  };
  headings.forEach((heading) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const first = heading.dataset.first;
      const other = first === "ascending" ? "descending" : "ascending";
      const way = heading.getAttribute("aria-sort") === first ? other : first;
      sort(heading, way);
      changed(heading.dataset.name, way);
    });
  });
  return {
    sort(name, way) {
      const heading = headings.find((one) => one.dataset.name === name);
      if (heading) sort(heading, way === "descending" ? way : "ascending");
    },
    restore() {
      show(body, given);
      unmark(table);
    },
    reorder(rows) {
      given = rows;
    },
  };
}

// What the address says of the page: its sorting, its filter, what is compared.
const NAMES = ["sort", "filter", "show", "simulated", "compare", "by"];

function inAddress() {
  const found = new URLSearchParams(location.search);
  return Object.fromEntries(NAMES.map((name) => [name, found.get(name) || ""]));
}

// A step that "back" takes back, or, while somebody types, none of its own.
function remember(state, isStep) {
  const said = new URLSearchParams();
  NAMES.forEach((name) => state[name] && said.set(name, state[name]));
  const query = said.toString();
  const address = location.pathname + (query ? `?${query}` : "") + location.hash;
  if (address === location.pathname + location.search + location.hash) return;
  history[isStep ? "pushState" : "replaceState"](null, "", address);
}

function dataOf(value, text) {
  if (value === "") return document.createTextNode(text);
  const data = document.createElement("data");
  data.value = value;
  data.textContent = text;
  return data;
}

// Rank, tie group and mean rank of a line, as they are with all submissions and without the simulated ones.
function switched(row) {
  const cells = [0, 2, 3].map((column) => row.cells[column]);
  const all = cells.map((cell) => Array.from(cell.childNodes));
  const [rank, rankText, mean, meanText, order, letters] = (row.dataset.alone || "").split("|");
  return (isAlone) => {
    if (row.dataset.kind !== "submission" || !row.dataset.alone) return;
    const alone = [[dataOf(rank, rankText)], [dataOf(order, letters)], [dataOf(mean, meanText)]];
    cells.forEach((cell, place) => cell.replaceChildren(...(isAlone ? alone : all)[place]));
  };
}

function makeBoard(form, table) {
  const rows = Array.from(table.tBodies[0].rows);
  const names = new Map(rows.map((row) => [row, `${row.querySelector("th").textContent} ${row.dataset.name || ""}`.toLowerCase()]));
  const turns = rows.map(switched);
  const said = form.querySelector("[role=status]");
  const fields = form.elements;
  let sorted = "";
  const isAlone = () => Boolean(fields.alone && fields.alone.checked);
  const pair = makePair(isAlone, (isStep) => keep(isStep));
  const sortable = makeSortable(table, (name, way) => {
    sorted = `${name}.${way}`;
    keep(true);
  });
  const keep = (isStep) => remember({
    sort: sorted, filter: fields.text.value.trim(), show: fields.kind.value,
    simulated: isAlone() ? "out" : "", ...pair.state(),
  }, isStep);
  const filter = () => {
    const text = fields.text.value.trim().toLowerCase();
    const kinds = fields.kind.value.split(" ").filter(Boolean);
    let count = 0;
    rows.forEach((row) => {
      const stands = !isAlone() || row.dataset.alone;
      const fits = stands && names.get(row).includes(text) && (!kinds.length || kinds.includes(row.dataset.kind));
      row.hidden = !fits;
      count += fits ? 1 : 0;
    });
    said.textContent = `${count} of ${rows.length} lines shown`;
  };
  const place = () => {
    turns.forEach((turn) => turn(isAlone()));
    const last = (row) => Number((row.dataset.alone || `|${rows.length}`).split("|").pop());
    sortable.reorder(isAlone() ? [...rows].sort((a, b) => last(a) - last(b)) : rows);
    sortable.restore();
    if (sorted) sortable.sort(...parted(sorted));
    document.querySelectorAll("[data-set]").forEach((part) => {
      part.hidden = (part.dataset.set === "alone") !== isAlone();
    });
    filter();
    pair.draw();
  };
  const read = () => {
    const state = inAddress();
    sorted = state.sort;
    fields.text.value = state.filter;
    fields.kind.value = state.show;
    if (fields.kind.selectedIndex < 0) fields.kind.value = "";
    if (fields.alone) fields.alone.checked = state.simulated === "out";
    pair.read(state);
    place();
  };
  form.addEventListener("input", (event) => {
    if (event.target === fields.alone) place();
    else filter();
    keep(event.target !== fields.text);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  // Not a button of type "reset": its event comes before the fields are empty.
  form.querySelector("[data-restore]").addEventListener("click", () => {
    form.reset();
    sorted = "";
    place();
    keep(true);
  });
  form.hidden = false;
  window.addEventListener("popstate", read);
  read();
}

// The column's name may have points of its own.
function parted(sorted) {
  const place = sorted.lastIndexOf(".");
  return [sorted.slice(0, place), sorted.slice(place + 1)];
}

// What files of submissions hand over, by name of the page.
const compared = new Map();
window.bmsegCompare = (name, data) => compared.set(name, data);

function asked(name) {
  if (compared.has(name)) return Promise.resolve(compared.get(name));
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `compare/${name}.js`;
    script.addEventListener("load", () => (compared.has(name) ? resolve(compared.get(name)) : reject()));
    script.addEventListener("error", reject);
    document.head.append(script);
  });
}

const shown = (value) => value.toFixed(2).replace("-", "\u2212");
const signed = (value) => (value > 0 ? "+" : "") + value.toFixed(3).replace("-", "\u2212");

function inCell(score) {
  if (score === null) return document.createTextNode("undefined");
  if (typeof score === "string") return dataOf(score, `missing (${score})`);
  return dataOf(score, shown(score));
}

// A difference beside the line of none.
function stripOf(difference, largest) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "strip");
  svg.setAttribute("viewBox", "0 0 100 10");
  svg.setAttribute("aria-hidden", "true");
  const end = 50 + (largest ? (48 * difference) / largest : 0);
  for (const [name, path] of [["zero", "M50 0V10"], ["apart", `M50 5H${end.toFixed(1)}`]]) {
    const drawn = document.createElementNS("http://www.w3.org/2000/svg", "path");
    drawn.setAttribute("class", name);
    drawn.setAttribute("d", path);
    svg.append(drawn);
  }
  return svg;
}

// What the ranking's own tests say of two submissions.
function verdictOf(names, tests, places, task, tasks) {
  const p = [tests[0].p[task], tests[1].p[task]];
  if (!p[0] || p[0][places[1]] === "") return "There is no test of this pair: one exam says nothing of others.";
  const values = [p[0][places[1]], p[1][places[0]]].map((one) => (one.startsWith("<") ? `p\u00a0${one}` : `p\u00a0=\u00a0${one}`));
  const better = [0, 1].find((one) => tests[one].clear[task].includes(places[1 - one]));
  if (better === undefined) {
    return `Could be chance: no clear difference (${values[0]} that ${names[0]} is better, ${values[1]} that ${names[1]} is; ` +
      "adjusted). That is no proof that they are equal.";
  }
  const [first, other, own] = [names[better], names[1 - better], tests[better]];
  const unsettled = `Not settled: exam by exam ${first} is clearly better (${values[better]}, adjusted), yet`;
  if (own.against[task].includes(places[1 - better])) return `${unsettled} its rank is no better.`;
  const but = task === "overall" ? own.but[places[1 - better]] : undefined;
  const shownAs = (name) => (Array.from(tasks).find((option) => option.value === name) || { textContent: name }).textContent;
  if (but) return `${unsettled} ${other} has the better rank in ${but.map(shownAs).join(", ")}.`;
  return `Clear: ${first} is better than ${other} (${values[better]}, adjusted).`;
}

// Two submissions, chosen in a form; their files are read when they are asked for.
function makePair(isAlone, changed) {
  const form = document.querySelector("form[data-compare]");
  if (!form) return { state: () => ({}), read() {}, draw() {} };
  const { first, second, task } = form.elements;
  second.append(...Array.from(first.options, (option) => option.cloneNode(true)));
  const said = document.querySelector(".pair");
  const table = document.querySelector("#pair");
  const rows = Array.from(table.tBodies[0].rows);
  const sortable = makeSortable(table);
  let given = false; // whether the address names a pair
  let last = 0;
  const allowed = (option) => option && !(isAlone() && "simulated" in option.dataset);
  const choose = (list, name, other) => {
    const options = Array.from(list.options);
    const wanted = options.find((option) => option.value === name);
    const free = options.filter((option) => allowed(option) && option.value !== other);
    const chosen = allowed(wanted) ? wanted : free[0];
    if (chosen) list.value = chosen.value;
  };
  const draw = () => {
    for (const list of [first, second]) {
      Array.from(list.options).forEach((option) => { option.disabled = !allowed(option); });
      choose(list, list.value, list === first ? second.value : first.value);
    }
    const names = [first, second].map((list) => list.selectedOptions[0].textContent);
    const mine = ++last;
    Promise.all([asked(first.value), asked(second.value)]).then((data) => {
      if (mine === last) fill(names, data);
    }, () => { said.textContent = "The numbers of these submissions could not be read: the folder of this page is not whole."; });
  };
  const fill = (names, data) => {
    const by = task.value;
    const places = [first.selectedIndex, second.selectedIndex];
    const tests = data.map((one) => (isAlone() ? one.alone : one.tests));
    table.tHead.rows[0].querySelectorAll("button").forEach((button, place) => {
      if (place === 1 || place === 2) button.textContent = names[place - 1];
    });
    const scores = data.map((one) => one.scores[by]);
    table.closest(".scroll").hidden = !scores[0];
    if (names[0] === names[1]) {
      said.textContent = "These are the same submission: choose another.";
    } else if (!tests[0] || !tests[1]) {
      said.textContent = "There is no test of this pair.";
    } else {
      said.textContent = verdictOf(names, tests, places, by, task.options);
    }
    if (!scores[0]) {
      said.textContent += " An exam has no score over tasks of unlike measures: choose one task to see its exams.";
      return;
    }
    const way = "lower" in task.selectedOptions[0].dataset ? -1 : 1;
    const apart = rows.map((row, exam) => {
      const pair = scores.map((one) => one[exam]);
      return pair.includes(null) ? null : Number(pair[0]) - Number(pair[1]);
    });
    const known = apart.filter((one) => one !== null);
    const largest = Math.max(0, ...known.map(Math.abs));
    rows.forEach((row, exam) => {
      row.cells[1].replaceChildren(inCell(scores[0][exam]));
      row.cells[2].replaceChildren(inCell(scores[1][exam]));
      const difference = apart[exam];
      if (difference === null) row.cells[3].replaceChildren("\u2013");
      else row.cells[3].replaceChildren(dataOf(difference, signed(difference)), stripOf(difference, largest));
    });
    sortable.restore();
    const ahead = known.filter((one) => way * one > 1e-9).length;
    const behind = known.filter((one) => way * one < -1e-9).length;
    const left = apart.length - known.length;
    said.textContent += ` Of ${known.length} exams the first is better in ${ahead}, the second in ${behind}` +
      (known.length - ahead - behind ? `, and ${known.length - ahead - behind} are equal` : "") +
      (left ? `; ${left} left out, where a score is undefined` : "") + ".";
  };
  form.addEventListener("input", () => {
    given = true;
    draw();
    changed(true);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  return {
    state: () => (given ? {
      compare: `${first.value},${second.value}`, by: task.selectedIndex ? task.value : "",
    } : {}),
    read(state) {
      const [one = "", other = ""] = state.compare.split(",");
      given = Boolean(state.compare);
      first.selectedIndex = 0;
      choose(first, one, "");
      second.selectedIndex = 0;
      choose(second, other, first.value);
      if (second.value === first.value) choose(second, "", first.value);
      task.value = state.by;
      if (task.selectedIndex < 0) task.selectedIndex = 0;
    },
    draw,
  };
}

// A region takes the focus only where there is something to scroll.
function mindScrolling() {
  document.querySelectorAll(".scroll, .plate").forEach((region) => {
    const isLarger = region.scrollWidth > region.clientWidth || region.scrollHeight > region.clientHeight;
    if (isLarger) region.tabIndex = 0;
    else region.removeAttribute("tabindex");
  });
}

document.querySelectorAll("[data-scripted]").forEach((part) => { part.hidden = false; });
document.querySelectorAll("table[data-sortable]").forEach((table) => {
  const form = table.id && document.querySelector(`form[data-filter="${table.id}"]`);
  if (form) makeBoard(form, table);
  else if (table.id !== "pair") makeSortable(table);
});
mindScrolling();
window.addEventListener("resize", mindScrolling);
window.addEventListener("load", mindScrolling);
