"use strict";
// Keys for what is on the page already: links, buttons and rows. Never while a field or a dialog has the focus.

(() => {
  const help = document.getElementById("keys");
  const off = document.getElementById("keys-off");
  const store = "narad.keys-off";
  const patience = 1000;
  let goingAt = 0;

  off.checked = localStorage.getItem(store) === "yes";
  off.addEventListener("change", () => localStorage.setItem(store, off.checked ? "yes" : "no"));
  const opener = document.getElementById("keys-button");
  opener.hidden = false;
  opener.addEventListener("click", () => help.showModal());

  function rows() {
    return [...document.querySelectorAll("table.rows tbody th a")];
  }

  function step(by) {
    const all = rows();
    const at = all.indexOf(document.activeElement?.closest("tr")?.querySelector("tbody th a") ?? document.activeElement);
    const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
    all[next]?.focus();
    all[next]?.scrollIntoView({ block: "nearest" });
  }

  function tick() {
    document.activeElement?.closest("tr")?.querySelector("input[data-row]")?.click();
  }

  function press(selector) {
    const element = document.querySelector(selector);
    if (!element) return false;
    if (element.matches("input")) element.focus();
    else element.click();
    return true;
  }

  function turnTheme() {
    const choice = document.getElementById("choice-theme");
    const dark = getComputedStyle(document.documentElement).colorScheme === "dark"
      || (choice.value === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
    choice.value = dark ? "light" : "dark";
    choice.form.requestSubmit();
    return true;
  }

  const actions = {
    "?": () => help.showModal(),
    "j": () => step(1),
    "k": () => step(-1),
    "x": tick,
    "[": () => press("a[rel=prev]"),
    "]": () => press("a[rel=next]"),
    "p": () => press("#live-button"),
    "t": turnTheme,
  };

  document.addEventListener("keydown", (event) => {
    if (off.checked || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest("input:not([data-row]), textarea, select, dialog, [contenteditable]")) return;
    const going = Date.now() - goingAt < patience;
    goingAt = 0;
    if (going) {
      if (press(`header a[data-letter="${CSS.escape(event.key)}"]`)) event.preventDefault();
    } else if (event.key === "g") {
      goingAt = Date.now();
    } else if (actions[event.key]) {
      event.preventDefault();
      actions[event.key]();
    } else if (event.key.length === 1 && press(`[data-key="${CSS.escape(event.key)}"]`)) {
      event.preventDefault();
    }
  });
})();
