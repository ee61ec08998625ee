// A text in which places are marked: a caret, what is selected, and marks. What is selected is the
// browser's own selection, too, so that dragging and a long press do as everywhere.
import { markAt, markInWords, overlap, parsed, parts, placed, same, trimmed, without, wordEnd } from "./marks.js";

export const COLOURS = 10;
const NAME = 14; // characters of a label's name that stand in the text
const HEARD = 200; // characters of a selection that are said aloud
const MANY = 5000; // characters from which on the caret goes by code points

const typing = () => document.activeElement?.matches("input, textarea");

export class Tagging {
  marks = [];
  suggested = [];
  #text;
  #caret;
  #labels;
  #made;
  #changed;
  #tell;
  #signs = [];
  #blocks = []; // lengths of the blocks that a long text is set in
  #stops = null; // where what people call a character begins, which may be several code points
  #nodes = []; // of the text as it is set: [node, start, end]
  #anchor = 0;
  #focus = 0;
  #chosen = null;
  #tapped = null; // the character that a finger has touched first
  #finger = false; // whether it was one that touched the text last

  // made(kind, text, facts) gives an element; changed(edited) is called after whatever changes;
  // tell(text) says something aloud.
  constructor({ text, caret, labels, made, changed, tell }) {
    [this.#text, this.#caret, this.#labels] = [text, caret, labels];
    [this.#made, this.#changed, this.#tell] = [made, changed, tell];
    text.tabIndex = 0;
    text.addEventListener("pointerdown", ({ pointerType, button, shiftKey }) => {
      this.#finger = pointerType !== "mouse";
      // Or dragging would move what is selected, and not select anew.
      if (!this.#finger && !button && !shiftKey) document.getSelection().removeAllRanges();
    });
    text.addEventListener("click", (event) => this.#clicked(event));
    text.addEventListener("dragstart", (event) => event.preventDefault());
    text.addEventListener("focus", () => this.#mirror());
    document.addEventListener("selectionchange", () => this.#follow());
    new ResizeObserver(() => this.#drawCaret()).observe(text);
  }

  get chosen() {
    return this.#chosen;
  }

  get selected() {
    return trimmed(this.#signs, this.#span);
  }

  get #span() {
    return { start: Math.min(this.#anchor, this.#focus), end: Math.max(this.#anchor, this.#focus) };
  }

  get #selects() {
    return this.#anchor !== this.#focus;
  }

  // blocks: of the text, in order.
  open(blocks, answer) {
    this.#signs = [...blocks.join("")];
    this.#blocks = blocks.map((block) => [...block].length);
    this.#stops = stopsOf(blocks.join(""));
    this.marks = parsed(answer, this.#signs.length, this.#labels);
    [this.suggested, this.#tapped, this.#anchor, this.#focus] = [[], null, 0, 0];
    this.#chosen = markAt(this.marks, 0);
    this.#draw();
  }

  // Answers with whether there was anything to mark.
  mark(label) {
    const span = this.#selects ? this.selected : this.#chosen;
    if (!span || span.start === span.end) return false;
    this.#edit(placed(this.marks, { start: span.start, end: span.end, label }), span);
    return true;
  }

  // What is selected, or the mark at the caret, is no longer marked.
  remove() {
    const span = this.#selects ? this.#span : this.#chosen;
    if (span) this.#edit(without(this.marks, span), { start: this.#focus, end: this.#focus });
  }

  suggest(answer) {
    this.suggested = parsed(answer, this.#signs.length, this.#labels);
    this.#draw();
  }

  // What is suggested joins one's own, which stay where both are; answers with how many came.
  take() {
    const free = this.suggested.filter((each) => !this.marks.some((mark) => overlap(mark, each)));
    this.suggested = [];
    const all = free.reduce(placed, this.marks);
    this.#edit(all, { start: this.#focus, end: this.#focus });
    return free.length;
  }

  // Nothing is selected any more; answers with whether anything was.
  release() {
    const was = this.#selects;
    if (was) this.#go(this.#focus, this.#focus);
    return was;
  }

  // Answers with whether the key was one of the text's.
  pressed({ key, shiftKey, ctrlKey, altKey, metaKey, target }) {
    if (metaKey || target.closest("#guide")) return false;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 }[key];
    const word = ctrlKey || altKey;
    if (key === "ArrowLeft" || key === "ArrowRight") {
      const { start, end } = this.#span;
      const to = word ? wordEnd(this.#signs, this.#focus, step)
        : this.#selects && !shiftKey ? (step < 0 ? start : end) : this.#step(this.#focus, step);
      this.#move(to, shiftKey);
    } else if (step && !word) this.#line(step, shiftKey);
    else if (key === "Home" || key === "End") this.#move(key === "Home" ? 0 : this.#signs.length, shiftKey);
    else if (word) return false;
    else if (key === "Backspace" || key === "Delete") this.remove();
    else if (key === "Tab" && target === this.#text) return this.#tab(shiftKey);
    else return false;
    return true;
  }

  /* Where one is */

  #move(place, extends_) {
    this.#go(extends_ ? this.#anchor : place, place);
    this.#caret.scrollIntoView({ block: "nearest" });
    this.#tellPlace();
  }

  // Only the browser knows where the lines are.
  #line(step, extends_) {
    this.#mirror();
    const native = document.getSelection();
    native.modify(extends_ ? "extend" : "move", step < 0 ? "backward" : "forward", "line");
    const to = this.#place(native.focusNode, native.focusOffset);
    this.#move(to, extends_);
  }

  // From mark to mark, and from the last on to where the browser goes: nobody is held here.
  #tab(back) {
    const from = this.#chosen?.start ?? this.#focus;
    const beyond = ({ start }) => (back ? start < from : start > from || (start === from && !this.#chosen));
    const next = back ? this.marks.findLast(beyond) : this.marks.find(beyond);
    if (!next) return false;
    this.#choose(next);
    this.#caret.scrollIntoView({ block: "nearest" });
    this.#tellPlace();
    return true;
  }

  #choose(mark) {
    this.#tapped = null;
    this.#go(mark.start, mark.start, mark);
  }

  #go(anchor, focus, mark = null) {
    [this.#anchor, this.#focus] = [anchor, focus];
    this.#chosen = this.#selects ? null : mark ?? markAt(this.marks, focus);
    this.#mirror();
    this.#show();
  }

  #edit(marks, { start, end }) {
    this.marks = marks;
    [this.#anchor, this.#focus, this.#tapped] = [end, end, null];
    this.#chosen = marks.find((mark) => mark.start === start && mark.end === end) ?? null;
    this.#draw();
    this.#changed(true);
    this.#tellPlace();
  }

  #step(place, step) {
    if (!this.#stops) return Math.min(Math.max(place + step, 0), this.#signs.length);
    return (step < 0 ? this.#stops.findLast((stop) => stop < place) : this.#stops.find((stop) => stop > place)) ?? place;
  }

  #tellPlace() {
    const { start, end } = this.#span;
    this.#tell(start < end ? this.#signs.slice(start, end).slice(0, HEARD).join("")
      : this.#chosen ? markInWords(this.#signs, this.#chosen)
        : this.#signs.slice(end, this.#step(end, 1)).join(""));
  }

  /* The browser's selection */

  #follow() {
    if (!this.#text.isConnected || typing()) return;
    const { anchorNode, anchorOffset, focusNode, focusOffset, isCollapsed } = document.getSelection();
    const here = [anchorNode, focusNode].some((node) => node && this.#text.contains(node));
    // A tap loses it before it is a click; and what is set anew takes it along.
    if (!here || (this.#finger && isCollapsed)) {
      if (!here && anchorNode && !this.#finger) this.release();
      return;
    }
    const [anchor, focus] = [this.#place(anchorNode, anchorOffset), this.#place(focusNode, focusOffset)];
    if (anchor === this.#anchor && focus === this.#focus) return;
    this.#tapped = null;
    [this.#anchor, this.#focus] = [anchor, focus];
    this.#chosen = this.#selects ? null : markAt(this.marks, focus);
    this.#show();
  }

  #mirror() {
    if (typing()) return;
    const native = document.getSelection();
    const [anchor, focus] = [this.#point(this.#anchor), this.#point(this.#focus)];
    native.setBaseAndExtent(...anchor, ...focus);
  }

  #clicked(event) {
    const mark = this.marks[event.target.closest("mark")?.dataset.mark];
    if (!this.#finger) {
      // The name of a mark is beside it, where the browser's caret is no longer in it.
      this.#follow();
      if (mark && !this.#selects) this.#go(this.#focus, this.#focus, mark);
      return;
    }
    if (mark && this.#tapped === null) return this.#choose(mark);
    const under = this.#under(event.clientX, event.clientY);
    if (!under) return;
    if (!this.#tapped && !this.#signs[under.start].trim()) return void this.release(); // no mark begins there
    const first = this.#tapped ?? under;
    this.#go(Math.min(first.start, under.start), Math.max(first.end, under.end));
    this.#tapped = this.#tapped ? null : under;
  }

  // The character under a finger: of the nearest place, it is the one before or after.
  #under(x, y) {
    const found = document.caretPositionFromPoint?.(x, y) ?? document.caretRangeFromPoint?.(x, y);
    const [node, offset] = [found?.offsetNode ?? found?.startContainer, found?.offset ?? found?.startOffset];
    if (!node || !this.#text.contains(node) || !this.#signs.length) return null;
    const place = this.#place(node, offset);
    const before = this.#step(place, -1);
    const box = before < place ? this.#box(before, place) : null;
    const inside = box && box.left <= x && x < box.right && box.top <= y && y < box.bottom;
    const start = inside || place === this.#signs.length ? before : place;
    return { start, end: this.#step(start, 1) };
  }

  // Where a point of the document is in the text; what is outside is at one of its ends.
  #place(node, offset) {
    const range = document.createRange();
    range.selectNodeContents(this.#text);
    const side = range.comparePoint(node, offset);
    if (side) return side < 0 ? 0 : this.#signs.length;
    range.setEnd(node, offset);
    return Math.min([...range.toString()].length, this.#signs.length);
  }

  #point(place, into = false) {
    const found = this.#nodes.find(([, , end]) => (into ? place < end : place <= end));
    if (!found) return [this.#text, 0];
    return [found[0], this.#signs.slice(found[1], place).join("").length];
  }

  #box(start, end) {
    const range = document.createRange();
    range.setStart(...this.#point(start, true));
    range.setEnd(...this.#point(end));
    return range.getClientRects()[0] ?? null;
  }

  /* As it is set */

  #draw() {
    this.#nodes = [];
    let from = 0;
    const blocks = this.#blocks.map((length) => {
      const inside = parts(from, from + length, this.marks, this.suggested).map((part) => this.#part(part));
      from += length;
      return inside;
    });
    const spans = blocks.map((inside) => {
      const span = this.#made("span");
      span.append(...inside);
      return span;
    });
    this.#text.replaceChildren(...(blocks.length > 1 ? spans : blocks.flat()));
    if (!this.#signs.length) this.#text.textContent = "—";
    this.#mirror();
    this.#show();
  }

  #part({ start, end, mark, suggestion }) {
    let inner = document.createTextNode(this.#signs.slice(start, end).join(""));
    this.#nodes.push([inner, start, end]);
    const wrap = (kind, { label, end: last }, doubt) => {
      const element = this.#made(kind, "", { title: label });
      element.dataset.colour = this.#labels.indexOf(label) % COLOURS;
      // Drawn by the style sheet: so it is no part of the text.
      if (last === end) element.dataset.name = named(label) + doubt;
      element.append(inner);
      return element;
    };
    if (suggestion && !(mark && same(mark, suggestion))) inner = wrap("u", suggestion, "?");
    if (mark) {
      inner = wrap("mark", mark, "");
      inner.dataset.mark = this.marks.indexOf(mark);
    }
    return inner;
  }

  #show() {
    for (const each of this.#text.querySelectorAll("mark")) {
      each.classList.toggle("chosen", this.marks[each.dataset.mark] === this.#chosen);
    }
    this.#paint();
    this.#drawCaret();
    this.#changed(false);
  }

  // The browser shows no selection while somebody types elsewhere.
  #paint() {
    if (!globalThis.CSS?.highlights) return;
    CSS.highlights.delete("selected");
    const { start, end } = this.#span;
    if (start === end) return;
    const range = document.createRange();
    range.setStart(...this.#point(start, true));
    range.setEnd(...this.#point(end));
    CSS.highlights.set("selected", new Highlight(range));
  }

  #drawCaret() {
    const [place, signs] = [this.#focus, this.#signs];
    const lineEnds = signs[place] === "\n" && place > 0 && signs[place - 1] !== "\n";
    const behind = place > 0 && (place === signs.length || lineEnds);
    const box = signs.length ? this.#box(behind ? place - 1 : place, behind ? place : place + 1) : null;
    this.#caret.hidden = !box;
    if (!box) return;
    const { left, top } = this.#caret.offsetParent?.getBoundingClientRect() ?? { left: 0, top: 0 };
    this.#caret.style.left = `${(behind ? box.right : box.left) - left - 1}px`;
    this.#caret.style.top = `${box.top - top}px`;
    this.#caret.style.height = `${box.height}px`;
  }
}

const named = (label) => ([...label].length > NAME ? `${[...label].slice(0, NAME).join("")}…` : label);

const stopsOf = (text) => {
  if (!Intl.Segmenter || text.length > MANY) return null;
  const stops = [0];
  for (const { segment } of new Intl.Segmenter().segment(text)) stops.push(stops.at(-1) + [...segment].length);
  return stops;
};
