"use strict";
// What every page does with scripts: times in the reader's own way, copying, asking before something is stopped.

const narad = {
  words: JSON.parse(document.getElementById("words").textContent),
  language: document.documentElement.lang,
};

(() => {
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const clock = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  const thisYear = new Intl.DateTimeFormat(narad.language, clock);
  const otherYear = new Intl.DateTimeFormat(narad.language, { year: "numeric", ...clock });
  const whole = new Intl.DateTimeFormat(narad.language, { dateStyle: "full", timeStyle: "long" });
  const ago = new Intl.RelativeTimeFormat(narad.language, { numeric: "auto", style: "short" });

  function relative(moment) {
    const seconds = (moment - Date.now()) / 1000;
    const [unit, length] = units.find(([, size]) => Math.abs(seconds) >= size) ?? units[3];
    return ago.format(Math.trunc(seconds / length), unit);
  }

  function showTimes(root) {
    const zone = document.documentElement.dataset.zone;
    for (const element of root.querySelectorAll("time[datetime]")) {
      const moment = new Date(element.dateTime);
      element.title = `${whole.format(moment)}\n${element.dateTime}`;
      if (zone === "local") {
        const format = moment.getFullYear() === new Date().getFullYear() ? thisYear : otherYear;
        element.textContent = format.format(moment);
      }
      if (zone === "relative") element.textContent = relative(moment);
    }
    for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
  }

  // A log stays at its end until the reader leaves it.
  let atEnd = true;
  function toEnd() {
    for (const log of document.querySelectorAll("[data-end]")) if (atEnd) log.scrollTop = log.scrollHeight;
  }

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Over plain http there is no clipboard: take the old way.
      const field = document.createElement("textarea");
      field.value = text;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
  }

  function confirmed(form) {
    const dialog = document.createElement("dialog");
    const text = document.createElement("p");
    text.textContent = form.dataset.confirm;
    const answers = document.createElement("form");
    answers.method = "dialog";
    answers.className = "actions";
    for (const [value, word, kind] of [["no", narad.words.no, ""], ["yes", narad.words.yes, "danger"]]) {
      const button = document.createElement("button");
      button.value = value;
      button.textContent = word;
      button.className = kind;
      answers.append(button);
    }
    dialog.setAttribute("aria-label", form.dataset.confirm);
    dialog.append(text, answers);
    document.body.append(dialog);
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => {
        dialog.remove();
        resolve(dialog.returnValue === "yes");
      });
    });
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) {
      await copy(button.dataset.copy);
      button.title = narad.words.copied;
      button.classList.add("done");
      button.setAttribute("aria-label", narad.words.copied);
    }
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  // In the capture phase, before htmx sees the form.
  let sender = null;
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    sender = document.activeElement;
    if (!form.dataset.confirm || form.dataset.confirmed) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (await confirmed(form)) {
      form.dataset.confirmed = "yes";
      form.requestSubmit();
      delete form.dataset.confirmed;
    }
  }, true);

  document.addEventListener("change", (event) => {
    event.target.closest("form[data-send-on-change]")?.requestSubmit();
  });
  document.addEventListener("htmx:before:request", (event) => {
    if (event.target.matches("form")) document.getElementById("refusal").replaceChildren();
  });
  // A button is disabled while its form is sent, and so loses the focus.
  document.addEventListener("htmx:finally:request", (event) => {
    if (event.target.matches?.("form")) setTimeout(() => {
      if (document.activeElement === document.body && sender?.isConnected) sender.focus();
    });
  });
  document.addEventListener("htmx:after:swap", () => {
    showTimes(document);
    toEnd();
  });
  document.addEventListener("scroll", ({ target }) => {
    if (target.matches?.("[data-end]")) atEnd = target.scrollHeight - target.scrollTop - target.clientHeight < 8;
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
  showTimes(document);
  toEnd();
  if (document.documentElement.dataset.zone === "relative") setInterval(() => showTimes(document), 10000);
})();
