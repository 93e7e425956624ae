import { call } from "./common.js";

for (const button of document.querySelectorAll("[data-sign-out]")) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await call("/api/session", { method: "DELETE", stay: true });
    } catch (error) {
      if (error.status !== 401) {
        button.disabled = false;
        throw error;
      }
    }
    location.assign("/login");
  });
}
