(() => {
  "use strict";
  const at = (id) => document.getElementById(id);
  const count = (number) => number.toLocaleString("en-US");

  const theme = at("theme");
  const dark = () => {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const label = () => { theme.textContent = dark() ? "Light view" : "Dark view"; };
  theme.addEventListener("click", () => {
    document.documentElement.dataset.theme = dark() ? "light" : "dark";
    label();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  label();
  theme.hidden = false;

  if (!at("data")) return;
  const { sources, codes, rows } = JSON.parse(at("data").textContent);
  const [SOURCE, LINE, ORDINAL, CODE, NAME, COLUMN, MESSAGE] = [0, 1, 2, 3, 4, 5, 6];
  const place = (row) => {
    const where = row[LINE] === null ? `${sources[row[SOURCE]]} row ${row[ORDINAL]}` : `${sources[row[SOURCE]]}:${row[LINE]}`;
    return row[COLUMN] ? `${where} ${row[COLUMN]}` : where;
  };
  const alphabet = new Intl.Collator(undefined, { numeric: true });
  const by = (text) => (one, other) => alphabet.compare(text(one), text(other));
  const orders = {
    place: (one, other) => one[SOURCE] - other[SOURCE] || one[ORDINAL] - other[ORDINAL],
    name: by((row) => row[NAME]),
    code: by((row) => codes[row[CODE]]),
    message: by((row) => row[MESSAGE]),
  };

  const table = at("failures");
  const heads = [...table.querySelectorAll("th[data-sort]")];
  const [search, code, size] = [at("search"), at("code"), at("size")];
  let found = rows;
  let page = 0;
  let haystacks = null;

  const element = (name, text, inner) => {
    const made = document.createElement(name);
    if (inner) made.append(inner);
    else made.textContent = text;
    return made;
  };
  const cell = (inner) => {
    const made = element("td", "", inner);
    made.setAttribute("role", "cell");
    return made;
  };
  const drawn = (row) => {
    const made = document.createElement("tr");
    made.setAttribute("role", "row");
    made.append(
      cell(element("bdi", place(row))), cell(element("bdi", row[NAME])),
      cell(element("code", codes[row[CODE]])), cell(element("bdi", row[MESSAGE])),
    );
    return made;
  };
  const draw = (most) => {
    const each = most || Number(size.value);
    const pages = Math.max(1, Math.ceil(found.length / each));
    page = Math.min(page, pages - 1);
    const shown = found.slice(page * each, (page + 1) * each);
    table.tBodies[0].replaceChildren(...shown.map(drawn));
    const filtered = found.length === rows.length ? "" : ` of ${count(rows.length)}`;
    const from = found.length ? `, ${count(page * each + 1)} to ${count(page * each + shown.length)} shown` : "";
    at("found").textContent = `${count(found.length)}${filtered} rows${from}.`;
    at("page").textContent = `Page ${count(page + 1)} of ${count(pages)}`;
    at("previous").disabled = page === 0;
    at("following").disabled = page >= pages - 1;
    at("pages").hidden = pages === 1;
  };
  const find = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    haystacks = haystacks || new Map(rows.map((row) => [row, `${place(row)} ${row[NAME]} ${codes[row[CODE]]} ${row[MESSAGE]}`.toLowerCase()]));
    found = rows.filter((row) => (!code.value || row[CODE] === Number(code.value))
      && words.every((word) => haystacks.get(row).includes(word)));
    const sorted = heads.find((head) => ["ascending", "descending"].includes(head.getAttribute("aria-sort")));
    if (sorted) {
      const way = sorted.getAttribute("aria-sort") === "ascending" ? 1 : -1;
      found.sort((one, other) => way * orders[sorted.dataset.sort](one, other));
    }
    page = 0;
    draw();
  };

  for (const head of heads) {
    const button = element("button", head.textContent);
    button.type = "button";
    head.replaceChildren(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const next = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
      for (const other of heads) other.setAttribute("aria-sort", other === head ? next : "none");
      find();
    });
  }
  codes.forEach((name, number) => {
    const option = element("option", name);
    option.value = number;
    code.append(option);
  });
  search.addEventListener("input", find);
  code.addEventListener("change", find);
  size.addEventListener("change", () => { page = 0; draw(); });
  at("controls").addEventListener("submit", (event) => event.preventDefault());
  const turn = (by) => { page += by; draw(); table.scrollIntoView({ block: "start" }); };
  at("previous").addEventListener("click", () => turn(-1));
  at("following").addEventListener("click", () => turn(1));
  addEventListener("beforeprint", () => { page = 0; draw(1000); });
  addEventListener("afterprint", () => draw());
  at("controls").hidden = false;
  draw();
})();
