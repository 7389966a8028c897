"use strict";
// The heat map of every exam as tables, whose cells lead to the exam with the submission on its worst slice. The scores are those of
// the figure, which stands in their place where there is no script.

// Viridis, as in the figure, at equal steps.
const STEPS = ["440154", "482878", "3e4a89", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725"]
  .map((code) => [0, 2, 4].map((place) => parseInt(code.slice(place, place + 2), 16)));

function colorOf(share) {
  const place = Math.min(Math.max(share, 0), 1) * (STEPS.length - 1);
  const low = Math.min(Math.floor(place), STEPS.length - 2);
  return STEPS[low].map((one, part) => Math.round(one + (place - low) * (STEPS[low + 1][part] - one)));
}

// Black or white, whichever is easier to read on a colour (WCAG's relative luminance).
function inkOn(color) {
  const [red, green, blue] = color.map((one) => (one / 255 <= 0.04045 ? one / 255 / 12.92 : ((one / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000" : "#fff";
}

function made(name, text, attributes = {}) {
  const one = document.createElement(name);
  one.textContent = text;
  Object.entries(attributes).forEach(([key, value]) => one.setAttribute(key, value));
  return one;
}

function cellOf(data, row, level, exam, printed) {
  const dice = row.dice[level][exam];
  const [name, address] = data.exams[exam];
  const words = dice === null ? "undefined" : dice === "x" ? "no mask" : (dice / 100).toFixed(2);
  const about = `${row.called}, ${name}, ${data.levels[level][1]}: ${words}`;
  const text = dice === null ? "\u2022" : dice === "x" ? "\u00d7" : printed ? words : "";
  const cell = made("td", "", { title: about });
  if (typeof dice === "number") {
    const color = colorOf(dice / 100);
    cell.style.background = `rgb(${color})`;
    cell.style.color = inkOn(color);
  }
  if (address && row.rater && dice !== "x" && !row.unseen.includes(exam)) {
    const [rater, of] = [row.rater, data.levels[level][0]].map(encodeURIComponent);
    cell.append(made("a", text, { href: `${address}&rater=${rater}&level=${of}`, tabindex: "-1", "aria-label": about }));
  } else {
    cell.textContent = text;
  }
  return cell;
}

function tableOf(data, level, longest) {
  const table = document.createElement("table");
  table.append(made("caption", ""));
  table.caption.append(made("span", data.levels[level][1]));
  // Many exams have cells without a number, and their names turned.
  const [printed, turned] = [data.exams.length <= 20, longest * data.exams.length > 110];
  table.style.setProperty("--exams", data.exams.length);
  table.style.setProperty("--least", `${turned ? (printed ? 2.3 : 0.85) : Math.max(2.3, 0.5 * longest)}rem`);
  const heads = table.createTHead().insertRow();
  heads.append(made("td", ""));
  data.exams.forEach(([name]) => {
    const head = made("th", "", { scope: "col" });
    head.append(made("span", name, turned ? { class: "turned" } : {}));
    heads.append(head);
  });
  const body = table.createTBody();
  data.rows.forEach((row) => {
    const line = body.insertRow();
    line.append(made("th", row.called, { scope: "row", title: row.called }));
    data.exams.forEach((_, exam) => line.append(cellOf(data, row, level, exam, printed)));
  });
  const first = table.querySelector("a");
  if (first) first.tabIndex = 0;
  table.addEventListener("keydown", walk);
  return table;
}

// One stop for the tabulator a table; arrows go from cell to cell that leads somewhere.
function walk(event) {
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  const from = event.target.closest("td");
  if (!step || !from) return;
  event.preventDefault();
  const rows = this.tBodies[0].rows;
  let [row, column] = [from.parentElement.sectionRowIndex, from.cellIndex];
  let link = null;
  do {
    row += step[0];
    column += step[1];
    const cell = rows[row] && rows[row].cells[column];
    if (!cell) return;
    link = cell.querySelector("a");
  } while (!link);
  event.target.tabIndex = -1;
  link.tabIndex = 0;
  link.focus();
}

function makeHeat(source) {
  const data = JSON.parse(source.textContent);
  const figure = source.closest("figure");
  const place = figure.querySelector(".heat");
  const longest = Math.max(...data.exams.map(([name]) => name.length));
  const key = made("p", "Dice 0", { class: "note" });
  const bar = made("i", "", { "aria-hidden": "true" });
  bar.style.background = `linear-gradient(to right, ${STEPS.map((one) => `rgb(${one})`).join(", ")})`;
  key.append(bar, "1; \u2022 undefined, \u00d7 no mask. A cell leads to its exam, with the submission, on the slice with most errors; arrow keys go from cell to cell.");
  place.replaceChildren(key, ...data.levels.map((_, level) => tableOf(data, level, longest)));
  place.hidden = false;
  figure.classList.add("heat-made");
}

document.querySelectorAll("script[data-heat]").forEach(makeHeat);
