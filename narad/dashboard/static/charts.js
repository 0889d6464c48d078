"use strict";
// Charts: <narad-chart data-kind="bars" data-labels='["Done"]' data-points='[[seconds], [values]]'>, drawn anew when the
// points change. Bars are numbers, lines are durations in seconds. A bar opens what its row in the table leads to.

customElements.define("narad-chart", class extends HTMLElement {
  static observedAttributes = ["data-points"];

  connectedCallback() {
    this.lines = this.dataset.kind === "lines";
    const names = this.lines ? ["--accent", "--pending"] : ["--completed", "--failed", "--accent", "--pending"];
    const colours = names.map((name) => this.colour(name));
    const labels = JSON.parse(this.dataset.labels);
    const bars = uPlot.paths.bars({ size: [0.7, 40] });
    const axis = { stroke: this.colour("--quiet"), grid: { stroke: this.colour("--line"), width: 1 }, ticks: { show: false } };
    const points = this.points();
    this.makeLegend(labels);
    this.plot = new uPlot({
      width: this.clientWidth || 600,
      height: 170,
      legend: { show: false },
      cursor: { drag: { setScale: false }, points: { show: this.lines } },
      scales: {
        x: { range: (_, first, last) => [first - this.step() / 2, last + this.step() / 2] },
        y: { range: (_, low, high) => [0, this.lines ? high * 1.05 || 1 : Math.max(high * 1.05, 4)] },
      },
      axes: [
        { ...axis, size: 28, values: (_, marks) => marks.map((mark) => this.time(mark)) },
        { ...axis, size: this.lines ? 64 : 50, values: (_, marks) => marks.map((mark) => this.value(mark)) },
      ],
      series: [{}, ...labels.map((label, index) => {
        const own = this.lines
          ? { width: 2, spanGaps: true, points: { show: true, size: 4, fill: colours[index] } }
          : { fill: colours[index], width: 0, paths: bars, points: { show: false } };
        return { label, stroke: colours[index], ...own };
      })],
      hooks: { setCursor: [(plot) => this.tell(plot.cursor.idx)] },
    }, points, this);
    this.plot.over.addEventListener("click", () => this.open(this.plot.cursor.idx));
    this.parentElement.toggleAttribute("data-opens", Boolean(this.parentElement.querySelector("td a")));
    this.watch = new ResizeObserver(() => this.plot.setSize({ width: this.clientWidth, height: 170 }));
    this.watch.observe(this);
    this.look = new MutationObserver(() => {
      this.disconnectedCallback();
      this.connectedCallback();
    });
    this.look.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  makeLegend(labels) {
    this.legend = document.createElement("p");
    this.legend.className = "legend";
    this.told = labels.map((label, index) => {
      const sign = document.createElement("span");
      sign.className = `sign sign-${index + (this.lines ? 3 : 1)}`;
      const value = document.createElement("b");
      this.legend.append(sign, label, value);
      return value;
    });
    this.moment = document.createElement("span");
    this.legend.append(this.moment);
    this.append(this.legend);
  }

  // What stands under the pointer, in the legend.
  tell(at) {
    const [times, ...rows] = this.raw;
    const known = at != null && at in times;
    this.moment.textContent = known ? this.time(times[at]) : "";
    this.told.forEach((value, index) => {
      value.textContent = known && rows[index][at] != null ? this.value(rows[index][at]) : "";
    });
  }

  open(at) {
    const time = this.raw[0][at];
    const links = [...this.parentElement.querySelectorAll("td a")];
    links.find((link) => Date.parse(link.querySelector("time").dateTime) === time * 1000)?.click();
  }

  step() {
    const [times] = this.raw;
    return times.length > 1 ? times[1] - times[0] : 60;
  }

  time(seconds) {
    const days = this.step() >= 86400;
    const utc = days || document.documentElement.dataset.zone === "utc";
    const form = days ? { month: "short", day: "numeric" } : { timeStyle: "short" };
    return new Intl.DateTimeFormat(narad.language, { ...form, timeZone: utc ? "UTC" : undefined }).format(seconds * 1000);
  }

  value(number) {
    if (!this.lines) return new Intl.NumberFormat(narad.language, { notation: "compact" }).format(number);
    const units = [["hour", 3600], ["minute", 60], ["second", 1], ["millisecond", 0.001]];
    const [unit, length] = units.find(([, size]) => number >= size) ?? units.at(number ? -1 : 2);
    const form = { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 1 };
    return new Intl.NumberFormat(narad.language, form).format(number / length);
  }

  // A canvas knows no variables: let the browser say what one comes to in this theme.
  colour(name) {
    this.style.color = `var(${name})`;
    const colour = getComputedStyle(this).color;
    this.style.color = "";
    return colour;
  }

  disconnectedCallback() {
    this.watch?.disconnect();
    this.look?.disconnect();
    this.plot?.destroy();
    this.legend?.remove();
    this.plot = undefined;
  }

  attributeChangedCallback() {
    this.plot?.setData(this.points());
  }

  points() {
    this.raw = JSON.parse(this.dataset.points);
    // One bar before the other: what failed is drawn over the sum of both.
    const [times, ...rows] = this.raw;
    const stacked = !this.lines && rows.length === 2;
    return [times, ...rows.map((row, index) => (index === 0 && stacked ? row.map((value, at) => value + rows[1][at]) : row))];
  }
});
