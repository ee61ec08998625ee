// The page itself. Whatever comes from the project (texts, labels, names, errors) is put there as
// text and never as HTML.
import { get, post } from "./ask.js";
import { inWords, written } from "./marks.js";
import { newId, Outbox, storage } from "./outbox.js";
import { Rows } from "./rows.js";
import { Stopwatch } from "./stopwatch.js";
import { COLOURS, Tagging } from "./tagging.js";
import { filled, matches, WORDS } from "./words.js";

const AHEAD = 20; // rows fetched ahead, to go on without a connection
const LOW = 10; // at which more are fetched
const QUIET = 10000; // milliseconds between looks at how others come on
const EAGER = 1500; // the same where there is nothing to do but wait
const FRESH = 250; // milliseconds in which nobody can have read a new row
const LONG = 320; // characters from which on a text is set smaller
const LONGEST = 5000; // characters that are set as one paragraph
const SHORT = 4; // letters of a label of which three stand side by side on a phone
const KEYED = 10; // labels that have a key

const $ = (id) => document.getElementById(id);
const show = (element, shown) => { element.hidden = !shown; };

let project; // as the server gave it
let words; // of the language
let outbox;
let tagging = null; // of a project in which places of a text are marked, and not the whole labelled
let annotator = "";
let rows = new Rows();
let progress = null;
let deaf = null; // why rows do not come in: {trouble, error}
let dumb = null; // why answers do not go out
let fetching = false;
let timer = null;
let shown = null; // the item on the page
let rested = false; // whether there was nothing to do
const watch = new Stopwatch();

const say = (name, values) => filled(words[name], values);

// Elements are made here alone, with text in them.
const made = (kind, text = "", facts = {}) => {
  const element = Object.assign(document.createElement(kind), facts);
  element.textContent = text;
  return element;
};

// Signs that would not show, or end a text early, are drawn.
const visible = (text) =>
  text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, (sign) =>
    String.fromCharCode(0x2400 + sign.charCodeAt(0)));

// A text as it is set. Browsers take the square of a paragraph's length to break it into lines:
// a very long one is in pieces, each a block, of which only those in sight are set.
const pieces = (text) => (text.length <= LONGEST ? [text]
  : text.match(/[^]{1,2000}(?:\s|$)|[^]{1,2000}/gu));

const set = (text) => {
  const parts = pieces(text);
  return parts.length > 1 ? parts.map((part) => made("span", part)) : parts;
};

// An answer as people say it.
const spoken = (answer, text) => (tagging && answer ? inWords(answer, visible(text), say("noMarks")) : answer);

/* What this browser keeps */

const kept = (name) => `al_ray/${project.project}/${name}`;
const keep = (area, name, value) => {
  try { area.setItem(kept(name), value); } catch { /* a browser that keeps nothing */ }
};
const recall = (area, name) => {
  try { return area.getItem(kept(name)); } catch { return null; }
};
const ofTab = (() => { try { return sessionStorage; } catch { return storage.area; } })();

/* Who labels */

const known = () => {
  // The tab's own first: two people may share a browser.
  const name = recall(ofTab, "annotator") ?? recall(storage.area, "annotator") ?? "";
  return !project.names || project.names.includes(name) ? name : "";
};

const become = async (name) => {
  annotator = name.normalize("NFC").trim();
  keep(ofTab, "annotator", annotator);
  keep(storage.area, "annotator", annotator);
  $("name").close();
  [rows, progress, shown, rested] = [new Rows(), null, null, false];
  render();
  outbox.flush();
  await Promise.all([remember(), more()]);
};

// What was said before this page was opened, so that it can be undone.
const remember = async () => {
  const [me, into] = [annotator, rows];
  const events = waitingOfMine();
  const got = await get("said", { annotator: me, n: 50 });
  if (into !== rows || !got.ok) return;
  // Then what waited when it was asked, whether it has arrived since or not; then this page's own.
  const since = rows.history;
  const spoken = new Set([...events, ...since].map((each) => each.row_id));
  rows.history = got.body.said.reverse().filter((each) => !spoken.has(each.row_id));
  const latest = new Map(events.map((event) => [event.row_id, event]));
  for (const event of latest.values()) {
    const here = rows.ahead.concat(since).some((each) => each.row_id === event.row_id);
    if (event.state !== "undone" && !here) rows.history.push(event);
  }
  rows.history.push(...since);
  render();
};

