// Signs for stations: simple strokes of our own on a 24 × 24 field, and which kind gets which sign and colour.
"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";

  // Strokes, then (after "|") filled shapes.
  const SIGNS = {
    star: "|M12 4l2.4 5 5.4.7-4 3.8 1 5.5-4.8-2.7-4.8 2.7 1-5.5-4-3.8 5.4-.7z",
    cane: "M9 20V8.5a3.5 3.5 0 0 1 7 0M5 20h8|",
    bowl: "M4 11h16a8 8 0 0 1-16 0zM9 20h6M9 7.5c0-1.5 1.2-1.5 1.2-3M13 7.5c0-1.5 1.2-1.5 1.2-3|",
    kite: "M13 4l6 6-7 4-5-3zM12 14l-4 2 1 3-4 1|",
    cross: "|M10 4h4v6h6v4h-6v6h-4v-6H4v-4h6z",
    flag: "M7 20V4h11l-2.5 3.5L18 11H7|",
    house: "M4 12l8-7 8 7M7 10.5V19h10v-8.5M10.5 19v-4.5h3V19|",
    hive: "M12 4l6.5 3.8v7.6L12 19.2l-6.5-3.8V7.8zM9 10h6M9 13.2h6|",
    talk: "M4 5h16v10h-8l-4 4v-4H4zM8.5 10h.1M12 10h.1M15.5 10h.1|",
    basket: "M4 10h16l-2 9H6zM8 10l3-6M16 10l-3-6|",
    book: "M12 7c-2-1.6-4.6-2-8-2v12c3.400 0 6 .4 8 2 2-1.600 4.600-2 8-2V5c-3.400 0-6 .4-8 2zM12 7v12|",
    scales: "M12 4v16M7 20h10M5 7h14M5 7l-2.500 6h5zM19 7l-2.500 6h5z|",
    ball: "M12 4a8 8 0 1 0 .1 0zM4 12h16M12 4c4 4 4 12 0 16M12 4c-4 4-4 12 0 16|",
    dot: "|M12 8a4 4 0 1 0 .1 0z",
  };

  // The first rule whose words are in the station's kind (or else in a service of it) gives sign and colour.
  const RULES = [
    [/党群|party/, "star", "#b3322f"], [/红色|flag/, "flag", "#b3322f"], [/食堂|助餐|meal|canteen/, "bowl", "#b4590d"],
    [/养老|老年|日间|day_care|elder/, "cane", "#7a4a86"], [/卫生|医院|诊所|健康|health|clinic|hospital|doctors|pharmacy/, "cross", "#1b7a4b"],
    [/心理|counsel/, "talk", "#3d5fa3"], [/儿童|托育|托管|child|after_school|school|kinder/, "kite", "#0f7391"],
    [/超市|爱心|market|errand_shop/, "basket", "#9c3a63"], [/蜂享|骑手|courier/, "hive", "#8a6410"], [/邻里|neighbour/, "house", "#17616b"],
    [/文化|图书|library|culture|community_centre/, "book", "#5b5aa0"], [/调解|法律|mediation/, "scales", "#5c5044"], [/运动|体育|sport/, "ball", "#3f7a2f"],
    [/居家|home_help/, "house", "#7a4a86"], [/代办|政务|errand|townhall/, "flag", "#3d5fa3"], [/歇脚|rest/, "hive", "#8a6410"],
  ];

  /** Return the sign's name and colour of a kind of station. */
  linli.signOf = (kind, services) => {
    for (const words of [String(kind || ""), (services || []).join(" ")]) {
      for (const [pattern, sign, colour] of RULES) if (pattern.test(words)) return { sign, colour };
    }
    return { sign: "dot", colour: "#4b5a63" };
  };

  /** Return the sign as an SVG element: a coloured disc with a white sign, and a foot that points to the place. */
  linli.badge = ({ sign, colour }, size = 30) => {
    const make = (name, attributes, parent) => {
      const node = document.createElementNS(SVG, name);
      for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
      if (parent) parent.append(node);
      return node;
    };
    const svg = make("svg", { viewBox: "0 0 32 38", width: size, height: size * 1.1875, "aria-hidden": "true", focusable: "false" });
    make("path", { d: "M16 37l-5-7.200a15 15 0 1 1 10 0z", fill: colour, stroke: "#ffffff", "stroke-width": 1.5 }, svg);
    const inner = make("g", { transform: "translate(6.4 5.6) scale(0.8)" }, svg);
    const [strokes, shapes] = SIGNS[sign].split("|");
    if (strokes) {
      make("path", { d: strokes, fill: "none", stroke: "#ffffff", "stroke-width": 2.2, "stroke-linecap": "round", "stroke-linejoin": "round" }, inner);
    }
    if (shapes) make("path", { d: shapes, fill: "#ffffff" }, inner);
    return svg;
  };
})();
