"use strict";
(() => {
  const { config, figures, arms, ranked, many, row, words } = JSON.parse(document.getElementById("payload").textContent);
  const views = new Map(); // of a figure's name: the views of its panels
  const off = new Set(); // lines that the reader has switched off
  const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

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
    theme.querySelector(".value").textContent = words[name];
    theme.setAttribute("aria-label", `${words.theme} ${words[name]}`);
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
    document.getElementById("korean")?.removeAttribute("hidden");
  }

  const set = (figure, name, value) => Promise.all(
    (views.get(figure) ?? []).map((view) => {
      try { view.signal(name, value); } catch { return null; } // not of this panel
      return view.runAsync();
    }),
  );

  // Arms are switched on and off, and filtered, everywhere at once.
  const legend = document.querySelectorAll(".legend button");
  const filters = document.querySelectorAll("[data-axis]");
  const passes = ({ axes }) => [...filters].every(({ value, dataset }) =>
    !value || !(dataset.axis in axes) || axes[dataset.axis] === value); // a frozen head has no epochs
  let gone = new Set(); // names of arms, lines and step sizes that are not shown
  const settle = (root) => {
    for (const each of root.querySelectorAll("[data-arm]")) each.hidden = gone.has(each.dataset.arm);
    for (const row of root.querySelectorAll("table.plain tbody tr")) row.hidden = gone.has(row.cells[0].textContent);
  };
  const named = (lines) => {
    const left = [...new Set(arms.map(({ line }) => line))].filter((line) => !gone.has(line));
    const seen = lines.filter(([line]) => !gone.has(line));
    if (left.length <= many || !seen.length) return Object.fromEntries(left.map((line) => [line, ""]));
    const random = seen.filter(([, isRandom]) => isRandom).slice(0, 1).map(([line]) => [line, "random"]);
    return Object.fromEntries([...random, [seen.at(-1)[0], "worst"], [seen[0][0], "best"]]);
  };
  const stack = ({ name, rows, panels, data }) => { // rows stay as high as they are
    const here = new Set(Object.values(data).flat().map((each) => each.arm));
    const left = [...here].filter((arm) => gone.has(arm)).length;
    Object.values(panels).forEach(({ height }, place) => {
      if (rows[place]) views.get(name)?.[place].height(Math.max(3 * row, height - row * left));
    });
  };
  const update = () => {
    const kept = arms.filter(passes);
    const lines = new Set(kept.map((arm) => arm.line));
    gone = new Set(off);
    for (const field of ["arm", "line", "group"]) {
      const names = new Set(kept.map((arm) => arm[field]));
      for (const arm of arms) if (!names.has(arm[field])) gone.add(arm[field]);
    }
    for (const arm of arms) if (off.has(arm.line)) gone.add(arm.arm);
    for (const button of legend) {
      button.setAttribute("aria-pressed", String(!off.has(button.dataset.line)));
      button.hidden = !lines.has(button.dataset.line);
    }
    for (const each of document.querySelectorAll(".switches")) each.open = lines.size <= many;
    settle(document);
    for (const setting of document.querySelectorAll(".setting")) setting.hidden = !setting.querySelector("li:not([hidden])");
    for (const panel of document.querySelectorAll("[data-group]")) panel.hidden = gone.has(panel.dataset.group);
    const shown = document.getElementById("shown");
    if (shown) shown.value = filled(kept.length < arms.length ? words.some : words.all, { n: kept.length, of: arms.length });
    const drawn = figures.filter((each) => each.legend);
    for (const figure of drawn) stack(figure);
    return Promise.all(drawn.flatMap(({ name }) => [
      set(name, "hidden", [...gone]),
      ...ranked.map((lines, place) => set(name, `named_${place}`, named(lines))),
    ]));
  };
  const toggle = (line) => {
    if (!off.delete(line)) off.add(line);
    return update();
  };
  for (const each of filters) each.addEventListener("input", update);
  document.getElementById("everything")?.addEventListener("click", () => {
    off.clear();
    for (const each of filters) each.value = "";
    return update();
  });
  addEventListener("beforeprint", () => { for (const each of document.querySelectorAll(".setting")) each.open = true; });
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
    if (typeof value === "boolean") return value ? words.yes : words.no;
    if (typeof value !== "number") return String(value);
    if (form === "%") return filled(words.percent, { share: (100 * value).toFixed(1) });
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
      if (rows.length > most) place.append(filled(words.more, { n: most, of: rows.length.toLocaleString("en") }));
    }
  };
  for (const details of document.querySelectorAll("details.numbers")) {
    details.addEventListener("toggle", () => {
      const place = details.querySelector(".scroll");
      if (!details.open || place.hasChildNodes()) return;
      tabulate(figures.find((each) => each.name === details.closest("[data-figure]").dataset.figure), place);
      settle(place);
    });
  }

  const draw = async () => {
    for (const figure of figures) {
      const made = [];
      try {
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
      } catch (error) { console.error(figure.name, error); } // the others are drawn all the same
    }
    for (const element of controls) await choose(element); // a browser keeps choices on reload
    if (off.size || [...filters].some((each) => each.value)) await update();
  };
  window.alRay = { views, ready: draw() };
})();
