// /enrol: a second factor by codes, recovery codes, and passkeys, for whoever is logged in.

import { at, calm, day, filled, on, problem, said, show } from "/assets/page.js";
import { create } from "/assets/passkey.js";
import { call, resume } from "/assets/session.js";

on("begin", "click", async () => {
  const factor = await call("POST", "/v1/me/second-factor");
  at("qr").src = `data:image/svg+xml,${encodeURIComponent(factor.qr_svg)}`;
  at("secret").textContent = factor.secret.match(/.{1,4}/g).join(" ");
  show("begin", false);
  show("scan");
  at("code").focus();
});

on("confirm", "submit", async () => {
  if (!filled("code")) return;
  try {
    const told = await call("POST", "/v1/me/second-factor/confirm", { code: at("code").value.replaceAll(/\s/g, "") });
    codes(told.recovery_codes);
  } catch (error) {
    error.field = "code";
    throw error;
  }
});

function codes(list) {
  at("qr").removeAttribute("src");
  at("secret").textContent = "";
  show("scan", false);
  said("From now on each login with your password asks for a code.");
  at("recovery-codes").replaceChildren(
    ...list.map((code) => {
      const line = document.createElement("li");
      line.textContent = code;
      return line;
    }),
  );
  show("recovery");
  at("recovery-title").focus();
}

on("print", "click", async () => window.print());

on("kept", "click", async () => {
  at("recovery-codes").replaceChildren();
  show("recovery", false);
  said("Your second factor is set up.");
});

on("register", "submit", async () => {
  if (!filled("passkey-name")) return;
  const name = at("passkey-name").value.trim();
  await call("POST", "/v1/me/passkeys", { ...(await create()), name });
  at("register").reset();
  await passkeys();
  said(`The passkey “${name}” is registered.`);
});

async function passkeys() {
  const known = await call("GET", "/v1/me/passkeys");
  at("passkeys").replaceChildren(
    ...known.map((one) => {
      const line = document.createElement("li");
      const words = document.createElement("span");
      words.textContent = one.name;
      const hint = document.createElement("span");
      hint.className = "hint";
      hint.textContent = one.used_at ? `last used ${day(one.used_at)}` : `registered ${day(one.registered_at)}, not used yet`;
      words.append(hint);
      const remove = document.createElement("button");
      remove.type = "button";
      remove.className = "link";
      remove.id = `remove-${one.id}`;
      remove.textContent = "Remove";
      remove.setAttribute("aria-label", `Remove the passkey ${one.name}`);
      line.append(words, remove);
      return line;
    }),
  );
  for (const one of known) {
    on(`remove-${one.id}`, "click", async () => {
      await call("DELETE", `/v1/me/passkeys/${encodeURIComponent(one.id)}`);
      await passkeys();
      said(`The passkey “${one.name}” is removed.`);
      at("passkey-name").focus();
    });
  }
}

async function begin() {
  const session = await resume();
  if (!session) {
    show("signed-off");
    return;
  }
  at("name").textContent = session.name;
  show("signed-on");
  await passkeys();
}

calm();
begin().catch((error) => {
  if (error.code === "session_locked") location.replace("/unlock");
  else problem([error.message]);
});
