// Comfort only: every page reads, and every form works, without this file.
"use strict";

// On a telephone the menu begins closed; without script it stands open above the page.
const menu = document.querySelector("nav.menu details");
const narrow = window.matchMedia("(max-width: 860px)");
function fold() {
  if (menu) menu.open = !narrow.matches;
}
narrow.addEventListener("change", fold);
fold();

// Whoever was refused is led to why.
const refusal = document.querySelector("[role=alert][autofocus]");
if (refusal) refusal.focus();