const askName = () => {
  show($("name-own"), !project.names);
  show($("names"), Boolean(project.names));
  $("names").replaceChildren(...(project.names ?? []).map((name) => {
    const button = made("button", name, { type: "button" });
    button.addEventListener("click", () => become(name));
    return button;
  }));
  $("name-input").value = annotator;
  $("name").showModal();
};

/* Rows in */

const waitingOfMine = () => outbox.waiting().filter((event) => event.annotator === annotator);

const more = async () => {
  if (fetching || !annotator) return;
  fetching = true;
  const [me, into] = [annotator, rows];
  const waiting = waitingOfMine().map((event) => event.row_id);
  const mark = rows.mark(waiting);
  const n = Math.min(200, Math.max(AHEAD, rows.ahead.length) + waiting.length);
  const got = await get("items", { annotator: me, n });
  fetching = false;
  if (into !== rows) return void more();
  contact(got);
  if (got.ok) {
    progress = got.body.progress;
    const still = waitingOfMine().map((event) => event.row_id);
    rows.merge(got.body.items, mark, still, got.body.items.length < n);
  }
  render();
  later();
};

const later = () => {
  clearTimeout(timer);
  timer = setTimeout(more, rows.current && !deaf ? QUIET : EAGER);
};

const contact = (got) => {
  const back = Boolean(deaf) && got.ok;
  deaf = got.ok ? null : got;
  if (back) outbox.flush();
};

/* Answers out */

const send = async ({ delta, asked, order, text, ...facts }) => {
  const got = await post("say", facts);
  if (got.trouble === "refused") {
    dumb = null;
    return { refused: true, error: got.error };
  }
  if (got.ok && facts.annotator === annotator) progress = got.body.progress;
  dumb = got.ok ? null : got;
  if (got.ok) deaf = null;
  return { ok: Boolean(got.ok) };
};

const put = (item, state, answer, facts) => outbox.put({
  annotation: newId(),
  row_id: item.row_id,
  annotator,
  state,
  answer,
  seconds: null,
  note: "",
  text: tagging ? item.text : item.text.slice(0, 200), // places are of the whole
  ...facts,
});

const speak = (state, answer = "") => {
  const item = rows.current;
  if (!item || item !== shown) return;
  const note = noteOf(item);
  const delta = item.visited && item.was ? 0 : 1;
  rows.did(item, state, answer, note);
  put(item, state, answer, { seconds: watch.seconds(), note, delta, asked: !item.visited });
  if (state === "answered") forget(item);
  toast(state === "skipped" ? say("didSkip") : say("answered", { answer: spoken(answer, item.text) }));
  if (rows.ahead.length < LOW && counted().left > rows.ahead.length) more();
};

const undo = () => {
  const was = rows.undo();
  if (!was) return toast(say("nothing"));
  if (tagging && was.answer) begun(was, "", was.answer); // or a reload would lose it
  put(was, "undone", "", { delta: -1, asked: true });
  toast(say("undone"));
};

const label = (i) => {
  if (i >= project.labels.length) return;
  if (!tagging) speak("answered", project.labels[i]);
  else if (shown) mark(project.labels[i]);
};

// The server's numbers and what it has not heard yet.
const counted = () => {
  const { left = 0, own = 0, size = 0 } = progress ?? {};
  const waiting = waitingOfMine();
  const delta = waiting.reduce((sum, event) => sum + event.delta, 0);
  const asked = waiting.reduce((sum, event) => sum + (event.asked ? event.delta : 0), 0);
  return { left: Math.max(left - asked, 0), own: Math.max(own + delta, 0), size };
};

/* Marks */

const mark = (name) => {
  if (document.activeElement?.matches("input, textarea")) $("text").focus({ preventScroll: true });
  if (!tagging.mark(name)) toast(say(matchMedia("(pointer: coarse)").matches ? "touchFirst" : "chooseFirst"));
};

