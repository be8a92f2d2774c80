// /unlock: the person whose session is locked proves to be there again.

import { at, calm, filled, on, problem, show } from "/assets/page.js";
import { get } from "/assets/passkey.js";
import { end, resume, unlocked } from "/assets/session.js";

const onward = () => location.assign("/login");

on("unlock", "submit", async () => {
  if (!filled("password")) return;
  try {
    await unlocked("/v1/session/unlock", { password: at("password").value });
    onward();
  } catch (error) {
    at("password").value = "";
    error.field = "password";
    throw error;
  }
});

on("passkey", "click", async () => {
  await unlocked("/v1/session/unlock/passkey", await get("/v1/session/unlock/passkey/options"));
  onward();
});

on("log-out", "click", async () => {
  await end();
  onward();
});

function locked(name, username) {
  at("who").textContent = name;
  at("username").value = username;
  show("locked");
  at("password").focus();
}

async function begin() {
  try {
    const session = await resume();
    if (!session) show("nobody");
    else if (session.locked) locked(session.name, session.username);
    else onward();
  } catch (error) {
    if (error.code !== "session_locked") throw error;
    locked(error.problem.name, error.problem.username);
  }
}

calm();
begin().catch((error) => problem([error.message]));
