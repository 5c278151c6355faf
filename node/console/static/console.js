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

// What is fetched again by itself is left alone while somebody is in it, or marks something of it to copy.
document.addEventListener("htmx:before:request", (event) => {
  const region = event.target.closest(".live");
  if (!region || event.target !== region) return;
  const chosen = document.getSelection();
  const marked = chosen && !chosen.isCollapsed && region.contains(chosen.anchorNode);
  if (marked || region.contains(document.activeElement)) event.preventDefault();
});

// Whoever was refused is led to why.
const refusal = document.querySelector("[role=alert][autofocus]");
window.addEventListener("load", () => {
  // Browsers that know `autofocus` here do it before they draw, and say so where they are forestalled.
  requestAnimationFrame(() => {
    if (refusal && document.activeElement === document.body) refusal.focus();
  });
});
