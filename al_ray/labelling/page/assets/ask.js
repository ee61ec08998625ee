// Requests to the page's own server. Nothing is thrown: what came of one is in what it gives.

const PATIENCE = 15000; // milliseconds

const REFUSALS = [400, 413, 415, 422];

// {ok, body} or {trouble, error}: lost (nobody answers), moved (nobody knows this address),
// failing (the server could not), refused (it never will).
const request = async (path, options) => {
  let response;
  try {
    response = await fetch(path, {
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      signal: AbortSignal.timeout?.(PATIENCE),
      ...options,
    });
    const body = response.headers.get("content-type")?.startsWith("application/json")
      ? await response.json() : null;
    if (response.ok && body) return { ok: true, body };
    const error = body?.error ?? `HTTP ${response.status}`;
    if (body && REFUSALS.includes(response.status)) return { trouble: "refused", error };
    if ([403, 404].includes(response.status)) return { trouble: "moved", error };
    return { trouble: "failing", error };
  } catch {
    return { trouble: "lost", error: "" };
  }
};

export const get = (name, facts = {}) => request(`api/${name}?${new URLSearchParams(facts)}`);

export const post = (name, facts) => request(`api/${name}`, {
  method: "POST",
  headers: { "content-type": "application/json", "x-al-ray": "page" },
  body: JSON.stringify(facts),
});
