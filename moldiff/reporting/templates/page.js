"use strict";
const Page = (() => {
  const root = document.documentElement;
  const $ = (id) => document.getElementById(id);
  root.classList.add("js");

  // Light or dark -----------------------------------------------------------------------------------------
  const THEMES = ["", "light", "dark"];
  const NAMES = { "": "automatic", light: "light", dark: "dark" };
  const remembered = () => {
    try { return localStorage.getItem("moldiff-theme") || ""; } catch { return ""; }
  };
  const setTheme = (theme) => {
    if (theme) root.dataset.theme = theme; else delete root.dataset.theme;
    $("theme").textContent = `Theme: ${NAMES[theme]}`;
    try { localStorage.setItem("moldiff-theme", theme); } catch { /* pages from disk may have no storage */ }
  };
  let theme = THEMES.includes(remembered()) ? remembered() : "";
  setTheme(theme);
  $("theme").hidden = false;
  $("theme").addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    setTheme(theme);
  });

  // What is folded away is printed.
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details.settings")) details.open = true;
  });

  // Copying -----------------------------------------------------------------------------------------------
  const say = (text) => { $("said").textContent = text; };
  const copyOldWay = (text) => {
    const field = document.createElement("textarea");
    field.value = text;
    (document.querySelector("dialog[open]") || document.body).append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  };
  const copy = async (text, button) => {
    let done = true;
    try { await navigator.clipboard.writeText(text); } catch { done = copyOldWay(text); }
    const label = button.dataset.label || (button.dataset.label = button.textContent);
    button.textContent = done ? "copied" : "not copied";
    button.focus();
    say(done ? "Copied" : "The browser does not allow copying");
    setTimeout(() => { button.textContent = label; }, 1500);
  };
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", () => copy($(button.dataset.copy).textContent, button));
  }

  // Tables that are sorted by a click on a heading ---------------------------------------------------------
  const key = (row, column) => {
    const value = row.cells[column].dataset.value;
    if (value === undefined) return null;
    return row.cells[column].classList.contains("number") ? Number(value) : value;
  };
  const sortTable = (table, column, descending) => {
    const sign = descending ? -1 : 1;
    const rows = [...table.tBodies[0].rows];
    const keys = new Map(rows.map((row) => [row, key(row, column)]));
    rows.sort((a, b) => {
      const [x, y] = [keys.get(a), keys.get(b)];
      if (x === null || y === null) return (x === null) - (y === null);
      return x < y ? -sign : x > y ? sign : 0;
    });
    table.tBodies[0].append(...rows);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        // Numbers come largest first.
        const first = head.classList.contains("number") ? "descending" : "ascending";
        const other = first === "ascending" ? "descending" : "ascending";
        const order = head.getAttribute("aria-sort") === first ? other : first;
        for (const each of heads) each.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", order);
        sortTable(table, column, order === "descending");
      });
    });
  }

  return { $, copy };
})();