// Nobody has read a text that has only just come.
const done = () => {
  if (shown && !$("choice").classList.contains("fresh")) speak("answered", written(tagging.marks));
};

// What is being marked is kept, of each row and annotator, beside the answer that it is to change:
// where that is another by now, what was kept is old.
const marksOf = (row) => `marks/${annotator}/${row}`;
const stands = (item) => (item.visited && item.was?.answer) || "";
const begun = ({ row_id: row }, stood, answer) =>
  keep(storage.area, marksOf(row), JSON.stringify([stood, answer]));
const forget = ({ row_id: row }) => {
  if (tagging) storage.area.removeItem(kept(marksOf(row)));
};
const marked = (item) => {
  const [stood, answer] = JSON.parse(recall(storage.area, marksOf(item.row_id)) ?? "[]");
  return stood === stands(item) ? answer : item.was?.answer;
};

const edited = (marksToo) => {
  if (!shown) return;
  if (marksToo) begun(shown, stands(shown), written(tagging.marks));
  renderFinish();
};

const renderFinish = () => {
  const n = tagging.marks.length;
  $("done").replaceChildren(made("kbd", "Enter"), made("span", say(n ? (n === 1 ? "saveOne" : "save") : "saveNone", { n })));
  show($("remove"), Boolean(tagging.chosen));
  current();
};

// Which label is what is chosen, or was: it is told apart from the others.
const current = () => {
  const name = tagging ? tagging.chosen?.label : shown?.was?.answer;
  for (const button of $("labels").querySelectorAll("button")) {
    button.setAttribute("aria-current", String(name === button.dataset.label));
  }
};

const beginTagging = () => {
  tagging = new Tagging({
    text: $("text"), caret: $("caret"), labels: project.labels, made, changed: edited,
    tell: (text) => $("told").replaceChildren(made("span", text.trim() ? text : say(text ? "blank" : "end"))),
  });
  document.body.dataset.task = "tagging";
  $("text").setAttribute("role", "textbox");
  $("text").setAttribute("aria-readonly", "true");
  $("text").setAttribute("aria-multiline", "true");
  $("text").setAttribute("aria-label", say("markHere"));
  $("by-hand").textContent = say("byHand");
  for (const id of ["finish", "by-hand"]) show($(id), true);
  $("done").addEventListener("click", done);
  $("remove").addEventListener("click", () => tagging.remove());
  $("remove").append(made("span", say("remove")));
  // A button that is clicked leaves the focus, and what is selected, in the text.
  document.addEventListener("mousedown", (event) => {
    if (event.target.closest("footer button, #hint button")) event.preventDefault();
  });
};

/* Notes, the model's suggestion, the guideline */

const noteOf = (item) => {
  if (item.note !== undefined) return item.note ?? "";
  const [row, note] = JSON.parse(recall(storage.area, `note/${annotator}`) ?? "[]");
  return row === item.row_id ? note : "";
};

const openNote = () => {
  if (!shown) return;
  show($("note"), true);
  $("note-input").focus();
  $("note").scrollIntoView({ block: "nearest" });
};

const closeNote = () => {
  show($("note"), Boolean($("note-input").value));
  $("text").focus({ preventScroll: true });
};

const hint = async () => {
  const item = shown;
  if (!item) return;
  if (!$("hint").hidden) return $("hint").querySelector("button") ? takeHint() : hideHint();
  setHint(say("asking"));
  const got = await get("suggestion", { row_id: item.row_id });
  if (item !== shown || $("hint").hidden) return;
  const found = got.body?.suggestion;
  if (!got.ok) setHint(say("noAnswer"));
  else if (!found) setHint(say("noSuggestion"));
  else {
    const answer = spoken(found.answer, item.text);
    setHint(say("suggests", { answer, share: Math.round(found.confidence * 100) }));
    if (tagging) drawHint(found.answer);
  }
  if (tagging) $("hint").scrollIntoView({ block: "nearest" }); // these texts are long
};

