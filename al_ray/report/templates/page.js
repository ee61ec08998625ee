"use strict";
(() => {
  const { config, figures } = JSON.parse(document.getElementById("payload").textContent);
  const views = new Map(); // of a figure's name: the views of its panels
  const hidden = new Set();

  // Theme: colours are CSS variables, so figures follow without being drawn again.
  const theme = document.getElementById("theme");
  const themes = ["system", "light", "dark"];
  const store = {
    get() { try { return localStorage.getItem("al_ray-theme"); } catch { return null; } },
    set(value) { try { localStorage.setItem("al_ray-theme", value); } catch { /* a page from disk may not */ } },
  };
  const paint = (name) => {
    if (name === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = name;
    theme.querySelector(".value").textContent = name;
    theme.setAttribute("aria-label", `Theme: ${name}`);
    theme.dataset.name = name;
  };
  theme.hidden = false;
  paint(themes.includes(store.get()) ? store.get() : "system");
  theme.addEventListener("click", () => {
    const next = themes[(themes.indexOf(theme.dataset.name) + 1) % themes.length];
    paint(next);
    store.set(next);
  });

  // Boxes in place of Korean are all alike.
  const drawn = (text) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 32;
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.font = `24px ${getComputedStyle(document.body).fontFamily}`;
    pen.fillText(text, 2, 26);
    return pen.getImageData(0, 0, 32, 32).data.join();
  };
  if (/[가-힣]/.test(document.body.textContent) && drawn("가") === drawn("뷁")) {
    document.getElementById("korean").hidden = false;
  }

  const set = (figure, name, value) => Promise.all(
    (views.get(figure) ?? []).map((view) => {
      try { view.signal(name, value); } catch { return null; } // not of this panel
      return view.runAsync();
    }),
  );

  // Arms are switched on and off everywhere at once.
  const legend = document.querySelectorAll(".legend button");
  const toggle = (line) => {
    if (!hidden.delete(line)) hidden.add(line);
    for (const button of legend) button.setAttribute("aria-pressed", String(!hidden.has(button.dataset.line)));
    return Promise.all(figures.filter((each) => each.legend).map((each) => set(each.name, "hidden", [...hidden])));
  };
  for (const button of legend) button.addEventListener("click", () => toggle(button.dataset.line));

  const choose = (element) => {
    const options = JSON.parse(element.dataset.options);
    const [value, text] = options[Number(element.value)];
    if (element.nextElementSibling?.tagName === "OUTPUT") {
      element.nextElementSibling.value = text;
      element.setAttribute("aria-valuetext", text);
    }
    return set(element.closest("[data-figure]").dataset.figure, element.dataset.control, value);
  };
  const controls = document.querySelectorAll("[data-control]");
  for (const element of controls) element.addEventListener("input", () => choose(element));

  const written = (value, form) => {
    if (value === null || value === undefined) return "–";
    if (typeof value === "boolean") return value ? "yes" : "no";
    if (typeof value !== "number") return String(value);
    if (form === "%") return `${(100 * value).toFixed(1)} %`;
    if (form === "n") return Math.round(value).toLocaleString("en");
    if (form === "p") return value < 0.001 ? "< 0.001" : value.toFixed(3);
    return form === "" ? String(value) : value.toFixed(Number(form));
  };
  const most = 400;
  const tabulate = (figure, place) => {
    for (const { data, columns } of figure.numbers) {
      const rows = figure.data[data];
      const table = document.createElement("table");
      table.className = "plain";
      const head = table.createTHead().insertRow();
      for (const [, title] of columns) {
        const cell = document.createElement("th");
        cell.scope = "col";
        cell.textContent = title;
        head.append(cell);
      }
      const body = table.createTBody();
      for (const row of rows.slice(0, most)) {
        const line = body.insertRow();
        columns.forEach(([field, , form], position) => {
          const cell = position ? line.insertCell() : line.appendChild(document.createElement("th"));
          if (!position) cell.scope = "row";
          cell.textContent = written(row[field], form);
        });
      }
      place.append(table);
      if (rows.length > most) place.append(`The first ${most} of ${rows.length.toLocaleString("en")} rows; all are in the study's tables.`);
    }
  };
  for (const details of document.querySelectorAll("details.numbers")) {
    details.addEventListener("toggle", () => {
      const place = details.querySelector(".scroll");
      if (!details.open || place.hasChildNodes()) return;
      tabulate(figures.find((each) => each.name === details.closest("[data-figure]").dataset.figure), place);
    });
  }

  const draw = async () => {
    for (const figure of figures) {
      const made = [];
      for (const [name, spec] of Object.entries(figure.panels)) {
        const place = document.getElementById(`chart-${name}`);
        const { view } = await vegaEmbed(place, { ...spec, datasets: figure.data }, {
          actions: false, renderer: "svg", config, tooltip: { theme: "custom" },
          logLevel: 1, // errors: a choice under which no arm has an interval is no mistake
        });
        made.push(view);
        place.style.minHeight = "";
      }
      views.set(figure.name, made);
    }
    for (const element of controls) await choose(element); // a browser keeps choices on reload
  };
  window.alRay = { views, ready: draw() };
})();
