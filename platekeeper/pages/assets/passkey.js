// WebAuthn: from the platform's JSON to the browser and back (W3C WebAuthn level 2; base64url as in its JSON forms).

import { call } from "/assets/session.js";

const bytes = (text) => {
  const plain = text.replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(plain.padEnd(Math.ceil(plain.length / 4) * 4, "=")), (letter) => letter.charCodeAt(0));
};
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

function descriptors(list = []) {
  return list.map((one) => ({ ...one, id: bytes(one.id) }));
}

function refuseElsewhere(origin) {
  if (location.origin === origin) return;
  throw new Error(
    `Passkeys work only at ${origin}, and you opened ${location.origin}. A browser binds them to a host name, never to an IP address.`,
  );
}

async function answered(ask) {
  if (!window.PublicKeyCredential) throw new Error("This browser has no passkeys, or the page is not encrypted.");
  try {
    return await ask();
  } catch (error) {
    if (error.name === "NotAllowedError") throw new Error("No passkey was given. Try again, or log in another way.");
    if (error.name === "InvalidStateError") throw new Error("This device has a passkey of yours already.");
    throw error;
  }
}

function credential(made, response) {
  return { id: made.id, rawId: text(made.rawId), type: made.type, response };
}

// A new passkey, as /v1/me/passkeys takes it.
export async function create() {
  const asked = await call("POST", "/v1/me/passkeys/options");
  refuseElsewhere(asked.origin);
  const publicKey = {
    ...asked.options,
    challenge: bytes(asked.options.challenge),
    user: { ...asked.options.user, id: bytes(asked.options.user.id) },
    excludeCredentials: descriptors(asked.options.excludeCredentials),
  };
  const made = await answered(() => navigator.credentials.create({ publicKey }));
  const response = {
    clientDataJSON: text(made.response.clientDataJSON),
    attestationObject: text(made.response.attestationObject),
  };
  return { challenge_id: asked.challenge_id, credential: credential(made, response) };
}

// The answer of a passkey to the challenge that `path` gives.
export async function get(path) {
  const asked = await call("POST", path);
  refuseElsewhere(asked.origin);
  const publicKey = {
    ...asked.options,
    challenge: bytes(asked.options.challenge),
    allowCredentials: descriptors(asked.options.allowCredentials),
  };
  const made = await answered(() => navigator.credentials.get({ publicKey }));
  const { clientDataJSON, authenticatorData, signature, userHandle } = made.response;
  const response = {
    clientDataJSON: text(clientDataJSON),
    authenticatorData: text(authenticatorData),
    signature: text(signature),
    userHandle: userHandle ? text(userHandle) : null,
  };
  return { challenge_id: asked.challenge_id, credential: credential(made, response) };
}
