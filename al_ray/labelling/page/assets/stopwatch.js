// Seconds that somebody looked at a row: not while the tab is hidden, and at most MOST.

const MOST = 600; // beyond it somebody was away

export class Stopwatch {
  #spent = 0;
  #since = null;

  constructor() {
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#pause();
      else this.#since ??= performance.now();
    });
  }

  begin() {
    this.#spent = 0;
    this.#since = document.hidden ? null : performance.now();
  }

  seconds() {
    const now = this.#since === null ? 0 : performance.now() - this.#since;
    return Math.round(Math.min((this.#spent + now) / 1000, MOST) * 10) / 10;
  }

  #pause() {
    if (this.#since !== null) this.#spent += performance.now() - this.#since;
    this.#since = null;
  }
}
