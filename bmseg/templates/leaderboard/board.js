"use strict";
// Tables that sort by their headings, and a filter over the board. Without it the pages read as well, unsorted.

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
function makeSortable(table) {
  const body = table.tBodies[0];
  const given = Array.from(body.rows);
  const headings = Array.from(table.tHead.rows[0].cells);
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const first = heading.dataset.first;
      const other = first === "ascending" ? "descending" : "ascending";
      const way = heading.getAttribute("aria-sort") === first ? other : first;
      const sign = way === "ascending" ? 1 : -1;
      const keyed = given.map((row) => [keyOf(row, column), row]);
      keyed.sort((a, b) => compare(a[0], b[0], sign));
      show(body, keyed.map((pair) => pair[1]));
      unmark(table);
      heading.setAttribute("aria-sort", way);
    });
  });
  return () => {
    show(body, given);
    unmark(table);
  };
}

function makeFilter(form, table, restore) {
  const rows = Array.from(table.tBodies[0].rows);
  const names = new Map(rows.map((row) => [row, row.querySelector("th").textContent.toLowerCase()]));
  const said = form.querySelector("[role=status]");
  const filter = () => {
    const text = form.elements.text.value.trim().toLowerCase();
    const kinds = form.elements.kind.value.split(" ").filter(Boolean);
    let count = 0;
    rows.forEach((row) => {
      const fits = names.get(row).includes(text) && (!kinds.length || kinds.includes(row.dataset.kind));
      row.hidden = !fits;
      count += fits;
    });
    said.textContent = `${count} of ${rows.length} lines shown`;
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => {
    restore();
    setTimeout(filter); // once the fields are empty
  });
  form.hidden = false;
  filter();
}

// A region takes the focus only where there is something to scroll.
function mindScrolling() {
  document.querySelectorAll(".scroll, .plate").forEach((region) => {
    const isLarger = region.scrollWidth > region.clientWidth || region.scrollHeight > region.clientHeight;
    if (isLarger) region.tabIndex = 0;
    else region.removeAttribute("tabindex");
  });
}

document.querySelectorAll("table[data-sortable]").forEach((table) => {
  const restore = makeSortable(table);
  const form = table.id && document.querySelector(`form[data-filter="${table.id}"]`);
  if (form) makeFilter(form, table, restore);
});
mindScrolling();
window.addEventListener("resize", mindScrolling);
window.addEventListener("load", mindScrolling);