// In the text, and with a button to take it over.
const drawHint = (answer) => {
  tagging.suggest(answer);
  if (!tagging.suggested.length) return;
  const button = made("button", "", { type: "button" });
  button.append(made("kbd", "H"), made("span", say("take")));
  button.addEventListener("click", takeHint);
  $("hint").append(button);
};

const takeHint = () => {
  const n = tagging.take();
  hideHint();
  $("text").focus({ preventScroll: true });
  toast(say(n ? "taken" : "takenNone", { n }));
};

const setHint = (text) => {
  $("hint").textContent = text;
  show($("hint"), true);
  acts("hint", (button) => button.setAttribute("aria-expanded", "true"));
};

const hideHint = () => {
  show($("hint"), false);
  $("hint").replaceChildren();
  if (tagging?.suggested.length) tagging.suggest("");
  acts("hint", (button) => button.setAttribute("aria-expanded", "false"));
};

const guide = () => {
  show($("guide"), $("guide").hidden);
  const open = !$("guide").hidden;
  acts("guide", (button) => button.setAttribute("aria-expanded", String(open)));
  keep(storage.area, "guide", open ? "open" : "");
  (open ? $("guide") : $("text")).focus({ preventScroll: true });
};

const acts = (name, change) => document.querySelectorAll(`[data-act="${name}"]`).forEach(change);

/* Search */

let searching = 0; // the latest search: an earlier one may come later

const openSearch = () => {
  $("search-input").value = "";
  $("search").showModal();
  search();
};

const search = async () => {
  const mine = ++searching;
  const query = $("search-input").value;
  if (!query.trim()) {
    const last = rows.history.slice(-20).reverse();
    $("search-said").textContent = last.length ? say("recent") : say("noRecent");
    return list(last);
  }
  const got = await get("found", { annotator, query, n: 30 });
  if (mine !== searching) return;
  const items = got.body?.items ?? [];
  const [name, n] = [got.ok ? "results" : "noAnswer", items.length];
  $("search-said").textContent = got.ok && !n ? say("noResults") : say(name, { n });
  list(items);
};

// All of these were asked for, so each can be opened.
const list = (items) => $("search-list").replaceChildren(...items.map((item) => {
  const button = made("button", "", { type: "button" });
  button.append(made("span", visible(item.text).slice(0, 300), { dir: "auto" }));
  const was = rows.before(item.row_id) ?? item.was;
  if (was) button.append(made("small", spoken(was.answer, item.text) || say("skip")));
  button.addEventListener("click", () => {
    $("search").close();
    rows.visit({ row_id: item.row_id, text: item.text, was });
    render();
  });
  const line = made("li");
  line.append(button);
  return line;
}));

/* What is on the page */

const toast = (text) => {
  $("toast").replaceChildren(made("span", text));
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => $("toast").replaceChildren(), 2500);
};

const render = () => {
  renderCounts();
  renderNotices();
  const item = annotator ? rows.current : null;
  show($("work"), Boolean(item));
  show($("rest"), !item && Boolean(annotator));
  for (const button of document.querySelectorAll("#labels button, #finish button, [data-act=skip], [data-act=note], [data-act=hint]")) {
    button.disabled = !item;
  }
  acts("undo", (button) => { button.disabled = !rows.history.length; });
  if (item) {
    if (item !== shown) renderRow(item);
  } else renderRest();
};

const renderRow = (item) => {
  shown = item;
  const text = $("text");
  if (tagging) tagging.open(pieces(visible(item.text)), marked(item));
  else text.replaceChildren(...set(visible(item.text) || "—"));
  text.classList.toggle("long", item.text.length > LONG);
  const was = item.was;
  show($("before"), Boolean(was || item.visited));
  $("before-text").textContent = !was ? say("visiting")
    : was.state === "skipped" ? say("skipped")
      : say("before", { answer: spoken(was.answer, item.text) });
  show($("back"), Boolean(item.visited));
  current();
  $("note-input").value = noteOf(item);
  show($("note"), Boolean($("note-input").value));
  hideHint();
  $("main").scrollTop = 0;
  if (rested) toast(say("newBatch", { n: progress?.batch ?? 1 }));
  rested = false;
  watch.begin();
  $("choice").classList.add("fresh");
  setTimeout(() => { if (shown === item) $("choice").classList.remove("fresh"); }, FRESH);
  const free = !document.activeElement?.matches("input, textarea, #guide") && !openDialog();
  if (free) text.focus({ preventScroll: true });
};

