// The box that finds places: a combobox with a list, as the WAI-ARIA practices have it. Focus stays in the box; the arrows move along the list.
import { $, call, el, say, t, tn } from "./common.js";

const WAIT_MS = 120;
const KINDS = {
  area: t("区划"), grid: t("网格"), compound: t("小区"), station: t("服务站点"), street: t("街道"), building: t("楼栋"),
};

/** Make `box` find; `chosen(place)` is called with {kind, code, name, address, bounds} when somebody has decided. */
export function finder(box, chosen) {
  const input = $("input", box);
  const list = $("[role=listbox]", box);
  const status = $("[role=status]", box);
  let places = [];
  let active = -1;
  let waiting = null;
  let running = null;
  let asked = ""; // what the list answers

  const close = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    active = -1;
  };

  function mark(at) {
    active = at;
    for (const [i, option] of [...list.children].entries()) option.setAttribute("aria-selected", String(i === at));
    if (at < 0) { input.removeAttribute("aria-activedescendant"); return; }
    input.setAttribute("aria-activedescendant", list.children[at].id);
    list.children[at].scrollIntoView({ block: "nearest" });
  }

  function option(place, i) {
    const node = el("li", { role: "option", id: `grid-found-${i}`, "aria-selected": "false", "data-kind": place.kind, "data-code": place.code },
      el("span", { class: "name", text: place.name, translate: "no" }), el("span", { class: "badge", text: KINDS[place.kind] }),
      el("span", { class: "where", text: [place.kind === "street" || place.name === place.code ? "" : place.code, place.address].filter(Boolean).join(" · "), translate: "no" }));
    node.addEventListener("mousedown", (event) => event.preventDefault()); // the box keeps the focus
    node.addEventListener("click", () => take(i));
    return node;
  }

  function show() {
    list.replaceChildren(...places.map(option));
    if (!places.length) list.append(el("li", { class: "none", role: "option", "aria-disabled": "true", "aria-selected": "false" }, t("没有找到")));
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    status.textContent = places.length ? tn("{n} 个结果", places.length) : t("没有找到");
    mark(-1);
  }

  async function look() {
    clearTimeout(waiting);
    const q = input.value.trim();
    running?.abort();
    if (!q) { places = []; asked = ""; close(); return; }
    running = new AbortController();
    const { signal } = running;
    try {
      const { items } = await call(`/api/search?${new URLSearchParams({ q })}`, { signal });
      places = items;
      asked = q;
      show();
    } catch (error) {
      if (error.name === "AbortError") return;
      close();
      say(status, error);
    }
  }

  function take(at) {
    const place = places[at];
    if (!place) return;
    input.value = place.name;
    asked = place.name;
    close();
    chosen(place);
  }

  input.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(look, WAIT_MS); });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", async (event) => {
    if (event.isComposing) return; // Enter and the arrows belong to the input method
    const last = places.length - 1;
    const step = { ArrowDown: () => (active >= last ? 0 : active + 1), ArrowUp: () => (active <= 0 ? last : active - 1) }[event.key];
    if (step) {
      event.preventDefault();
      if (list.hidden) await look();
      else if (last >= 0) mark(step());
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (asked !== input.value.trim() || (list.hidden && !places.length)) await look();
      take(Math.max(active, 0)); // without a choice the best one
    } else if (event.key === "Escape") {
      if (list.hidden) input.value = "";
      close();
    }
  });
}
