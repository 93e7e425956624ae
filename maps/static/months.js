// A span of months: two sliders on one track, and a button that moves the span on month by month.
"use strict";
(() => {
  const STEP_MS = 1600;
  const MONTH = new Intl.DateTimeFormat(linli.language, { year: "numeric", month: "long", timeZone: "UTC" });

  /** Two sliders that choose from `months` (YYYY-MM); `part(name)` gives the panel's elements, `changed` is called when the span is another, `soon` while a slider moves. */
  linli.Months = class {
    constructor(part, months, changed, soon) {
      this.part = part;
      this.months = months;
      this.changed = changed;
      this.playing = null;
      if (!months.length) return;
      for (const slider of this.sliders()) {
        slider.addEventListener("input", () => { this.stop(); this.say(); soon(); });
      }
      part("play").addEventListener("click", () => { if (this.playing) this.stop(); else this.play(); });
      this.say();
    }

    sliders() { return ["from", "to"].map((name) => this.part(`month-${name}`)); }

    chosen() {
      const [first, last] = this.sliders().map((slider) => Number(slider.value));
      return [Math.min(first, last), Math.max(first, last)];
    }

    /** Return the first day of the one and the last day of the other month, both included. */
    period([first, last]) {
      const [year, month] = this.months[last].split("-").map(Number);
      return { from: `${this.months[first]}-01`, to: `${this.months[last]}-${new Date(Date.UTC(year, month, 0)).getUTCDate()}` };
    }

    asked() { return this.months.length ? this.period(this.chosen()) : {}; }

    whole() { return this.months.length ? this.period([0, this.months.length - 1]) : {}; }

    isWhole() { return !this.months.length || this.chosen().join() === [0, this.months.length - 1].join(); }

    /** Move the span on by a month, from the end to the beginning; the whole becomes its first month. */
    step() {
      const [first, last] = this.chosen();
      const wide = this.isWhole() ? 0 : last - first;
      const begin = this.isWhole() || last + 1 >= this.months.length ? 0 : first + 1;
      const [from, to] = this.sliders();
      from.value = begin;
      to.value = begin + wide;
      this.say();
      this.changed();
    }

    play() {
      this.step();
      this.playing = setInterval(() => { if (!document.hidden) this.step(); }, STEP_MS);
      this.button();
    }

    stop() {
      clearInterval(this.playing);
      this.playing = null;
      this.button();
    }

    button() {
      this.part("play").setAttribute("aria-pressed", String(Boolean(this.playing)));
      this.part("play").replaceChildren(this.playing ? linli.t("暂停") : linli.t("逐月播放"));
    }

    say() {
      const [first, last] = this.chosen();
      const spoken = (at) => MONTH.format(new Date(`${this.months[at]}-15T00:00:00Z`));
      this.part("month-text").replaceChildren(first === last ? spoken(first) : linli.t("{from} 至 {to}", { from: spoken(first), to: spoken(last) }));
      for (const slider of this.sliders()) slider.setAttribute("aria-valuetext", spoken(Number(slider.value)));
      const track = this.part("month-bar").style;
      track.setProperty("--from", first / Math.max(1, this.months.length - 1));
      track.setProperty("--to", last / Math.max(1, this.months.length - 1));
    }
  };
})();
