"use strict";
(() => {
  const { $, copy } = Page;
  const PAGE = 60;
  const { columns, rows } = JSON.parse($("data").textContent);
  const place = (name) => columns.findIndex((column) => column.name === name);
  const [smiles, hit, novel] = ["smiles", "hit", "novel"].map(place);
  const grid = $("grid");
  const cards = [...grid.children];
  const onCards = new Set([...(cards[0]?.querySelectorAll("dt") ?? [])].map((name) => name.title));
  let shown = rows.map((_, row) => row);
  let limit = PAGE;
  let descending = false;

  const value = (row, column) => {
    const cell = rows[row][column];
    if (cell === "") return null;
    if (columns[column].kind === "number") return Number(cell);
    return columns[column].kind === "flag" ? Number(cell === "True") : cell;
  };
  const sorted = (order, column) => {
    const sign = descending ? -1 : 1;
    if (column < 0) return descending ? order.reverse() : order;
    const keys = new Map(order.map((row) => [row, value(row, column)]));
    return order.sort((a, b) => {
      const [x, y] = [keys.get(a), keys.get(b)];
      if (x === null || y === null) return (x === null) - (y === null) || a - b;
      return (x < y ? -sign : x > y ? sign : 0) || a - b;
    });
  };

  const number = (cell, given) => {
    const parsed = Number(cell);
    const places = given === null && Math.abs(parsed) >= 1000 ? 0 : given;
    const text = places === null
      ? String(Number(parsed.toPrecision(4)))
      : (Number(parsed.toFixed(places)) + 0).toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places });
    return text.replace("-", "\u2212");
  };
  const shownValue = (row, column) => {
    const { kind, places, classes, name } = columns[column];
    const cell = rows[row][column];
    if (cell === "") return "\u2013";
    if (kind === "flag") return cell === "True" ? "yes" : "no";
    if (kind !== "number") return cell;
    if (classes.length) return classes[Math.round(Number(cell))] ?? cell;
    const off = place(`${name}_uncertainty`);
    const more = off >= 0 && rows[row][off] !== "" ? ` \u00b1 ${number(rows[row][off], places)}` : "";
    return number(cell, places) + more;
  };

  const tell = (card, column) => {
    card.querySelector(".by")?.remove();
    const told = column >= 0 && columns[column].kind === "number" && !onCards.has(columns[column].name);
    if (!told) return;
    const line = document.createElement("dl");
    const [box, name, text] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
    line.className = "by";
    name.textContent = columns[column].name;
    text.textContent = `${shownValue(card.dataset.row, column)} ${columns[column].unit}`;
    box.append(name, text);
    line.append(box);
    card.querySelector(".smiles").before(line);
  };
  const render = () => {
    const column = place($("sort").value);
    const text = $("text").value.trim();
    const wanted = (row) =>
      (!$("only-hits")?.checked || rows[row][hit] === "True") &&
      (!$("only-novel")?.checked || rows[row][novel] === "True") &&
      rows[row][smiles].includes(text);
    shown = sorted(rows.map((_, row) => row).filter(wanted), column);
    for (const card of cards) card.hidden = true;
    shown.slice(0, limit).forEach((row) => {
      tell(cards[row], column);
      cards[row].hidden = false;
    });
    grid.prepend(...shown.slice(0, limit).map((row) => cards[row]));
    const few = Math.min(limit, shown.length);
    const some = few < shown.length ? `; the first ${few} of them are shown` : "";
    $("count").textContent = `${shown.length.toLocaleString("en-US")} of ${rows.length.toLocaleString("en-US")} molecules${some}`;
    $("more").parentElement.style.display = few === shown.length ? "none" : "";
    $("order").textContent = descending ? "Descending" : "Ascending";
    $("order").setAttribute("aria-pressed", String(descending));
    $("copy-all").disabled = $("download").disabled = !shown.length;
  };

  $("sort").addEventListener("change", () => {
    const column = place($("sort").value);
    // The best come first: what is true, and the highest score.
    descending = column >= 0 && (columns[column].kind === "flag" || columns[column].name === "score");
    render();
  });
  $("order").addEventListener("click", () => { descending = !descending; render(); });
  for (const id of ["only-hits", "only-novel"]) $(id)?.addEventListener("change", render);
  $("text").addEventListener("input", render);
  $("more").addEventListener("click", () => { limit += PAGE; render(); });
  $("all").addEventListener("click", () => { limit = rows.length; render(); });

  const quoted = (cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const table = () =>
    [columns.map((column) => column.name), ...shown.map((row) => rows[row])]
      .map((line) => `${line.map(quoted).join(",")}\n`).join("");
  $("download").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([table()], { type: "text/csv;charset=utf-8" }));
    link.download = "molecules-shown.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  });
  $("copy-all").addEventListener("click", () =>
    copy(shown.map((row) => rows[row][smiles]).join("\n"), $("copy-all")));

  // One molecule ------------------------------------------------------------------------------------------
  let current = 0;
  const open = (row) => {
    current = row;
    $("one-heading").textContent = `Molecule ${row + 1}`;
    $("large").replaceChildren(...[...cards[row].querySelector(".open").children].map((node) => node.cloneNode(true)));
    $("one-smiles").textContent = rows[row][smiles];
    $("values").replaceChildren(...columns.flatMap((column, at) => {
      const merged = column.name.endsWith("_uncertainty") && place(column.name.slice(0, -12)) >= 0;
      if (at === smiles || merged || rows[row][at] === "") return [];
      const line = document.createElement("tr");
      const [name, text, unit] = ["th", "td", "td"].map((tag) => document.createElement(tag));
      name.scope = "row";
      name.textContent = column.name;
      text.textContent = shownValue(row, at);
      unit.textContent = column.unit;
      line.append(name, text, unit);
      return [line];
    }));
    const at = shown.indexOf(row);
    $("before").disabled = at <= 0;
    $("after").disabled = at < 0 || at === shown.length - 1;
    if (!$("one").open) $("one").showModal();
  };
  const step = (by) => {
    const row = shown[shown.indexOf(current) + by];
    if (row !== undefined) open(row);
  };
  grid.addEventListener("click", (event) => {
    const card = event.target.closest(".card");
    if (event.target.closest(".open")) open(Number(card.dataset.row));
    const button = event.target.closest(".copy");
    if (button) copy(rows[card.dataset.row][smiles], button);
  });
  $("before").addEventListener("click", () => step(-1));
  $("after").addEventListener("click", () => step(1));
  $("close").addEventListener("click", () => $("one").close());
  $("one-copy").addEventListener("click", () => copy(rows[current][smiles], $("one-copy")));
  $("one").addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
  $("one").addEventListener("click", (event) => { if (event.target === $("one")) $("one").close(); });
  $("one").addEventListener("close", () => cards[current].querySelector(".open").focus());

  render();
})();
