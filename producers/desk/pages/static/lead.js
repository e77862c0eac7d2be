// What the pages of whoever steers do by themselves: a list that is ticked stands still, and a form is sent once.
"use strict";

document.addEventListener("htmx:before:request", (event) => {
  const live = event.target.closest?.("[data-live]");
  if (live && event.target === live && live.querySelector('input[name="case"]:checked')) event.preventDefault();
});

// A second press while the first is under way would only be told that nothing is left to do.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
