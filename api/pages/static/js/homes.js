// How a household's address is written.
import { t } from "./common.js";

export const buildingOf = (home) => [home.compound_name, home.building_name || home.building].filter(Boolean).join(" ");

export function doorOf(home) {
  const unit = home.unit ? (/^\d+$/.test(home.unit) ? t("{unit}单元", { unit: home.unit }) : home.unit) : null;
  return [unit, home.room].filter(Boolean).join(" ") || home.code;
}
