// What a wall shows in turn: the panels of each deck, page by page, and the place part by part.

const PACE_S = 12;
const PAGE = 8;
const TURNS_AT_ROOT = 3;
const TURNS_AT_PART = 2;

/** A tile with several slides, one shown at a time; a list longer than a page takes several turns. */
class Deck {
  constructor(box) {
    this.slides = [...box.querySelectorAll("[data-slide]")];
    this.at = 0;
    this.page = 0;
    this.show();
  }

  items() {
    return [...this.slides[this.at].querySelectorAll(".meter > li, tbody > tr")];
  }

  pages() {
    return Math.max(1, Math.ceil(this.items().length / PAGE));
  }

  turn() {
    this.page += 1;
    if (this.page >= this.pages()) {
      this.page = 0;
      this.at = (this.at + 1) % this.slides.length;
      const empty = () => this.items().length === 0 && !this.slides[this.at].querySelector(".chart");
      for (let left = this.slides.length; left && empty(); left -= 1) this.at = (this.at + 1) % this.slides.length;
    }
    this.show();
  }

  show() {
    this.slides.forEach((slide, index) => { slide.hidden = index !== this.at; });
    this.paginate();
  }

  /** Show the page's items of a list that may have been replaced. */
  paginate() {
    const items = this.items();
    if (this.page >= this.pages()) this.page = 0;
    const each = Math.ceil(items.length / this.pages()); // pages of one length
    items.forEach((item, index) => { item.hidden = Math.floor(index / each) !== this.page; });
    const title = this.slides[this.at].querySelector("h2");
    let page = title.querySelector(".page");
    if (!page) { page = document.createElement("span"); page.className = "page"; title.append(page); }
    page.textContent = this.pages() > 1 ? `${this.page + 1}/${this.pages()}` : "";
  }
}

export class Turning {
  /** `root`: code to begin at, null for the whole place; `pace`: seconds, 0 for never; `onArea` is called when another part is to be shown. */
  constructor({ root, pace = PACE_S, onArea }) {
    this.root = root;
    this.area = root;
    this.parts = [];
    this.onArea = onArea;
    this.left = TURNS_AT_ROOT;
    this.paused = false;
    this.decks = [...document.querySelectorAll("[data-deck]")].map((box) => new Deck(box));
    const watch = new MutationObserver(() => this.decks.forEach((deck) => deck.paginate()));
    document.querySelectorAll("[data-deck] .meter, [data-deck] tbody").forEach((node) => watch.observe(node, { childList: true }));
    document.addEventListener("keydown", (event) => { if (event.key === " ") this.paused = !this.paused; });
    if (pace > 0) setInterval(() => { if (!this.paused) this.turn(); }, pace * 1000);
  }

  /** Say which parts there are; null: as before. */
  stops(codes) {
    if (codes) this.parts = codes;
    const stops = [this.root, ...this.parts];
    const here = stops.indexOf(this.area);
    const dots = stops.length > 1 && stops.length <= 40 ? stops.map((_, index) => {
      const dot = document.createElement("span");
      if (index === here) dot.className = "here";
      return dot;
    }) : [];
    document.querySelector("[data-stops]").replaceChildren(...dots);
  }

  turn() {
    this.decks.forEach((deck) => deck.turn());
    this.left -= 1;
    if (this.left > 0) return;
    const next = this.parts.indexOf(this.area) + 1; // of the root, −1 + 1
    this.area = next < this.parts.length ? this.parts[next] : this.root;
    this.left = this.area === this.root ? TURNS_AT_ROOT : TURNS_AT_PART;
    this.onArea();
  }
}
