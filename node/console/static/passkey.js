// Passkeys: the only thing that takes a script. It asks the browser and puts the answer into a plain form.
"use strict";

async function questionOf(form) {
  if (form.dataset.question) return JSON.parse(form.dataset.question);
  const reply = await fetch(form.dataset.ask, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  if (!reply.ok) throw new Error(String(reply.status));
  return reply.json();
}

async function answer(form) {
  const question = await questionOf(form);
  const credential =
    form.dataset.passkey === "make"
      ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(question) })
      : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(question) });
  form.elements.namedItem("answer").value = JSON.stringify(credential.toJSON());
  form.submit();
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const button = form.querySelector("button");
  const failed = form.querySelector("[data-failed]");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    button.disabled = true;
    failed.hidden = true;
    answer(form).catch(() => {
      button.disabled = false;
      failed.hidden = false;
      failed.focus();
    });
  });
}
