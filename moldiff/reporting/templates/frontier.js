"use strict";
(() => {
  const { $ } = Page;
  const drawings = $("drawings").content.children;
  const NEAR = 26;

  const make = (tag, text, className) => {
    const element = document.createElement(tag);
    if (text) element.textContent = text;
    if (className) element.className = className;
    return element;
  };
  const pairs = (rows, className = "") => {
    const table = make("table", "", `values ${className}`);
    for (const [name, value] of rows) {
      const [line, head] = [make("tr"), make("th", name)];
      head.scope = "row";
      line.append(head, make("td", value));
      table.append(line);
    }
    return table;
  };
  const example = ([smiles, place]) => {
    const figure = make("figure", "", "mol");
    if (place >= 0) figure.append(drawings[place].cloneNode(true));
    figure.append(make("code", smiles));
    return figure;
  };

  // A small molecule fills its place.
  const crop = (drawing) => {
    const { x, y, width, height } = drawing.getBBox();
    const [wide, high] = [Math.max(width + 60, 420), Math.max(height + 60, 300)];
    const [left, top] = [x + (width - wide) / 2, y + (height - high) / 2];
    drawing.setAttribute("viewBox", [left, top, wide, Math.max(high, 0.7 * wide)].map(Math.round).join(" "));
  };

  JSON.parse($("frontier-data").textContent).forEach(({ labels, marks, views, reach }, number) => {
    const problem = document.querySelector(`[data-problem="${number}"]`);
    const svg = problem.querySelector(".scatter");
    if (!svg) return;
    const points = [...svg.querySelectorAll(".point")];
    const bars = [...svg.querySelectorAll(".bars")];
    const ring = svg.querySelector(".ring");
    const about = problem.querySelector(".about");
    let view = views.novel;
    let chosen = -1;

    // One point ---------------------------------------------------------------------------------------------
    const show = (place) => {
      if (place === chosen) return;
      chosen = place;
      const { title, note, settings, figures, examples } = marks[place];
      const drawn = make("div", "", "examples");
      drawn.append(...examples.map(example));
      const told = figures.flatMap((text, at) => (text ? [[labels[at], text]] : []));
      about.replaceChildren(make("h4", title), make("p", note, "soft"), pairs(settings), drawn, pairs(told, "told"));
      for (const drawing of drawn.querySelectorAll("svg")) crop(drawing);
      points.forEach((point, at) => { point.tabIndex = at === place ? 0 : -1; });
      for (const row of problem.querySelectorAll("tr[data-mark]")) {
        row.classList.toggle("chosen", Number(row.dataset.mark) === place);
      }
      circle();
    };
    const circle = () => {
      const there = chosen >= 0 && view.at[chosen] !== null;
      ring.setAttribute("cx", there ? view.at[chosen] : -20);
      ring.setAttribute("cy", there ? points[chosen].getAttribute("y") : -20);
    };
    const nearest = (event) => {
      const here = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      let [best, least] = [-1, NEAR];
      points.forEach((point, at) => {
        if (view.at[at] === null) return;
        const far = Math.hypot(view.at[at] - here.x, Number(point.getAttribute("y")) - here.y);
        // What is painted later lies on top.
        if (far <= least) [best, least] = [at, far];
      });
      return best;
    };
    svg.addEventListener("pointermove", (event) => {
      const place = nearest(event);
      if (place >= 0) show(place);
    });
    svg.addEventListener("click", (event) => {
      const place = nearest(event);
      if (place < 0) return;
      show(place);
      points[place].focus({ preventScroll: true });
    });
    // On the drawing itself this would make it a stop of the Tab key.
    problem.addEventListener("focusin", (event) => {
      const place = points.indexOf(event.target);
      if (place >= 0) show(place);
    });
    const KEYS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, 1], ArrowUp: [1, -1] };
    svg.addEventListener("keydown", (event) => {
      if (!KEYS[event.key]) return;
      event.preventDefault();
      const [side, by] = KEYS[event.key];
      const there = points.map((_, at) => at).filter((at) => view.at[at] !== null);
      const where = (at) => [view.at[at], Number(points[at].getAttribute("y"))];
      there.sort((a, b) => where(a)[side] - where(b)[side] || where(a)[1 - side] - where(b)[1 - side] || a - b);
      const next = there[there.indexOf(chosen) + by];
      if (next !== undefined) points[next].focus();
    });
    problem.querySelector("table.arms")?.addEventListener("click", (event) => {
      const row = event.target.closest("tr[data-mark]");
      if (row) show(Number(row.dataset.mark));
    });

    // The other axis ----------------------------------------------------------------------------------------
    const svgMake = (tag, attributes, text) => {
      const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      if (text) element.textContent = text;
      return element;
    };
    const bottom = Number(svg.dataset.bottom);
    const against = problem.querySelector(".against");
    const turn = () => {
      view = views[against.value];
      svg.dataset.view = against.value;
      problem.querySelector(".against-text").textContent = view.text;
      svg.querySelector(".ticks").replaceChildren(...view.ticks.flatMap(([x, text]) => [
        svgMake("path", { class: "axis", d: `M${x} ${bottom}v5` }),
        svgMake("text", { class: "across", x, y: bottom + 20 }, text),
      ]));
      points.forEach((point, at) => {
        point.style.display = view.at[at] === null ? "none" : "";
        if (view.at[at] !== null) point.setAttribute("x", view.at[at]);
      });
      Object.entries(reach).forEach(([place, [y, low, high]], at) => {
        const ends = view.bars[place];
        const x = view.at[place];
        bars[at].setAttribute("d", ends && x !== null ? `M${ends[0]} ${y}H${ends[1]}M${x} ${low}V${high}` : "");
      });
      circle();
    };
    against.addEventListener("change", turn);

    points.forEach((point, at) => {
      point.setAttribute("role", "img");
      point.setAttribute("aria-label", marks[at].says);
      point.tabIndex = -1;
    });
    turn(); // a page that is opened again keeps what was chosen
    const first = marks.findIndex((_, at) => points[at].classList.contains("front"));
    show(Math.max(0, first));
  });
})();
