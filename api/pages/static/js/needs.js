// Who can offer what a household needs: asked for when it is opened, those with places left and open now first, then the nearest on foot.
import { $, call, count, distance, el, hours, say, t } from "./common.js";

function offer(each) {
  return el("li", {},
    el("span", { class: "name", text: each.name }), el("span", { class: "distance num", text: each.walk_m === null ? t("距离未知") : t("步行 {distance}", { distance: distance(each.walk_m) }) }),
    el("span", { class: each.open ? "badge good" : "badge" }, each.open ? t("✓ 开放中") : t("未开放")),
    el("span", { class: "small muted", text: hours(each.hours) + (each.left === null ? "" : ` · ${t("余 {n} 个名额", { n: count(each.left) })}`) }));
}

export async function offers(details) {
  const list = $("[data-offer-list]", details);
  try {
    const need = await call(details.dataset.offers, { stay: true });
    say($("[data-message]", details), null);
    list.replaceChildren(...need.offers.map(offer));
    if (!need.offers.length) list.append(el("li", { class: "muted" }, t("还没有单位或站点提供这项服务")));
  } catch (error) {
    say($("[data-message]", details), error);
  }
}
