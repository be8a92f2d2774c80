// The session as the pages hold it: the access token only in this module's memory, the refresh token only in a cookie
// that no script can read. What is in localStorage says that there is a cookie, and nothing more.

const HERE = "platekeeper-session";
const DEVICES = "platekeeper-devices";
let token = null;

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail);
    this.status = status;
    this.code = problem.code;
    this.problem = problem;
  }
}

async function send(method, path, body) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Refused(0, { code: "unreachable", detail: "The platform does not answer. Check the network and try again." });
  }
  const text = await answer.text();
  let told = {};
  try {
    told = text ? JSON.parse(text) : {};
  } catch { /* not ours: the status says enough */ }
  if (!answer.ok) throw new Refused(answer.status, { code: "unknown", detail: `The platform answered ${answer.status}.`, ...told });
  return told;
}

// Once a token has ended, the cookie gets another one.
export async function call(method, path, body) {
  try {
    return await send(method, path, body);
  } catch (error) {
    if (!(error instanceof Refused) || error.code !== "token_expired") throw error;
    await resume();
    return send(method, path, body);
  }
}

export function begun(session) {
  token = session.access_token;
  localStorage.setItem(HERE, "1");
  if (session.device_token) remember(session.username, session.device_token);
  return session;
}

// By which the platform knows this device again, person by person; it opens nothing.
function devices() {
  return JSON.parse(localStorage.getItem(DEVICES) ?? "[]");
}

function remember(username, device) {
  const others = devices().filter((one) => one.username !== username);
  localStorage.setItem(DEVICES, JSON.stringify([{ username, device }, ...others].slice(0, 20)));
}

// From where somebody logs in: the person named, or whoever did last.
export function fromHere(username) {
  const known = devices().find((one) => username === undefined || one.username === username);
  return known ? { cookie: true, device_token: known.device } : { cookie: true };
}

function forget() {
  token = null;
  localStorage.removeItem(HERE);
}

// The session that the cookie carries on, or null. Of several tabs one asks at a time: a refresh token works once.
export async function resume() {
  if (!localStorage.getItem(HERE)) return null;
  token = null;
  try {
    return begun(await navigator.locks.request(HERE, () => send("POST", "/v1/session/refresh", {})));
  } catch (error) {
    if (error.code === "session_locked") throw error;
    if (error.status === 401 || error.status === 403) {
      forget();
      return null;
    }
    throw error;
  }
}

export async function unlocked(path, body) {
  return begun(await navigator.locks.request(HERE, () => send("POST", path, body)));
}

export async function end() {
  try {
    await navigator.locks.request(HERE, () => send("POST", "/v1/session/end", {}));
  } catch (error) {
    if (error.status !== 401) throw error;
  }
  forget();
}
