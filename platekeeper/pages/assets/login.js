// /login: by password and code, by passkey, or through the agency's issuer; then who is on and what may be done.

import { at, calm, day, filled, on, problem, said, show, words } from "/assets/page.js";
import { get } from "/assets/passkey.js";
import { begun, call, end, fromHere, resume } from "/assets/session.js";

let returned = null;
let again = null;
let accepted = {};
const WAYS = ["login", "otherwise", "second-factor"];
let ways = [];

// Log in by `attempt`; when the agency's policy is new, ask for it to be accepted and try once more.
async function logIn(attempt) {
  try {
    signedOn(begun(await attempt()));
  } catch (error) {
    if (error.code !== "policy_not_accepted") throw error;
    again = attempt;
    accepted = { accept_policy: error.problem.accept_policy };
    if (at("acceptance").hidden) ways = WAYS.filter((id) => !at(id).hidden);
    for (const id of WAYS) show(id, false);
    at("policy").href = error.problem.policy.at;
    at("policy-version").textContent = error.problem.policy.version;
    show("acceptance");
    at("acceptance-title").focus();
  }
}

// What was typed may have grown old while the policy was read: then back to it, and the acceptance stays said.
on("accept", "click", async () => {
  try {
    await logIn(again);
  } catch (error) {
    if (!["second_factor_wrong", "login_unknown", "passkey_wrong", "credentials_wrong"].includes(error.code)) throw error;
    show("acceptance", false);
    for (const id of error.code === "login_unknown" ? ["login", "otherwise"] : ways) show(id);
    for (const id of ["code", "second-code"]) at(id).value = "";
    if (error.code === "second_factor_wrong") error.field = ways.includes("second-factor") ? "second-code" : "code";
    throw error;
  }
});

on("decline", "click", async () => location.assign("/login"));

function signedOn(session) {
  for (const id of [...WAYS, "acceptance"]) show(id, false);
  at("login").reset();
  document.querySelector("h1").textContent = "You are logged in";
  at("name").textContent = session.title ? `${session.name}, ${session.title}` : session.name;
  at("agency").textContent = session.organisation;
  at("roles").textContent = session.roles.map((role) => role.replaceAll("_", " ")).join(", ");
  at("training").textContent = day(session.training_until) ?? "no completed training on file: no plate data";
  at("until").textContent = day(session.session_until);
  show("no-second-factor", !session.methods.some((method) => ["mfa", "otp", "hwk"].includes(method)));
  show("signed-on");
  at("main").focus();
}

// Six digits are a code; anything else is a recovery code.
function secondFactor(typed) {
  const text = typed.replaceAll(/\s/g, "");
  return /^[0-9]{6}$/.test(text) ? { code: text } : { recovery_code: text };
}

// What the platform wants besides: another field to fill.
function wanted(error) {
  const fields = { second_factor_required: "code", password_change_required: "new-password" };
  const field = fields[error.code];
  if (!field) {
    const about = { credentials_wrong: "password", second_factor_wrong: "code", password_too_short: "new-password", password_reused: "new-password" };
    error.field = about[error.code];
    throw error;
  }
  show(`${field}-field`);
  said(field === "code" ? "Now the code of your second factor." : "This password works once. Choose a new one.");
  at(field).focus();
}

on("login", "submit", async () => {
  const asked = ["username", "password", ...["code", "new-password"].filter((id) => !at(`${id}-field`).hidden)];
  if (!filled(...asked)) return;
  const username = at("username").value.trim().toLowerCase();
  const body = { username, password: at("password").value, ...fromHere(username) };
  if (!at("code-field").hidden) Object.assign(body, secondFactor(at("code").value));
  if (!at("new-password-field").hidden) body.new_password = at("new-password").value;
  try {
    await logIn(() => call("POST", "/v1/login", { ...body, ...accepted }));
  } catch (error) {
    at("code").value = "";
    wanted(error);
  }
});

on("passkey", "click", async () => {
  await logIn(async () =>
    call("POST", "/v1/login/passkey", { ...(await get("/v1/login/passkey/options")), ...fromHere(), ...accepted }),
  );
});

on("log-out", "click", async () => {
  await end();
  location.assign("/login");
});

on("second-factor", "submit", async () => {
  if (filled("second-code")) await finish({ ...returned, ...secondFactor(at("second-code").value) });
});

// Back from the agency's issuer, with its word.
async function finish(word) {
  returned = word;
  try {
    await logIn(() => call("POST", "/v1/login/oidc", { ...word, ...fromHere(), ...accepted }));
  } catch (error) {
    if (error.code !== "second_factor_required") throw error;
    for (const id of ["login", "otherwise"]) show(id, false);
    show("second-factor");
    at("second-code").focus();
  }
}

async function issuers() {
  const known = await call("GET", "/v1/login/issuers");
  at("issuers").replaceChildren(
    ...known.map(({ agency_id, agency }) => {
      const line = document.createElement("li");
      const link = document.createElement("a");
      link.href = `/v1/login/oidc?agency_id=${encodeURIComponent(agency_id)}`;
      link.className = "button second";
      link.textContent = `Log in through ${agency}`;
      line.append(link);
      return line;
    }),
  );
  show("issuers", known.length > 0);
}

async function begin() {
  const query = new URLSearchParams(location.search);
  history.replaceState(null, "", "/login");
  if (query.has("state") && query.has("code")) {
    await finish({ state: query.get("state"), authorization_code: query.get("code"), iss: query.get("iss") });
    return;
  }
  if (query.has("error")) throw new Error(words(query.get("error"), "Your agency's login was broken off. Try again."));
  const session = await resume();
  if (session?.locked) location.replace("/unlock");
  else if (session) signedOn(session);
  else at("username").focus();
}

calm();
issuers().catch(() => {});
begin().catch((error) => {
  if (error.code === "session_locked") location.replace("/unlock");
  else problem([words(error.code, error.message)]);
});
