/* The atlas's own script: tables that sort and filter, and runs that are drawn by plotly, which is fetched from beside it. */
"use strict";

const atlas = (() => {
  const here = new URL(".", document.currentScript.src); // assets/
  const colors = { // Okabe & Ito's, one a run, by what lies under them
    default: ["#0072B2", "#D55E00", "#009E73", "#AA3377"], slate: ["#56B4E9", "#E69F00", "#2BC79A", "#CC79A7"],
  };
  const dashes = { train: "solid", validation: "dot", test: "dash" };
  const runs = new Map(); // fingerprint -> what its file told

  // Tables and cards

  function value(row, column) {
    const cell = row.cells[column];
    const text = cell.dataset.sort ?? cell.textContent.trim();
    const number = text === "" || text === "–" ? NaN : Number(text.replace(/ %$/, ""));
    return Number.isNaN(number) ? text : number;
  }

  function order(a, b) {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1; // what is no number comes last
    return a.localeCompare(b, undefined, { numeric: true });
  }

  function makeSortable(table) {
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const down = heading.getAttribute("aria-sort") === "ascending";
        headings.forEach((other) => other.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...table.tBodies[0].rows];
        rows.sort((a, b) => (down ? -1 : 1) * order(value(a, column), value(b, column)));
        table.tBodies[0].append(...rows);
      });
    });
  }

  function makeFilter(form) {
    const place = document.getElementById(form.dataset.filters);
    const rows = [...place.querySelectorAll("[data-row]")];
    const inputs = [...form.querySelectorAll("[data-filter]")];
    const filter = () => {
      let shown = 0;
      for (const row of rows) {
        row.hidden = !inputs.every(({ value: wanted, dataset }) => {
          if (!wanted) return true;
          if (dataset.filter !== "text") return row.dataset[dataset.filter].split("|").includes(wanted);
          const text = `${row.textContent} ${Object.values(row.dataset).join(" ")}`.toLowerCase();
          return wanted.toLowerCase().split(/\s+/).every((word) => text.includes(word));
        });
        shown += !row.hidden;
      }
      form.querySelector("[data-count]").textContent = `${shown} of ${rows.length}`;
    };
    inputs.forEach((input) => input.addEventListener("input", filter));
    form.addEventListener("submit", (event) => event.preventDefault());
    form.querySelector("[data-order]")?.addEventListener("input", ({ target: { value: by } }) => {
      const key = (row) => (by === "name" ? row.dataset.name : -Number(row.dataset[by]));
      place.append(...rows.sort((a, b) => order(key(a), key(b))));
    });
    filter();
  }

  // Runs

  function load(file) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = new URL(file, here);
      script.onload = resolve;
      script.onerror = () => reject(new Error(`${file} is missing`));
      document.head.append(script);
    });
  }

  const drawn = new Map(); // place -> the fingerprints that it shows
  let plotly = null;

  async function show(place, fingerprints) {
    drawn.set(place, fingerprints);
    plotly ??= load("plotly.min.js");
    await Promise.all([plotly, ...fingerprints.filter((f) => !runs.has(f)).map((f) => load(`../runs/data/${f}.js`))]);
    place.replaceChildren();
    const chosen = fingerprints.map((f) => runs.get(f));
    drawHistories(place, chosen);
    drawLandscapes(place, chosen);
    if (chosen.length > 1) tellDifferences(place, chosen);
    place.querySelectorAll(".plot").forEach((one) => Plotly.Plots.resize(one)); // a row's first had it to itself
  }

  function heading(place, text) {
    const element = document.createElement("h2");
    element.textContent = text;
    place.append(element);
    const row = document.createElement("div");
    row.className = "row";
    place.append(row);
    return row;
  }

  function color(number) {
    return (colors[document.body.dataset.mdColorScheme] ?? colors.default)[number];
  }

  function ink() {
    const style = getComputedStyle(document.body);
    return { text: style.color, grid: "rgba(128,128,128,.35)" };
  }

  function axis(title, more = {}) {
    const { grid } = ink();
    return { title: { text: title }, gridcolor: grid, zerolinecolor: grid, linecolor: grid, ...more };
  }

  function plot(row, traces, layout, words) {
    const place = document.createElement("div");
    place.className = layout.scene ? "plot surface" : "plot";
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", words);
    row.append(place);
    const base = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: ink().text, size: 11 },
      margin: { l: 50, r: 10, t: 40, b: 40 }, legend: { orientation: "h", y: -0.3 },
    };
    Plotly.newPlot(place, traces, { ...base, ...layout }, { responsive: true, displayModeBar: false });
  }

  function drawHistories(place, chosen) {
    const kinds = { loss: "loss", error: "error", lr: "learning rate", weight_norm: "norm of the weights" };
    let row = null;
    for (const [kind, name] of Object.entries(kinds)) {
      const traces = chosen.flatMap((run, number) =>
        Object.entries(run.history).filter(([column]) => (column.endsWith("loss") ? "loss" : column.endsWith("error") ? "error" : column) === kind
          && !column.includes("calibration")).map(([column, y]) => ({
          x: run.history.epoch, y, mode: "lines", connectgaps: true,
          name: chosen.length > 1 ? `${run.title}: ${column}` : column,
          line: { color: color(number), dash: dashes[column.split("_")[0]] ?? "solid" },
        })));
      if (!traces.length) continue;
      row ??= heading(place, "Training");
      plot(row, traces, { title: { text: name }, xaxis: axis("epoch"), yaxis: axis("", { rangemode: "tozero" }) }, `${name} by epoch`);
    }
  }

  function drawLandscapes(place, chosen) {
    const names = [...new Set(chosen.flatMap((run) => run.landscapes.map((one) => `${one.kind} ${one.name}`)))];
    for (const name of names) {
      const shown = chosen.map((run) => run.landscapes.filter((one) => `${one.kind} ${one.name}` === name));
      const row = heading(place, name.slice(name.indexOf(" ") + 1));
      if (name.startsWith("surface ")) drawSurfaces(row, chosen, shown);
      else drawLines(row, chosen, shown);
    }
  }

  function drawLines(row, chosen, shown) {
    const traces = shown.flatMap((lines, number) => lines.flatMap((line) =>
      Object.entries(line.curves).map(([split, y]) => ({
        x: line.x, y, mode: "lines",
        name: [chosen.length > 1 ? chosen[number].title : "", split].filter(Boolean).join(": "),
        line: { color: color(number), dash: dashes[split] ?? "solid" },
      }))));
    const [first] = shown.flat();
    plot(row, traces, { showlegend: true, xaxis: axis(first.along), yaxis: axis("loss", { rangemode: "tozero" }) }, first.words);
  }

  /* All on one vertical scale and one of colours, which is that of the logarithm of the loss. */
  function drawSurfaces(row, chosen, shown) {
    const all = shown.flat();
    const ceiling = Math.max(...all.map((one) => one.ceiling));
    const heights = all.flatMap((one) => one.z.flat()).filter((z) => z !== null);
    const high = Math.min(ceiling, Math.max(...heights));
    const floor = Math.max(Math.min(...heights.filter((z) => z > 0), high), high / 1e4);
    const cut = (z) => (z === null ? null : Math.min(z, high));
    const logarithm = (z) => (z === null ? null : Math.log10(Math.min(Math.max(z, floor), high)));
    shown.forEach((surfaces, number) => surfaces.forEach((one) => {
      const traces = [{
        type: "surface", x: one.x, y: one.y, z: one.z.map((line) => line.map(cut)), customdata: one.z,
        surfacecolor: one.z.map((line) => line.map(logarithm)), cmin: Math.log10(floor), cmax: Math.log10(high),
        colorscale: "Viridis", showscale: false, hovertemplate: "(%{x:.2f}, %{y:.2f}): loss %{customdata:.3g}<extra></extra>",
      }];
      if (one.networks.x) {
        traces.push({
          type: "scatter3d", mode: "lines+markers", x: one.networks.x, y: one.networks.y, z: one.networks.z.map(cut),
          marker: { size: 3, color: "#D55E00" }, line: { width: 4, color: "#D55E00" }, showlegend: false,
        });
      }
      const scene = {
        xaxis: axis("x"), yaxis: axis("y"), zaxis: axis(`${one.split} loss`, { range: [Math.min(0, ...heights), high] }),
        camera: { eye: { x: 1.6, y: -1.6, z: 0.95 } }, aspectratio: { x: 1, y: 1, z: 0.8 },
      };
      const title = chosen.length > 1 ? { text: chosen[number].title, font: { size: 11 } } : undefined;
      plot(row, traces, { scene, title, margin: { l: 0, r: 0, t: 30, b: 0 } }, `${one.name}: ${one.words}`);
    }));
  }

  function tellDifferences(place, chosen) {
    const table = document.createElement("table");
    const head = table.createTHead().insertRow();
    for (const text of ["", ...chosen.map((run) => run.fingerprint.slice(0, 8))]) {
      const cell = document.createElement("th");
      cell.textContent = text;
      head.append(cell);
    }
    const body = table.createTBody();
    const add = (part, digits) => {
      for (const key of [...new Set(chosen.flatMap((run) => Object.keys(run[part])))]) {
        const values = chosen.map((run) => run[part][key]);
        if (part === "settings" && new Set(values).size === 1) continue;
        const row = body.insertRow();
        const name = document.createElement("th");
        name.textContent = key;
        row.append(name);
        for (const one of values) row.insertCell().textContent = one === undefined ? "–" : digits && one !== null ? Number(one).toPrecision(digits) : one;
      }
    };
    add("settings");
    add("metrics", 4);
    const wide = document.createElement("div");
    wide.className = "wide";
    wide.append(table);
    heading(place, "What differs, and what came of it").replaceWith(wide);
  }

  function recolor() {
    drawn.forEach((fingerprints, place) => show(place, fingerprints));
  }

  // Pages

  function startComparison(place) {
    const selects = [...document.querySelectorAll("[data-chosen]")];
    const named = () => location.hash.slice(1).split(",").filter((name) => selects[0].querySelector(`option[value="${CSS.escape(name)}"]`));
    const draw = () => {
      const chosen = [...new Set(selects.map((select) => select.value).filter(Boolean))];
      history.replaceState(null, "", `#${chosen.join(",")}`);
      if (chosen.length) show(place, chosen);
    };
    named().slice(0, selects.length).forEach((name, number) => { selects[number].value = name; });
    selects.forEach((select) => select.addEventListener("input", draw));
    draw();
  }

  function start() {
    document.querySelectorAll("table.sortable").forEach(makeSortable);
    document.querySelectorAll("[data-filters]").forEach(makeFilter);
    document.querySelectorAll("[data-runs]").forEach((place) => show(place, place.dataset.runs.split(" ")));
    document.querySelectorAll("[data-compare-runs]").forEach(startComparison);
    document.querySelectorAll("[data-compare-link]").forEach((link) => {
      const ticks = [...document.querySelectorAll("[data-compare]")];
      ticks.forEach((tick) => tick.addEventListener("input", () => {
        link.href = `compare.html#${ticks.filter((one) => one.checked).map((one) => one.dataset.compare).join(",")}`;
      }));
    });
    new MutationObserver(recolor).observe(document.body, { attributeFilter: ["data-md-color-scheme"] });
    addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
  return { run: (told) => runs.set(told.fingerprint, told) };
})();