const openDialog = () => document.querySelector("dialog[open]");

const renderRest = () => {
  if (shown) later(); // sooner than while there was something to do
  shown = null;
  const refused = deaf?.trouble === "refused";
  const kind = refused ? "error"
    : deaf || dumb ? "offline"
      : !progress ? "loading"
        : progress.error ? "error"
          : progress.learning ? "learning"
            : progress.done ? "done"
              : counted().left ? "loading" : "others";
  rested ||= kind !== "loading" && kind !== "offline";
  if ($("rest").dataset.kind !== kind) {
    $("rest").dataset.kind = kind;
    $("rest-title").textContent = say(kind);
    $("rest-text").textContent = say(`${kind}More`);
    if (kind !== "loading") toast(say(kind)); // which is said aloud, too
  }
  const error = refused ? deaf.error : progress?.error;
  show($("rest-error"), kind === "error");
  $("rest-error").textContent = error ?? "";
};

const renderCounts = () => {
  show($("who"), Boolean(annotator));
  $("who").textContent = annotator;
  $("who").setAttribute("aria-label", say("whoami", { name: annotator }));
  const { left, own, size } = counted();
  show($("counts"), Boolean(progress));
  if (!progress) return;
  $("batch").textContent = say("batch", { n: progress.batch });
  $("left").textContent = say("left", { n: left });
  $("own").textContent = say("own", { n: own });
  $("labelled").textContent = say("labelled", { n: progress.labelled });
  $("learning").textContent = say("stillLearning");
  show($("learning"), progress.learning && Boolean(rows.current));
  $("bar").max = Math.max(size, 1);
  $("bar").value = Math.max(size - left, 0);
  $("bar").setAttribute("aria-label", say("progress", { n: left, of: size }));
};

const renderNotices = () => {
  const waiting = outbox.waiting();
  if (!waiting.length) dumb = null; // another tab has sent it
  const { trouble, error = "" } = dumb ?? deaf ?? {};
  const facts = { n: waiting.length, error };
  const kind = trouble === "refused" ? null
    : trouble === "lost" && waiting.length ? "waiting" : trouble;
  show($("lost"), Boolean(kind));
  const text = kind ? say(kind, facts) : "";
  if ($("lost").textContent !== text) $("lost").textContent = text;
  show($("memory"), !outbox.lasts);
  const refused = outbox.refused();
  show($("refused"), refused.length > 0);
  if (!refused.length) return;
  $("refused-title").textContent = say("refused", { n: refused.length });
  $("refused-list").replaceChildren(...refused.map((event) => {
    const line = made("li");
    const what = spoken(event.answer, event.text ?? "") || say(event.state === "skipped" ? "skip" : "undo");
    line.append(
      made("bdi", visible(event.text ?? event.row_id).slice(0, 80)), " → ", made("bdi", what),
      ": ", made("bdi", event.error ?? ""),
    );
    return line;
  }));
};

/* Labels */

const renderLabels = () => {
  const typed = $("filter-input").value;
  const found = project.labels.map((name, i) => ({ name, i })).filter(({ name }) =>
    !typed.trim() || matches(name, typed));
  $("labels").replaceChildren(...found.map(({ name, i }, place) => {
    const button = made("button", "", { type: "button" });
    button.dataset.label = name;
    if (typed.trim() && !place) button.append(made("kbd", "↵"));
    else if (i < KEYED) button.append(made("kbd", String((i + 1) % 10)));
    button.append(made("bdi", name));
    button.disabled = !shown;
    if (tagging) button.dataset.colour = i % COLOURS;
    if (i < KEYED) button.setAttribute("aria-keyshortcuts", String((i + 1) % 10));
    button.addEventListener("click", () => { clearFilter(); label(i); });
    return button;
  }));
  // As even as they can be: seven are four and three.
  const n = found.length;
  $("labels").dataset.columns = tagging && n === 6 ? 3 : n <= 5 ? n : n <= 8 ? 4 : 5;
  $("labels").classList.toggle("short", found.every(({ name }) => name.length <= SHORT));
  if (!found.length) $("labels").append(made("p", say("noLabel")));
  current();
};

