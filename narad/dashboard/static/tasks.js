"use strict";
// The list of tasks: ticking rows, the dialog of what an operation would do, and views kept in this browser.

(() => {
  const bulk = document.getElementById("bulk");
  const preview = document.getElementById("preview");
  const ticks = () => [...document.querySelectorAll("input[data-row]")];

  function showTicked() {
    const all = document.getElementById("tick-all");
    const rows = ticks();
    const ticked = rows.filter((one) => one.checked).length;
    const whole = rows.length > 0 && ticked === rows.length;
    if (all) {
      all.hidden = false;
      all.checked = whole;
      all.indeterminate = ticked > 0 && !whole;
    }
    bulk.hidden = ticked === 0;
    const everything = document.getElementById("bulk-all");
    everything.hidden = !whole;
    if (!whole) everything.querySelector("input").checked = false;
    const count = document.getElementById("bulk-count");
    count.textContent = `${count.dataset.one} ${ticked}`;
    document.getElementById("bulk-priority").hidden = bulk.elements.action.value !== "set_priority";
  }

  if (bulk) {
    bulk.classList.add("floating");
    document.addEventListener("change", (event) => {
      if (event.target.id === "tick-all") for (const one of ticks()) one.checked = event.target.checked;
      if (event.target.matches("input[data-row], #tick-all, #bulk select")) showTicked();
    });
    document.addEventListener("htmx:after:swap", () => {
      if (preview.childElementCount && !preview.open) {
        const close = document.createElement("button");
        close.type = "button";
        close.textContent = narad.words.no;
        close.addEventListener("click", () => preview.close());
        (preview.querySelector(".actions") ?? preview).prepend(close);
        preview.showModal();
      }
      showTicked();
    });
    preview.addEventListener("close", () => {
      preview.replaceChildren();
      bulk.querySelector("button").focus();  // which lost the focus while it was disabled
    });
    showTicked();
  }

  const views = document.getElementById("views");
  const place = "narad.views";
  const most = Number(views.dataset.most);

  function saved() {
    try {
      const found = JSON.parse(localStorage.getItem(place) ?? "[]");
      return Array.isArray(found) ? found.filter((one) => typeof one?.name === "string" && typeof one?.query === "string") : [];
    } catch {
      return [];
    }
  }

  function keep(list) {
    localStorage.setItem(place, JSON.stringify(list));
    showViews();
  }

  function showViews() {
    const list = saved();
    views.querySelector("ul").replaceChildren(...list.map((one) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = `${location.pathname}${one.query}`;
      link.textContent = one.name;
      const remove = document.createElement("button");
      remove.type = "button";
      remove.className = "plain";
      remove.textContent = "×";
      remove.setAttribute("aria-label", `${views.dataset.remove}: ${one.name}`);
      remove.addEventListener("click", (event) => {
        event.stopPropagation();
        keep(saved().filter((other) => other.name !== one.name));
      });
      item.append(link, remove);
      return item;
    }));
    document.getElementById("views-none").hidden = list.length > 0;
  }

  views.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const field = document.getElementById("view-name");
    const query = new URLSearchParams(location.search);
    query.delete("cursor");
    const others = saved().filter((one) => one.name !== field.value);
    const full = others.length >= most;
    document.getElementById("views-full").hidden = !full;
    if (full) return;
    keep([...others, { name: field.value, query: query.size ? `?${query}` : "" }]);
    field.value = "";
  });
  views.hidden = false;
  showViews();
})();
