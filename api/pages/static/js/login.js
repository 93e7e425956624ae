// Sign in, and say clearly what is wrong: a field left empty, a wrong password, or how long to wait.
import { $, call, say, t, tn } from "./common.js";

const form = $(".login-form");
const box = $("[data-error]", form);
const submit = $("button[type=submit]", form);
const reveal = $("[data-reveal]", form);
const codeField = $("[data-code]", form);
const { username, password, code } = form.elements;
let waiting = null;

function waitText(seconds) {
  const minutes = Math.ceil(seconds / 60);
  return seconds > 90 ? t("{n} 分钟", { n: minutes }) : tn("{n} 秒", seconds);
}

/** Count down until the account may try again; the button stays shut until then. */
function lockOut(seconds) {
  const until = Date.now() + seconds * 1000;
  submit.disabled = true;
  clearInterval(waiting);
  // Read aloud once; the running countdown after it is for the eye.
  const left = document.createElement("strong");
  box.className = "message bad";
  box.replaceChildren(t("尝试次数过多，账号暂时锁定。"), document.createElement("br"), left);
  box.hidden = false;
  const tick = () => {
    const rest = Math.ceil((until - Date.now()) / 1000);
    if (rest <= 0) {
      clearInterval(waiting);
      submit.disabled = false;
      say(box, t("现在可以再试"), "good");
      return;
    }
    left.replaceChildren(t("请在 {wait}后再试", { wait: waitText(rest) }));
  };
  tick();
  waiting = setInterval(tick, 1000);
}

function missing(field) {
  field.setAttribute("aria-invalid", String(!field.value));
  return !field.value;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const gaps = [username, password, ...(codeField.hidden ? [] : [code])].filter(missing);
  if (gaps.length) {
    say(box, gaps[0] === code ? t("请填写验证码") : t("请填写用户名和密码"));
    gaps[0].focus();
    return;
  }
  say(box, null);
  submit.disabled = true;
  try {
    await call("/api/session", {
      method: "POST", stay: true,
      json: { username: username.value.trim(), password: password.value, ...(codeField.hidden ? {} : { code: code.value }) },
    });
    // The login page knows where each role belongs; it also notices when the browser kept no cookie.
    location.replace(`/login?signed=1&next=${encodeURIComponent(form.dataset.next)}${location.hash}`); // what stands behind the # is for the page alone
  } catch (error) {
    submit.disabled = false;
    if (error.needs === "code") return askForCode(error);
    password.value = "";
    if (error.status === 429) lockOut(error.retryAfter || 60);
    else if (error.status === 401) say(box, t("用户名或密码不对"));
    else say(box, error);
    password.focus();
  }
});

/** The password was right: ask for the code beside it, or say that it was wrong. */
function askForCode(error) {
  say(box, codeField.hidden ? null : error);
  codeField.hidden = false;
  code.value = "";
  code.focus();
}

for (const field of [username, password]) {
  field.addEventListener("input", () => { codeField.hidden = true; });
}

const keyForm = $("[data-key-form]");
keyForm.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { key } = keyForm.elements;
  if (missing(key)) return key.focus();
  try {
    await call("/api/session/key", { method: "POST", stay: true, json: { key: key.value.trim() } });
    location.replace("/login?signed=1");
  } catch (error) {
    key.value = "";
    say($("[data-key-error]"), error);
  }
});

reveal.addEventListener("click", () => {
  const shown = password.type === "password";
  password.type = shown ? "text" : "password";
  reveal.textContent = shown ? t("隐藏") : t("显示");
  reveal.setAttribute("aria-pressed", String(shown));
});

submit.disabled = false;
