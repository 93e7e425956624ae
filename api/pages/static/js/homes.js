// How a household's address is written.

export const buildingOf = (home) => [home.compound_name, home.building_name || home.building].filter(Boolean).join(" ");

export function doorOf(home) {
  const unit = home.unit ? (/^\d+$/.test(home.unit) ? `${home.unit}单元` : home.unit) : null;
  return [unit, home.room].filter(Boolean).join(" ") || home.code;
}
