// Sorting and filtering of tables. Without it every page shows all rows in the board's own order.
"use strict";

const number = (text) => parseFloat(text.replace("−", "-"));

function sortBy(table, column, down) {
  for (const body of table.tBodies) {
    const rows = [...body.rows].filter((row) => !row.classList.contains("section"));
    const keys = new Map(rows.map((row) => [row, row.cells[column].textContent.trim()]));
    const numeric = rows.every((row) => keys.get(row) === "—" || !Number.isNaN(number(keys.get(row))));
    rows.sort((one, other) => {
      const [a, b] = [keys.get(one), keys.get(other)];
      if ((a === "—") !== (b === "—")) return a === "—" ? 1 : -1; // what is not known comes last
      const found = numeric && a !== "—" ? number(a) - number(b) : a.localeCompare(b, "en");
      return down ? -found : found;
    });
    body.append(...rows);
  }
}

function makeSortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    if (head.tagName !== "TH") return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const down = before ? before === "ascending" : head.dataset.first === "down";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      sortBy(table, column, down);
    });
  });
}

function filterRows(form, table) {
  const wanted = [...form.elements].filter((element) => element.name && element.name !== "text" && element.value);
  const text = (form.elements.text ? form.elements.text.value : "").trim().toLowerCase();
  let shown = 0;
  let all = 0;
  for (const body of table.tBodies) {
    let here = 0;
    for (const row of body.rows) {
      if (row.classList.contains("section")) continue;
      const name = row.querySelector("th").textContent.toLowerCase();
      row.hidden = !name.includes(text) || wanted.some((one) => row.dataset[one.name] !== one.value);
      here += !row.hidden;
      all += 1;
    }
    body.hidden = here === 0;
    shown += here;
  }
  form.querySelector("output").textContent = shown === all ? "" : `${shown} of ${all} shown`;
}

for (const table of document.querySelectorAll("table.sortable")) makeSortable(table);
for (const form of document.querySelectorAll("form.filters")) {
  const table = document.getElementById(form.dataset.table);
  form.hidden = false;
  form.addEventListener("input", () => filterRows(form, table));
  form.addEventListener("submit", (event) => event.preventDefault());
}
