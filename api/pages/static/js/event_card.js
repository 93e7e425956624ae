// An event's card: what it is, what may follow, who did what. When somebody else was quicker that is said, and nothing typed is lost.
import { $, LANGUAGE, Problem, Unreachable, bilingual, call, distance, el, say, t, tn } from "./common.js";
import { limit, moment } from "./due.js";
import { entryNumber } from "./forms.js";

const STEP = {
  dispatched: t("派遣"), handling: t("开始处置"), returned: t("退回"), escalated: t("请办上级"),
  resolved: t("办结"), evaluated: t("评价"), merged: t("并案"), again: t("退回返工"),
};
const MEDIATION = { dispatched: t("登记"), handling: t("开始调解"), resolved: t("解决"), evaluated: t("销号") };
const METRES = 111_320;

function apart(one, other) {
  return Math.hypot((one.lon - other.lon) * Math.cos((one.lat * Math.PI) / 180), one.lat - other.lat) * METRES;
}

/**
 * Make the card in an element. `near` gives the events of the list, `shown` is told which event is open (null: none), `changed` what was done.
 */
export function eventCard(root, words, { near, shown, changed }) {
  const empty = [...root.childNodes];
  let event = null;
  let number = null;
  let asked = 0;
  let desks = null;
  const named = call("/api/desks", { stay: true }).then((all) => { desks = all.items; }, () => {});

  const address = (tail = "") => `/api/events/${encodeURIComponent(event.id)}${tail}`;
  const stepName = (to) => (event.kind === "dispute" && MEDIATION[to]) || STEP[to === "handling" && event.state === "resolved" ? "again" : to];
  const stateName = (state) => t((event.kind === "dispute" ? words.disputes : words.states)[state] ?? state);
  const deskName = (code) => desks?.find((desk) => desk.code === code)?.name ?? code;
  const stepForm = () => $("[data-step-form]", root);
  const box = () => $("[data-card-message]", root);

  // ---- What is shown --------------------------------------------------------------------------------------------

  function line(step) {
    const note = step.from_state === step.to_state;
    const what = note ? t("说明") : step.from_state ? `${stateName(step.from_state)} → ${stateName(step.to_state)}` : stateName(step.to_state);
    return el("li", {},
      el("p", {}, el("strong", { text: what }), step.assignee ? ` · ${deskName(step.assignee)}` : ""),
      el("p", { class: "small muted", text: `${step.account} · ${moment(step.at)}` }),
      step.note ? el("p", { class: "said", text: step.note }) : null);
  }

  function pairs() {
    const rows = [
      [t("网格"), event.grid_name ?? t("网格外")], [t("上报"), moment(event.reported_at) + (event.mine ? t("（我上报的）") : "")], [t("承办"), event.assignee_name ?? "—"],
      event.reworks ? [t("返工"), tn("{n} 次", event.reworks)] : null, event.satisfaction ? [t("评价"), t(words.outcomes[event.satisfaction])] : null,
      event.follow_up_on ? [t("回访"), event.followed_up_on ? t("已于 {day} 回访", { day: event.followed_up_on }) : t("{day} 前回访", { day: event.follow_up_on })] : null,
    ].filter(Boolean);
    return el("dl", {}, ...rows.flatMap(([name, value]) => [el("dt", { text: name }), el("dd", { text: value })]));
  }

  function joint(desk) {
    const done = el("button", { class: "button", type: "button" }, t("会办完成"));
    done.addEventListener("click", () => act(`/joint/${encodeURIComponent(desk.desk)}/done`, undefined, t("已记会办完成")));
    return el("li", {}, el("span", { text: deskName(desk.desk) }), desk.done_at ? el("span", { class: "badge good", text: `✓ ${moment(desk.done_at)}` }) : done);
  }

  function draw(held = null) {
    const title = event.title ?? t("矛盾纠纷（内容不公开）");
    const back = el("button", { class: "button back", type: "button" }, t("‹ 返回列表"));
    back.addEventListener("click", close);
    const steps = event.allowed.map((to) => {
      const button = el("button", { class: "button", type: "button", "data-to": to, "aria-pressed": "false" }, stepName(to));
      button.addEventListener("click", () => choose(to));
      return button;
    });
    const follow = event.follow_up_on && !event.followed_up_on ? el("button", { class: "button", type: "button" }, t("记录回访")) : null;
    follow?.addEventListener("click", () => act("/follow-up", {}, t("已记回访")));
    root.replaceChildren(...[
      back,
      el("h2", { text: title, tabindex: "-1" }),
      el("p", { class: "tags" }, el("span", { class: "badge", text: t(words.kinds[event.kind]) }), el("span", { class: "badge", text: t(words.severities[event.severity]) }),
        el("span", { class: `badge state-${event.state}`, "data-state": event.state, text: t(event.label) }), limit(event)),
      pairs(),
      event.merged_into ? el("p", {}, opener(event.merged_into)) : null,
      el("div", { class: "message", "data-card-message": true, role: "alert", hidden: true }),
      steps.length || follow ? el("div", { class: "steps", "data-steps": true }, ...steps, ...(follow ? [follow] : [])) : el("p", { class: "muted" }, t("已了结，没有下一步")),
      el("div", { "data-step": true }),
      event.joint.length ? el("section", {}, el("h3", {}, t("会办单位")), el("ul", { class: "joint" }, ...event.joint.map(joint))) : null,
      el("section", {}, el("h3", {}, t("经过")), el("ol", { class: "story", "data-story": true }, ...event.steps.map(line))),
      noteForm(),
    ].filter(Boolean));
    if (!held) return;
    if (held.to && event.allowed.includes(held.to)) choose(held.to, held);
    else if (held.note) $("[data-note-form] textarea", root).value = held.note;
  }

  function opener(id) {
    const button = el("button", { class: "button", type: "button" }, t("看并入的事件"));
    button.addEventListener("click", () => open(id));
    return button;
  }

  function noteForm() {
    const text = el("textarea", { id: "card-note", name: "note", rows: 2, maxlength: 2000 });
    const form = el("form", { "data-note-form": true, novalidate: true },
      el("div", { class: "field" }, el("label", { for: "card-note" }, t("督办或说明")), text),
      el("button", { class: "button", type: "submit" }, t("记下")));
    form.addEventListener("submit", (submitted) => {
      submitted.preventDefault();
      if (text.value.trim()) act("/notes", { note: text.value.trim() }, t("已记下"));
    });
    return form;
  }

  // ---- The next step --------------------------------------------------------------------------------------------

  const option = (value, text, selected = false) => el("option", { value, selected, text });

  async function deskFields(to, form) {
    const [all, usual] = await Promise.all([call("/api/desks", { stay: true }), call(address("/desks"), { stay: true })]);
    desks = all.items;
    const active = desks.filter((desk) => desk.active);
    const suits = (desk) => !desk.kinds.length || desk.kinds.includes(event.kind);
    const ranked = [...active.filter(suits), ...active.filter((desk) => !suits(desk))];
    $("[data-desks]", form).replaceChildren(
      el("div", { class: "field" }, el("label", { for: "step-desk" }, t("承办单位")),
        el("select", { id: "step-desk", name: "assignee" },
          ...(usual[to] ? [] : [option("", t("（没有默认单位）"))]),
          ...ranked.map((desk) => option(desk.code, desk.code === usual[to] ? t("{name}（默认）", { name: desk.name }) : desk.name, desk.code === usual[to])))),
      el("fieldset", {}, el("legend", {}, t("会办单位（可多选）")),
        ...active.map((desk) => el("label", { class: "check" }, el("input", { type: "checkbox", name: "joint", value: desk.code }), desk.name))));
  }

  function mergeField() {
    const others = near().filter((each) => each.id !== event.id && each.state !== "merged").sort((a, b) => apart(event, a) - apart(event, b)).slice(0, 30);
    return el("div", { class: "field" }, el("label", { for: "step-into" }, t("并入哪一件（近的在前）")),
      el("select", { id: "step-into", name: "into" }, ...others.map((each) => option(each.id, `${each.title ?? t("矛盾纠纷")} · ${distance(apart(event, each))} · ${t(each.label)}`))));
  }

  function satisfactionField() {
    return el("fieldset", {}, el("legend", {}, t("满意度")),
      ...Object.entries(words.outcomes).map(([key, label]) => el("label", { class: "check" }, el("input", { type: "radio", name: "satisfaction", value: key }), t(label))));
  }

  function choose(to, held = null) {
    number = held?.number ?? null;
    for (const button of root.querySelectorAll("[data-to]")) button.setAttribute("aria-pressed", String(button.dataset.to === to));
    const form = el("form", { "data-step-form": to, class: "card", novalidate: true });
    const dispatching = to === "dispatched" || to === "escalated";
    form.append(...[
      dispatching ? el("div", { "data-desks": true }) : null,
      to === "merged" ? mergeField() : null,
      to === "evaluated" ? satisfactionField() : null,
      el("div", { class: "field" }, el("label", { for: "step-note" }, to === "resolved" ? t("结果") : t("说明（可不填）")),
        el("textarea", { id: "step-note", name: "note", rows: 2, maxlength: 2000 })),
      el("div", { class: "message", "data-step-message": true, role: "alert", hidden: true }),
      el("button", { class: "button primary wide", type: "submit" }, t("确认{step}", { step: stepName(to) })),
    ].filter(Boolean));
    form.elements.note.value = held?.note ?? stepForm()?.elements.note.value ?? "";
    form.addEventListener("submit", take);
    $("[data-step]", root).replaceChildren(form);
    if (dispatching) deskFields(to, form).catch((error) => say($("[data-step-message]", form), error));
  }

  function stepBody(form) {
    const { elements } = form;
    number ??= entryNumber();
    const body = { id: number, to: form.dataset.stepForm };
    if (elements.note.value.trim()) body.note = elements.note.value.trim();
    if (elements.assignee?.value) body.assignee = elements.assignee.value;
    if (elements.into?.value) body.into = elements.into.value;
    const chosen = [...form.querySelectorAll("[name=satisfaction]:checked")];
    if (chosen.length) body.satisfaction = chosen[0].value;
    const helping = [...form.querySelectorAll("[name=joint]:checked")].map((each) => each.value).filter((code) => code !== body.assignee);
    if (helping.length) body.joint = helping;
    return body;
  }

  async function take(submitted) {
    submitted.preventDefault();
    const form = submitted.target;
    if (form.dataset.sending) return;
    form.dataset.sending = "1";
    const button = $("button[type=submit]", form);
    button.disabled = true;
    try {
      const body = stepBody(form);
      event = await call(address("/transitions"), { method: "POST", json: body, tag: event.version, stay: true });
      const done = stepForm() === form ? stateName(event.state) : "";
      draw();
      shown(event);
      changed(t("已办理：{state}", { state: done || stateName(event.state) }));
    } catch (error) {
      await refused(error, form);
    }
    delete form.dataset.sending;
    button.disabled = false;
  }

  async function refused(error, form) {
    const overtaken = error instanceof Problem && (error.status === 409 || error.status === 412);
    if (overtaken && await refresh()) return;
    const kept = error instanceof Unreachable ? t("没有网络，没有确认存上。您填的还在，有网后再按一次，不会重复办理。") : error;
    say($("[data-step-message]", form), kept, error instanceof Unreachable ? "warn" : "bad");
  }

  async function act(tail, json, told) {
    try {
      event = await call(address(tail), { method: "POST", json, stay: true });
      draw(held(tail === "/notes"));
      changed(told);
    } catch (error) {
      say(box(), error);
    }
  }

  // ---- Others ---------------------------------------------------------------------------------------------------

  /** What is typed and not yet sent. */
  function held(noted = false) {
    const form = stepForm();
    const note = form?.elements.note.value || (noted ? "" : $("[data-note-form] textarea", root)?.value) || "";
    return form || note ? { to: form?.dataset.stepForm, note, number } : null;
  }

  function overtakenBy(steps) {
    const told = steps.map((step) => {
      const what = step.from_state === step.to_state ? t("写了说明") : t("把它由“{from}”改为“{to}”", { from: stateName(step.from_state), to: stateName(step.to_state) });
      const desk = step.assignee ? t("，交 {desk}", { desk: deskName(step.assignee) }) : "";
      return t("{who} 在 {when} {what}", { who: step.account, when: moment(step.at), what: `${what}${desk}${step.note ? t("（{note}）", { note: step.note }) : ""}` });
    });
    return t("{told}。您填的还在，请看过再办。", { told: told.join(LANGUAGE === "zh-CN" ? "；" : "; ") });
  }

  /** Read the event again; tell whether it has changed since, saying so where somebody is about to act. */
  async function refresh() {
    if (!event) return false;
    const before = event;
    const fresh = await call(address(), { stay: true }).catch(() => null);
    if (!fresh || event !== before) return false;
    if (fresh.version === before.version && fresh.steps.length === before.steps.length && JSON.stringify(fresh.joint) === JSON.stringify(before.joint)) return false;
    const typed = held();
    event = fresh;
    draw(typed);
    const others = fresh.steps.slice(before.steps.length);
    if (typed && others.length) {
      say(box(), overtakenBy(others), "warn");
      box().scrollIntoView({ block: "nearest" });
    }
    return true;
  }

  async function open(id) {
    asked += 1;
    const mine = asked;
    try {
      const [found] = await Promise.all([call(`/api/events/${encodeURIComponent(id)}`), named]);
      if (mine !== asked) return;
      event = found;
      number = null;
      draw();
      shown(event);
      $("h2", root).focus({ preventScroll: true });
    } catch (error) {
      if (mine === asked) root.replaceChildren(el("div", { class: "message bad", role: "alert", text: bilingual(error.message) }));
    }
  }

  function close() {
    event = null;
    root.replaceChildren(...empty);
    shown(null);
  }

  return { open, refresh, close, id: () => event?.id ?? null, typing: () => Boolean(held()?.note) };
}
