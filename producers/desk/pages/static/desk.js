// What every page does: proof of where a request comes from, live parts that rest in the background, themes, menus.
"use strict";

const proof = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

document.addEventListener("htmx:config:request", (event) => {
  event.detail.ctx.request.headers["X-CSRF-Token"] = proof();
});

// An element with data-live asks by itself; nobody sees what it would show in the background, nor while it is typed in.
document.addEventListener("htmx:before:request", (event) => {
  const live = event.target.closest?.("[data-live]");
  if (!live || event.target !== live) return;
  const typed = live.contains(document.activeElement) && document.activeElement.matches("input, textarea, select");
  if (document.hidden || typed) event.preventDefault();
});

// A request that never reached the desk has no answer to show.
document.addEventListener("htmx:error", (event) => {
  const box = document.querySelector("#messages");
  if (!box || !event.detail.ctx) return;
  const said = document.createElement("p");
  said.className = "note bad";
  said.textContent = "The desk does not answer. What you see may be old; the page goes on by itself when it is back.";
  box.replaceChildren(said);
});
document.addEventListener("htmx:after:request", (event) => {
  const status = event.detail.ctx?.response?.raw?.status ?? event.detail.ctx?.response?.status ?? 0;
  if (status >= 200 && status < 400) document.querySelector("#messages > .bad")?.remove();
});

for (const box of document.querySelectorAll(".theme")) {
  box.hidden = false;
  const kept = document.documentElement.dataset.theme ?? "";
  for (const radio of box.querySelectorAll("input")) {
    radio.checked = radio.value === kept;
    radio.addEventListener("change", () => {
      if (radio.value) document.documentElement.dataset.theme = radio.value;
      else delete document.documentElement.dataset.theme;
      try { localStorage.setItem("theme", radio.value); } catch { /* a private window forgets it */ }
    });
  }
}

// A menu closes when one clicks elsewhere or presses Escape.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// Where the places scroll, the one where one is stands in sight.
const here = document.querySelector(".bar nav [aria-current]");
if (here) {
  const nav = here.closest("nav");
  const [link, line] = [here.getBoundingClientRect(), nav.getBoundingClientRect()];
  if (link.right > line.right || link.left < line.left) nav.scrollLeft += link.left - line.left - (line.width - link.width) / 2;
}
