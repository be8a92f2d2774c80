// What the plain pages share: saying what is wrong, and one thing at a time.

export const at = (id) => document.getElementById(id);

export function show(id, shown = true) {
  at(id).hidden = !shown;
}

const WORDS = {
  credentials_wrong: "Username or password is wrong.",
  account_locked: "Too many failed logins. Wait 15 minutes, or ask an administrator who is on duty.",
  second_factor_wrong: "The code is wrong, too old, or was used before.",
  session_locked: "This session is locked.",
  passkey_wrong: "This passkey opens no account here.",
  too_many_logins: "Too many logins from this computer. Wait a minute.",
  token_missing: "Log in first.",
  login_unknown: "This login began elsewhere, has ended or took too long. Begin again.",
  issuer_unavailable: "Your agency's login does not answer. Try again in a minute.",
};

// The error summary: each line leads to the field that it is about; the field is described by it.
export function problem(...lines) {
  const list = at("problem").querySelector("ul");
  list.replaceChildren(
    ...lines.map(([text, field]) => {
      const line = document.createElement("li");
      if (field && at(field)) {
        const link = document.createElement("a");
        link.href = `#${field}`;
        link.textContent = text;
        link.addEventListener("click", (event) => {
          event.preventDefault();
          at(field).focus();
        });
        line.append(link);
        at(field).setAttribute("aria-invalid", "true");
      } else {
        line.textContent = text;
      }
      return line;
    }),
  );
  show("problem");
  at("problem").focus();
}

export function calm() {
  show("problem", false);
  at("status").textContent = "";
  for (const field of document.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
}

export function said(text) {
  at("status").textContent = text;
}

// What is said about a refusal of that code; `otherwise` where the page has no words of its own for it.
export function words(code, otherwise) {
  return WORDS[code] ?? otherwise;
}

// Runs `act` when the button or form is used; says what went wrong; a second click meanwhile does nothing.
export function on(id, event, act) {
  const element = at(id);
  const button = element.matches("form") ? element.querySelector("button[type=submit]") : element;
  element.addEventListener(event, async (happened) => {
    happened.preventDefault();
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    calm();
    try {
      await act();
    } catch (error) {
      problem([words(error.code, error.message), error.field]);
    } finally {
      button.removeAttribute("aria-disabled");
    }
  });
}

// The values of fields by name, or null when one is missing, which is said.
export function filled(...fields) {
  const missing = fields.filter((id) => !at(id).value.trim());
  if (!missing.length) return true;
  problem(...missing.map((id) => [`Enter ${document.querySelector(`label[for=${id}]`).textContent.toLowerCase()}.`, id]));
  return false;
}

export function day(text) {
  return text ? new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }) : null;
}
