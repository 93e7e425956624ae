// One's own account: password, second factor, sessions.
import { $, call, el, say, t, tn } from "./common.js";
import { run, sessionRow } from "./sessions.js";

const ask = (path, method, json) => call(path, { method, json, stay: true });

/** Have a form, where the page shows it, do something with its fields; empty ones are told first. */
function onSubmit(selector, act) {
  const form = $(selector);
  if (!form) return;
  const box = $("[data-error]", form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const gaps = [...form.elements].filter((field) => field.required && !field.value);
    for (const field of form.elements) if (field.required) field.setAttribute("aria-invalid", String(gaps.includes(field)));
    if (gaps.length) {
      say(box, t("请填写这一项"));
      gaps[0].focus();
      return;
    }
    run($("button[type=submit]", form), box, say, () => act(Object.fromEntries(new FormData(form)), form, box));
  });
}

function showCodes(codes) {
  for (const hidden of document.querySelectorAll("[data-begin], [data-enrol], [data-factor] details")) hidden.hidden = true;
  $("[data-codes-list]").replaceChildren(...codes.map((code) => el("li", { text: code })));
  const box = $("[data-codes]");
  box.hidden = false;
  box.scrollIntoView({ block: "nearest" });
}

onSubmit("[data-owed-code]", async ({ code }) => {
  await ask("/api/session/code", "POST", { code });
  location.replace("/login?signed=1");
});

onSubmit("[data-password]", async (given, form, box) => {
  if (given.new !== given.again) {
    say(box, t("两次输入的新密码不同"));
    return;
  }
  await ask("/api/account/password", "PUT", { current: given.current ?? "", new: given.new });
  form.reset();
  if (document.querySelector("[data-sessions]")) {
    say(box, t("密码已修改，其他登录已结束"), "good");
    sessions();
  } else {
    location.replace("/login?signed=1");
  }
});

onSubmit("[data-begin]", async ({ password }, form) => {
  const begun = await ask("/api/account/second-factor", "POST", { password: password ?? "" });
  form.hidden = true;
  $("[data-qr]").src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(begun.qr_svg)}`;
  $("[data-secret]").textContent = begun.secret.match(/.{1,4}/g).join(" ");
  $("[data-enrol]").hidden = false;
  $("#confirm-code").focus();
});

onSubmit("[data-confirm]", async ({ code }) => {
  showCodes((await ask("/api/account/second-factor/confirm", "POST", { code })).recovery_codes);
});

onSubmit("[data-renew]", async ({ code }) => {
  showCodes((await ask("/api/account/second-factor/recovery-codes", "POST", { code })).recovery_codes);
});

onSubmit("[data-remove]", async ({ password, code }) => {
  await ask("/api/account/second-factor/remove", "POST", { password: password ?? "", code });
  location.reload();
});

const list = $("[data-sessions]");
const sessionsError = $("[data-sessions-error]");

async function sessions() {
  try {
    const { items } = await call("/api/account/sessions");
    list.replaceChildren(...items.map((each) => sessionRow(each, async () => {
      await call(`/api/account/sessions/${each.id}`, { method: "DELETE" }).catch((error) => say(sessionsError, error));
      sessions();
    })));
  } catch (error) {
    say(sessionsError, error);
  }
}

if (list) {
  sessions();
  const others = $("[data-end-others]");
  others.addEventListener("click", () => run(others, sessionsError, say, async () => {
    const { ended } = await call("/api/account/sessions", { method: "DELETE" });
    say(sessionsError, tn("已结束 {n} 次登录", ended), "good");
    await sessions();
  }));
}
