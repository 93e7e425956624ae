// Time limits as people say them: how much is left, or by how much it is past; the moment itself on hover.
import { LOCALE, TIME_ZONE, el, t, tn } from "./common.js";

const MINUTE_MS = 60_000;

export const moment = (at) => new Date(at).toLocaleString(LOCALE, {
  timeZone: TIME_ZONE, month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hour12: false,
});

/** A span of time in its largest whole unit. */
export function span(milliseconds) {
  const minutes = Math.max(1, Math.floor(Math.abs(milliseconds) / MINUTE_MS));
  if (minutes < 60) return t("{n} 分钟", { n: minutes });
  return minutes < 24 * 60 ? tn("{n} 小时", Math.floor(minutes / 60)) : tn("{n} 天", Math.floor(minutes / (24 * 60)));
}

/** How an event stands to its limit: late, soon, calm or done. */
export function look({ due_at: due, warn_at: warn }, now = Date.now()) {
  if (!due) return "done";
  return Date.parse(due) < now ? "late" : warn && Date.parse(warn) <= now ? "soon" : "calm";
}

const KINDS = { late: "badge bad", soon: "badge warn", calm: "badge" };

function write(badge) {
  const event = { due_at: badge.dataset.dueAt, warn_at: badge.dataset.warnAt };
  const state = look(event);
  const rest = Date.parse(event.due_at) - Date.now();
  badge.className = KINDS[state];
  badge.textContent = state === "late" ? t("✕ 超时 {span}", { span: span(rest) }) : `${state === "soon" ? "△ " : ""}${t("还剩 {span}", { span: span(rest) })}`;
}

/** The badge of an event's limit; once nothing runs any more, whether it was kept. */
export function limit(event) {
  if (!event.due_at) {
    if (event.resolved_in_time === null || event.resolved_in_time === undefined) return null;
    return el("span", { class: event.resolved_in_time ? "badge good" : "badge bad", text: event.resolved_in_time ? t("✓ 按时办结") : t("✕ 超时办结") });
  }
  const badge = el("span", { "data-due-at": event.due_at, "data-warn-at": event.warn_at ?? "", title: t("时限 {moment}", { moment: moment(event.due_at) }) });
  write(badge);
  return badge;
}

setInterval(() => document.querySelectorAll("[data-due-at]").forEach(write), MINUTE_MS / 2);
