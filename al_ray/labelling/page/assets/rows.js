// The rows of one annotator: those to come, of which the first is shown, and what was said of others.

export class Rows {
  ahead = [];
  history = []; // oldest first: {row_id, text, state, answer, note}
  #acts = 0;
  #acted = new Map(); // of a row: which act was the last of it

  get current() {
    return this.ahead[0] ?? null;
  }

  before(row) {
    return this.history.find((each) => each.row_id === row) ?? null;
  }

  did(item, state, answer, note) {
    this.#act(item.row_id);
    this.#drop(item.row_id);
    this.history = this.history.filter((each) => each.row_id !== item.row_id);
    this.history.push({ row_id: item.row_id, text: item.text, state, answer, note });
  }

  // The last row something was said of comes back; null: there is none.
  undo() {
    const was = this.history.pop();
    if (!was) return null;
    this.#act(was.row_id);
    this.#drop(was.row_id);
    this.ahead.unshift({ row_id: was.row_id, text: was.text, note: was.note, was });
    return was;
  }

  visit(item) {
    this.#drop(item.row_id);
    const was = this.before(item.row_id) ?? item.was;
    this.ahead.unshift({ ...item, note: was?.note, was, visited: true });
  }

  leave() {
    if (this.current?.visited) this.ahead.shift();
  }

  // Something was said of it elsewhere, such as in another tab.
  gone(row) {
    if (!this.current?.visited || this.current.row_id !== row) this.#drop(row);
  }

  // To be taken when rows are asked for, and given to `merge` with them.
  mark(waiting) {
    return { acts: this.#acts, waiting: new Set(waiting) };
  }

  // Rows from the server join those that are there, but for those that were spoken of meanwhile.
  // Where all there are came and nothing was said meanwhile, the rest is no longer asked.
  merge(items, mark, waiting, all) {
    const still = new Set(waiting);
    if (all && mark.acts === this.#acts && !mark.waiting.size && !still.size) {
      const asked = new Set(items.map((item) => item.row_id));
      this.ahead = this.ahead.filter((item, i) => !i || item.visited || asked.has(item.row_id));
    }
    const here = new Set(this.ahead.map((item) => item.row_id));
    for (const item of items) {
      const row = item.row_id;
      const spoken = mark.waiting.has(row) || still.has(row) || this.#acted.get(row) > mark.acts;
      if (!spoken && !here.has(row)) this.ahead.push(item);
    }
  }

  #act(row) {
    this.#acts += 1;
    this.#acted.set(row, this.#acts);
  }

  #drop(row) {
    this.ahead = this.ahead.filter((item) => item.row_id !== row);
  }
}
