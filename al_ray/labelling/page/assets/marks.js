// Marks of a text: {start, end, label}, sorted, none over another. A place is a code point, as the
// server counts, and not a unit of UTF-16, as JavaScript does: an emoji is one.

const NONE = "O"; // the answer of a text without marks
const LONG = 40; // characters of a mark that are said

export const overlap = (a, b) => a.start < b.end && b.start < a.end;

const sorted = (marks) => [...marks].sort((a, b) => a.start - b.start);

// Those of an answer; what fits neither the text nor the labels is left out.
export const parsed = (answer, length = Infinity, labels = null) => {
  const found = (answer ?? "").split(" ").map((each) => /^(\d+)-(\d+):(.+)$/su.exec(each));
  return sorted(found.filter(Boolean)
    .map(([, start, end, label]) => ({ start: Number(start), end: Number(end), label }))
    .filter(({ start, end, label }) => start < end && end <= length && (labels?.includes(label) ?? true)))
    .reduce((kept, mark) => ((kept.at(-1)?.end ?? 0) <= mark.start ? [...kept, mark] : kept), []);
};

export const written = (marks) =>
  marks.map(({ start, end, label }) => `${start}-${end}:${label}`).join(" ") || NONE;

// With another, which takes the place of all that it overlaps.
export const placed = (marks, mark) => sorted([...without(marks, mark), mark]);

export const without = (marks, span) => marks.filter((mark) => !overlap(mark, span));

// The one that a place is in, or else at the end of.
export const markAt = (marks, place) =>
  marks.find(({ start, end }) => start <= place && place < end)
  ?? marks.find(({ end }) => end === place) ?? null;

export const same = (a, b) => a.start === b.start && a.end === b.end && a.label === b.label;

// Without blanks at its ends.
export const trimmed = (signs, { start, end }) => {
  while (start < end && !signs[start].trim()) start += 1;
  while (start < end && !signs[end - 1].trim()) end -= 1;
  return { start, end };
};

const kindOf = (sign) => (!sign.trim() ? 0 : /[\p{L}\p{N}\p{M}]/u.test(sign) ? 1 : 2);

// Where a word ends (step 1) or begins (-1) next; signs that are no letters are words of their own.
export const wordEnd = (signs, place, step) => {
  const next = () => signs[step > 0 ? place : place - 1];
  while (next() !== undefined && !kindOf(next())) place += step;
  const kind = next() === undefined ? 0 : kindOf(next());
  while (next() !== undefined && kindOf(next()) === kind) place += step;
  return place;
};

// A stretch of the text, cut wherever a mark or a suggestion begins or ends.
export const parts = (from, to, marks, suggested) => {
  const cuts = new Set([from, to]);
  for (const { start, end } of [...marks, ...suggested]) {
    for (const cut of [start, end]) if (from < cut && cut < to) cuts.add(cut);
  }
  const over = (all, start) => all.find((each) => each.start <= start && start < each.end) ?? null;
  return [...cuts].sort((a, b) => a - b).slice(0, -1).map((start, i, all) => ({
    start, end: all[i + 1] ?? to, mark: over(marks, start), suggestion: over(suggested, start),
  }));
};

const short = (text) => {
  const signs = [...text.replace(/\s+/g, " ")];
  return signs.length > LONG ? `${signs.slice(0, LONG).join("")}…` : signs.join("");
};

export const markInWords = (signs, { start, end, label }) =>
  `${label} ${short(signs.slice(start, end).join("")) || "…"}`;

// An answer as people say it: PS 김철수, LC 서울.
export const inWords = (answer, text, nothing) => {
  const [marks, signs] = [parsed(answer), [...text]];
  if (!marks.length) return answer === NONE ? nothing : answer;
  return marks.map((mark) => markInWords(signs, mark)).join(", ");
};