const clearFilter = () => {
  if (!$("filter-input").value) return;
  $("filter-input").value = "";
  renderLabels();
};

/* Keys */

const ACTS = { undo, skip: () => speak("skipped"), note: openNote, hint, search: openSearch, guide, help: () => $("help").showModal() };

// By place on the keyboard, since with the Korean input method on, S gives ㄴ.
const BY_CODE = { KeyU: "undo", KeyS: "skip", KeyN: "note", KeyH: "hint", KeyG: "guide" };

const actOf = ({ key, code, shiftKey }) => {
  if (key === "?" || (code === "Slash" && shiftKey)) return "help";
  if (key === "/" || code === "Slash") return "search";
  return BY_CODE[code];
};

const typedKey = (event) => {
  const { target, key } = event;
  const done = key === "Escape" || (key === "Enter" && !event.shiftKey);
  if (!done) return;
  event.preventDefault();
  if (target === $("note-input")) closeNote();
  if (target === $("filter-input")) {
    const first = $("labels").querySelector("button");
    if (key === "Enter" && target.value.trim()) first?.click();
    else {
      clearFilter();
      $("text").focus({ preventScroll: true });
    }
  }
};

const digitOf = ({ code }) => /^(?:Digit|Numpad)(\d)$/.exec(code)?.[1];

// Answers with whether the key is the text's.
const taggingKey = (event) => {
  const { target, key, shiftKey, repeat } = event;
  if (!shown || openDialog() || target.matches("input, textarea")) return false;
  if (tagging.pressed(event)) return true;
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  if (key === "Enter" && !target.matches("button")) {
    if (!repeat) done();
  } else if (key === "Escape" && !$("hint").hidden) hideHint();
  else if (key === "Escape") return tagging.release();
  // Shift may still be held from selecting.
  else if (shiftKey && digitOf(event) !== undefined && tagging.selected.start < tagging.selected.end) {
    label((Number(digitOf(event)) + 9) % 10);
  } else return false;
  return true;
};

document.addEventListener("keydown", (event) => {
  if (!project || event.isComposing) return;
  if (tagging && taggingKey(event)) return void event.preventDefault();
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (openDialog()) return;
  if (event.target.matches("input, textarea")) {
    if (event.keyCode !== 229) typedKey(event); // 229: the input method has not finished a syllable
    return;
  }
  const digit = digitOf(event);
  const act = actOf(event);
  const filter = event.code === "KeyF" && !$("filter").hidden;
  if (event.key === "Escape") {
    if (!$("guide").hidden) guide();
    else if (shown?.visited) leave();
  } else if (digit !== undefined && !event.shiftKey) {
    event.preventDefault();
    if (!event.repeat) label((Number(digit) + 9) % 10);
  } else if (act || filter) {
    event.preventDefault();
    if (event.repeat) return;
    if (filter) $("filter-input").focus();
    else ACTS[act]();
  }
});

const leave = () => {
  rows.leave();
  render();
};

/* The beginning */

