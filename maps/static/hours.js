// Other hours for a station of the what-if: a row for each of its services; what the server does not understand is said at the row.
"use strict";
(() => {
  class HoursForm {
    constructor(whatIf) {
      this.whatIf = whatIf;
      this.box = whatIf.box.querySelector("[data-hours]");
      this.form = this.box.querySelector("form");
      this.rows = this.form.querySelector("[data-hours-rows]");
      this.form.addEventListener("submit", (event) => { event.preventDefault(); this.apply(); });
      this.form.elements.code.addEventListener("change", () => this.show());
      whatIf.map.on("linli:coverage", () => this.mind());
    }

    /** Offer every station that is open to edits, by name. */
    fill() {
      const { code } = this.form.elements;
      const chosen = code.value;
      const all = this.stations();
      const option = (value, text) => linli.el("option", { value }, text);
      code.replaceChildren(option("", linli.word("station.choose")), ...all.map(({ properties }) => option(properties.code, linli.tidy(properties.name || properties.code, 40))));
      code.value = all.some(({ properties }) => properties.code === chosen) ? chosen : "";
      this.show();
      this.mind();
    }

    stations() { return this.whatIf.stations().filter((one) => one.op !== "close").map(({ feature }) => feature); }

    open(code) {
      this.form.elements.code.value = code;
      this.show();
      this.whatIf.box.open = true;
      this.box.open = true;
      const first = this.rows.querySelector("input");
      if (first) first.focus();
      this.box.scrollIntoView({ block: "nearest" });
    }

    /** With hours left aside, other hours change nothing: say so. */
    mind() { this.box.querySelector("[data-hours-aside]").hidden = this.whatIf.page.asked().at !== "any"; }

    show() {
      const chosen = this.stations().find(({ properties }) => properties.code === this.form.elements.code.value);
      this.offers = chosen ? chosen.properties.services || [] : [];
      this.rows.replaceChildren(...this.offers.map((offer, i) => this.row(offer, i)));
      this.form.querySelector("[data-hours-go]").disabled = !this.offers.length;
    }

    row(offer, i) {
      const id = `linli-hours-${i}`;
      const input = linli.el("input", { id, type: "text", name: "hours", maxlength: "250", spellcheck: "false", autocomplete: "off", "aria-describedby": `${id}-said` });
      input.value = !offer.hours || offer.hours === "24/7" ? "24/7" : offer.hours;
      const said = linli.el("p", { class: "linli-note", id: `${id}-said`, "aria-live": "polite" });
      const read = () => { input.removeAttribute("aria-invalid"); said.classList.remove("wrong"); said.replaceChildren(linli.hours(input.value)); };
      input.addEventListener("input", read);
      read();
      return linli.el("div", { class: "linli-field" }, linli.el("label", { for: id }, this.whatIf.settings.services[offer.kind] || offer.kind), input, said);
    }

    /** Ask the server first: hours that it does not understand become no step. */
    async apply() {
      const { code } = this.form.elements;
      if (!code.value || !this.offers.length || !this.whatIf.room(1)) return;
      const inputs = [...this.rows.querySelectorAll("input")];
      const services = this.offers.map((offer, i) => ({ ...offer, hours: inputs[i].value.trim() || "24/7" }));
      const { edits, map, page } = this.whatIf;
      edits.push({ op: "hours", station: { code: code.value, services } });
      const list = edits.list();
      edits.undo();
      const at = list.findIndex((edit) => edit.station.code === code.value && edit.station.services);
      try {
        await linli.post(map, map.options.urls.scenario, { parameters: page.body(), edits: list });
      } catch (error) {
        if (!this.blame(error, `edits[${at}].station.services`, inputs)) linli.notice(map, "hours", error.message);
        return;
      }
      linli.notice(map, "hours", "");
      this.whatIf.step({ op: "hours", station: { code: code.value, services } });
    }

    /** Say at each field what is wrong with it; tell whether any was. */
    blame(error, prefix, inputs) {
      let first = null;
      inputs.forEach((input, i) => {
        const wrong = (error.faults || []).filter((fault) => String(fault.where).startsWith(`${prefix}[${i}]`));
        if (!wrong.length) return;
        first = first || input;
        input.setAttribute("aria-invalid", "true");
        const said = input.parentNode.querySelector(".linli-note");
        said.classList.add("wrong");
        said.replaceChildren(wrong.map((fault) => fault.message).join("；"));
      });
      if (first) first.focus();
      return Boolean(first);
    }
  }

  linli.hoursForm = (whatIf) => new HoursForm(whatIf);
})();
