// What was said and has not arrived: kept in the browser, sent in order, given up only where the
// server says that it will never take it.

const DELAYS = [500, 1000, 2000, 4000, 5000]; // milliseconds between tries

// Web storage where there is any; else the page's memory, and `lasts` is false.
export const storage = (() => {
  try {
    localStorage.setItem("al_ray/try", "");
    localStorage.removeItem("al_ray/try");
    return { lasts: true, area: localStorage };
  } catch {
    const kept = new Map();
    const area = {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => kept.set(key, value),
      removeItem: (key) => kept.delete(key),
      key: (i) => [...kept.keys()][i] ?? null,
      get length() { return kept.size; },
    };
    return { lasts: false, area };
  }
})();

// randomUUID is only where the browser trusts the origin, as not on every tunnel.
export const newId = () => {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0")).join("");
};

// Each event has a key of its own, so that two tabs never write over each other's.
export class Outbox {
  #root;
  #send;
  #changed;
  #latest = 0;
  #tries = 0;
  #timer = null;
  #sending = false;
  #overflow = new Map(); // what the browser had no room for

  // send(event) gives {ok, refused, error}; changed() is called after whatever changes.
  constructor(project, send, changed) {
    this.#root = `al_ray/${project}/`;
    this.#send = send;
    this.#changed = changed;
    window.addEventListener("online", () => this.flush());
    document.addEventListener("visibilitychange", () => document.hidden || this.flush());
    window.addEventListener("beforeunload", (event) => {
      if ((!storage.lasts || this.#overflow.size) && this.waiting().length) event.preventDefault();
    });
  }

  get lasts() {
    return storage.lasts && !this.#overflow.size;
  }

  put(event) {
    // The order is by clock, since another tab counts too, but never backwards.
    this.#latest = Math.max(this.#latest + 1, Date.now());
    this.#write("event/", { ...event, order: this.#latest });
    this.#changed();
    this.flush();
  }

  waiting() {
    return this.#all("event/").sort((a, b) => a.order - b.order);
  }

  refused() {
    return this.#all("refused/").sort((a, b) => a.order - b.order);
  }

  dismiss() {
    for (const event of this.refused()) this.#remove("refused/", event);
    this.#changed();
  }

  // An event that another tab has put, or null: of a storage event.
  told({ key, newValue }) {
    if (!key?.startsWith(`${this.#root}event/`) || !newValue) return null;
    return parsed(newValue);
  }

  // One tab sends at a time where the browser can see to that; if not, the server takes once what
  // it gets twice.
  async flush() {
    if (this.#sending) return;
    this.#sending = true;
    clearTimeout(this.#timer);
    try {
      if (!navigator.locks) await this.#sendAll();
      else {
        await navigator.locks.request(`${this.#root}send`, { ifAvailable: true }, async (lock) => {
          if (lock) await this.#sendAll();
        });
      }
    } finally {
      this.#sending = false;
    }
    if (this.waiting().length) {
      const delay = DELAYS[Math.min(this.#tries, DELAYS.length - 1)];
      this.#timer = setTimeout(() => this.flush(), delay);
    }
  }

  async #sendAll() {
    for (let [event] = this.waiting(); event; [event] = this.waiting()) {
      const { ok, refused, error } = await this.#send(event);
      if (!ok && !refused) {
        this.#tries += 1;
        this.#changed();
        return;
      }
      this.#tries = 0;
      if (refused) this.#write("refused/", { ...event, error });
      this.#remove("event/", event);
      this.#changed();
    }
  }

  #write(kind, event) {
    const key = `${this.#root}${kind}${event.annotation}`;
    try {
      storage.area.setItem(key, JSON.stringify(event));
    } catch {
      this.#overflow.set(key, event);
    }
  }

  #remove(kind, { annotation }) {
    const key = `${this.#root}${kind}${annotation}`;
    storage.area.removeItem(key);
    this.#overflow.delete(key);
  }

  #all(kind) {
    const found = [...this.#overflow].filter(([key]) => key.startsWith(this.#root + kind));
    const events = found.map(([, event]) => event);
    for (let i = 0; i < storage.area.length; i += 1) {
      const key = storage.area.key(i);
      if (key?.startsWith(this.#root + kind)) events.push(parsed(storage.area.getItem(key)));
    }
    return events.filter(Boolean);
  }
}

const parsed = (text) => {
  try { return JSON.parse(text); } catch { return null; }
};