const wire = () => {
  for (const button of document.querySelectorAll("[data-act]")) {
    button.addEventListener("click", () => ACTS[button.dataset.act]());
    if (button.dataset.key) button.prepend(made("kbd", button.dataset.key));
  }
  for (const button of document.querySelectorAll("[data-close]")) {
    button.addEventListener("click", () => button.closest("dialog").close());
  }
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("click", ({ target, clientX: x, clientY: y }) => {
      const { left, right, top, bottom } = dialog.getBoundingClientRect();
      const inside = x >= left && x <= right && y >= top && y <= bottom;
      if (target === dialog && !inside) dialog.close();
    });
  }
  $("who").addEventListener("click", askName);
  $("back").addEventListener("click", leave);
  $("dismiss").addEventListener("click", () => outbox.dismiss());
  $("name").addEventListener("cancel", (event) => annotator || event.preventDefault());
  $("name").addEventListener("close", () => annotator || $("name").showModal());
  $("name-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = $("name-input").value;
    if (name.trim()) become(name);
  });
  $("note-input").addEventListener("input", ({ target }) => {
    if (!shown) return;
    shown.note = target.value;
    keep(storage.area, `note/${annotator}`, JSON.stringify([shown.row_id, target.value]));
  });
  $("filter-input").addEventListener("input", renderLabels);
  let typing;
  $("search-input").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(search, 200);
  });
  $("search-input").addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape") {
      event.preventDefault(); // it would empty the field first
      $("search").close();
    }
    if (event.key === "Enter" || event.key === "ArrowDown") {
      event.preventDefault();
      $("search-list").querySelector("button")?.focus();
    }
  });
  $("search-list").addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = [...$("search-list").querySelectorAll("button")];
    (all[all.indexOf(document.activeElement) + step] ?? $("search-input")).focus();
  });
  window.addEventListener("storage", (event) => {
    const told = outbox.told(event);
    if (told?.annotator === annotator && told.state !== "undone") rows.gone(told.row_id);
    render();
  });
  document.addEventListener("visibilitychange", () => document.hidden || more());
};

const speakLanguage = () => {
  const asked = new URLSearchParams(location.search).get("lang");
  const language = [asked, project.language].find((each) => each in WORDS) ?? "ko";
  words = WORDS[language];
  if (project.task === "tagging") words = { ...words, ...words.tagging };
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-say]")) {
    element.textContent = say(element.dataset.say);
  }
  const texts = {
    back: "back", dismiss: "dismiss", memory: "memory", "refused-why": "refusedWhy",
    "note-label": "noteLabel", "note-hint": "noteHint", "filter-label": "filter",
    "guide-title": "guide",
  };
  for (const [id, name] of Object.entries(texts)) $(id).textContent = say(name);
  $("filter-input").placeholder = say("filterHint");
  $("search-input").placeholder = say("searchHint");
  $("labels").setAttribute("aria-label", say("keyLabels"));
  const many = project.labels.length > KEYED;
  const last = Math.min(project.labels.length, KEYED);
  const labels = last > 1 ? `1–${last % 10}` : "1";
  const ofText = [
    ["← →", "keyMove"], ["Ctrl ← →", "keyWord"], ["Home End", "keyEnds"], ["Shift ← →", "keySelect"],
    ["Tab", "keyTab"],
  ];
  const keys = [
    ...(project.task === "tagging" ? ofText : []), [labels, "keyLabels"],
    ...(many ? [["F", "keyFilter"]] : []),
    ...(project.task === "tagging" ? [["⌫", "remove"], ["Enter", "keyDone"]] : []),
    ["S", "skip"], ["U", "undo"], ["N", "note"],
    ["H", project.task === "tagging" ? "keyHint" : "hint"], ["/", "search"], ["G", "guide"], ["?", "keyHelp"], ["Esc", "keyEscape"],
  ];
  $("keys").replaceChildren(...keys.flatMap(([key, name]) => {
    const term = made("dt");
    term.append(made("kbd", key));
    return [term, made("dd", say(name))];
  }));
};

const begin = async () => {
  const got = await get("project");
  if (!got.ok) return void setTimeout(begin, EAGER);
  project = got.body;
  speakLanguage();
  document.title = `${project.title} · al_ray`;
  $("title").textContent = project.title;
  $("guide-text").textContent = project.guideline || say("noGuide");
  outbox = new Outbox(project.project, send, () => {
    render();
    if (annotator && !rows.current && !outbox.waiting().length) more();
  });
  wire();
  if (project.task === "tagging") beginTagging();
  show($("filter"), project.labels.length > KEYED);
  renderLabels();
  const wide = matchMedia("(min-width: 900px)").matches;
  if (wide && recall(storage.area, "guide") === "open") guide();
  show($("app"), true);
  const name = known();
  render();
  if (name) await become(name);
  else askName();
};

begin();
