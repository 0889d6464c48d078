"use strict";
// Live updates that do not fight the reader. A signal of the stream makes a part of the page ask for itself again; while
// the reader writes, has marked something or has a dialog open nothing moves, and a chip says that there is news.

(() => {
  const stream = document.getElementById("stream");
  if (!stream) return;
  const button = document.getElementById("live-button");
  const word = document.getElementById("live-word");
  const age = document.getElementById("live-age");
  const news = document.getElementById("news");
  const polls = "polls" in stream.dataset;
  const fast = 5;
  const patience = 3;
  let pace = Number(stream.dataset.pollSeconds);
  let connected = false;
  let stopped = false;
  let missed = false;
  let forced = false;
  let failed = false;
  let fresh = Date.now();
  let tried = Date.now();

  function busy() {
    if (document.querySelector("dialog[open]")) return true;
    if (document.activeElement?.matches("input:not([data-row]), textarea, select")) return true;
    if (document.querySelector("input[data-row]:checked")) return true;
    const marked = document.getSelection();
    return Boolean(marked && !marked.isCollapsed && document.querySelector("[data-live]")?.contains(marked.anchorNode));
  }

  function seconds() {
    return Math.round((Date.now() - fresh) / 1000);
  }

  function show() {
    const state = stopped ? "paused" : busy() ? "waiting" : polls ? "polling" : connected ? "live" : "lost";
    if (stream.dataset.state !== state) {
      stream.dataset.state = state;
      word.textContent = narad.words[state];
      button.setAttribute("aria-pressed", String(!stopped));
    }
    const stale = seconds() > patience * pace || state === "lost" || stopped;
    age.textContent = stale ? new Intl.RelativeTimeFormat(narad.language, { style: "narrow" }).format(-seconds(), "second") : "";
    news.hidden = !missed;
    news.textContent = narad.words.news;
  }

  function refresh() {
    stream.dispatchEvent(new Event("refresh"));
  }

  function tick() {
    const every = (connected || polls) && !failed ? pace : fast;
    if (!stopped && Date.now() - Math.max(fresh, tried) >= every * 1000) {
      tried = Date.now();
      refresh();
      if (!connected && !polls) stream.dispatchEvent(new Event("reconnect"));
    }
    show();
  }

  document.addEventListener("htmx:before:request", (event) => {
    const part = event.target;
    if (!part.matches("[data-live]") || forced) return;
    if (stopped || busy()) {
      missed = true;
      event.preventDefault();
      show();
    } else {
      part.setAttribute("aria-busy", "true");
    }
  });
  document.addEventListener("htmx:finally:request", (event) => {
    event.target.removeAttribute?.("aria-busy");
  });
  document.addEventListener("htmx:after:swap", (event) => {
    if (!event.target.closest?.("[data-live]")) return;
    failed = event.detail.ctx?.response?.status >= 400;
    if (!failed) fresh = Date.now();
    tried = Date.now();
    missed = false;
    show();
  });
  stream.addEventListener("htmx:sse:after:connection", () => {
    connected = true;
    show();
  });
  for (const name of ["htmx:sse:error", "htmx:sse:close", "htmx:sse:before:connection"]) {
    stream.addEventListener(name, () => {
      connected = false;
      show();
    });
  }
  stream.addEventListener("pace", (event) => {
    if (!polls) pace = Number(event.detail.data);
  });

  function catchUp() {
    if (!missed || stopped || busy()) return;
    missed = false;
    refresh();
    show();
  }
  for (const name of ["focusout", "selectionchange", "close", "change"]) {
    document.addEventListener(name, () => setTimeout(catchUp), true);
  }
  button.addEventListener("click", () => {
    stopped = !stopped;
    if (!stopped) catchUp();
    show();
  });
  news.addEventListener("click", () => {
    forced = true;
    refresh();
    setTimeout(() => { forced = false; });
    missed = false;
    show();
  });

  button.hidden = false;
  show();
  setInterval(tick, 1000);
})();
