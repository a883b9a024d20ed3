// An answer that has ended, as Markdown: elements of Felix's own making, the model's words as the data of text nodes.
// No HTML of a model, no pictures; a link opens on a click, and says where it leads.

const LONGEST = 300_000; // characters; more stands as it was written
const LONGEST_LINE = 20_000;
const DEEPEST = 6; // quotes and lists in one another
const LONG_QUERY = 200; // a link with more may carry something away

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*)$/;
const RULE = /^ {0,3}(?:-{3,}|\*{3,}|_{3,})\s*$/;
const ITEM = /^(\s*)(?:[-*+]|(\d{1,9})[.)])\s+(.*)$/;
const QUOTE = /^ {0,3}> ?(.*)$/;
const DIVIDER = /^\s*\|?[\s:|-]*-[\s:|-]*$/;
const INLINE =
  /`([^`\n]+)`|\*\*([^*\n]+)\*\*|__([^_\n]+)__|\*([^*\s][^*\n]*)\*|\[([^\]\n]{1,200})\]\((https?:\/\/[^\s)]{1,2000})\)|\[([\w.-]{1,80})(?:#\d{1,4})?\]/g;

// `cited` gives the element's id for an agent that may be cited, or undefined.
export function markdown(text, cited) {
  const lines = text.split("\n");
  if (text.length > LONGEST || lines.some((line) => line.length > LONGEST_LINE)) {
    return [element("div", { className: "plain" }, text)];
  }
  return blocks(lines, cited, 0);
}

// How far a text that grows will stay as it is, from where that was known: to its last empty line outside of code.
export function settled(text, from) {
  let [at, end, fence] = [from, from, ""];
  for (let next; (next = text.indexOf("\n", at)) >= 0; at = next + 1) {
    const line = text.slice(at, next);
    if (fence) fence = line.trim().startsWith(fence) ? "" : fence;
    else if (!line.trim()) end = next + 1;
    else fence = FENCE.exec(line)?.[1] ?? "";
  }
  return end;
}

function blocks(lines, cited, depth) {
  const made = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at];
    let found;
    if (!line.trim()) {
      at += 1;
    } else if ((found = FENCE.exec(line))) {
      let end = at + 1;
      while (end < lines.length && !lines[end].trim().startsWith(found[1])) end += 1;
      made.push(element("pre", {}, element("code", {}, lines.slice(at + 1, end).join("\n"))));
      at = end + 1;
    } else if ((found = HEADING.exec(line))) {
      const level = found[1].length;
      made.push(element(level < 3 ? "h4" : level === 3 ? "h5" : "h6", {}, ...inline(found[2], cited)));
      at += 1;
    } else if (RULE.test(line)) {
      made.push(element("hr"));
      at += 1;
    } else if (line.includes("|") && DIVIDER.test(lines[at + 1] ?? "") && lines[at + 1].includes("|")) {
      let end = at + 2;
      while (end < lines.length && lines[end].includes("|")) end += 1;
      made.push(table(lines.slice(at, end), cited));
      at = end;
    } else if (QUOTE.test(line) && depth < DEEPEST) {
      const quoted = [];
      while (at < lines.length && (found = QUOTE.exec(lines[at]))) {
        quoted.push(found[1]);
        at += 1;
      }
      made.push(element("blockquote", {}, ...blocks(quoted, cited, depth + 1)));
    } else if (ITEM.test(line) && depth < DEEPEST) {
      const [list, end] = items(lines, at, cited, depth);
      made.push(list);
      at = end;
    } else {
      const first = at;
      do at += 1;
      while (at < lines.length && lines[at].trim() && !begins(lines[at]));
      made.push(element("p", {}, ...inline(lines.slice(first, at).join("\n"), cited)));
    }
  }
  return made;
}

function begins(line) {
  return FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line) || ITEM.test(line);
}

// A list from its first item on: what stands further in than its marker belongs to the item before it.
function items(lines, first, cited, depth) {
  const [, indent, number] = ITEM.exec(lines[first]);
  const list = element(number === undefined ? "ul" : "ol");
  if (number !== undefined) list.start = Number(number);
  let at = first;
  while (at < lines.length) {
    const found = ITEM.exec(lines[at]);
    if (!found || found[1].length !== indent.length || (found[2] === undefined) !== (number === undefined)) break;
    const inside = [];
    let end = at + 1;
    while (end < lines.length && (further(lines[end], indent) || (!lines[end].trim() && further(lines[end + 1], indent)))) {
      inside.push(lines[end].slice(Math.min(indent.length + 2, lines[end].length - lines[end].trimStart().length)));
      end += 1;
    }
    list.append(element("li", {}, ...inline(found[3], cited), ...blocks(inside, cited, depth + 1)));
    at = end;
    if (!lines[at]?.trim() && ITEM.test(lines[at + 1] ?? "")) at += 1; // an empty line between two items
  }
  return [list, Math.max(at, first + 1)];
}

function further(line, indent) {
  return Boolean(line?.trim()) && line.length - line.trimStart().length > indent.length;
}

function table(lines, cited) {
  const [head, divider, ...rows] = lines.map(cells);
  const sides = divider.map((cell) => (cell.endsWith(":") ? (cell.startsWith(":") ? "center" : "right") : ""));
  const row = (tag, each) =>
    element("tr", {}, ...each.map((cell, place) => element(tag, { className: sides[place] ?? "" }, ...inline(cell, cited))));
  return element("table", {}, element("thead", {}, row("th", head)), element("tbody", {}, ...rows.map((each) => row("td", each))));
}

function cells(line) {
  return line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
}

function inline(text, cited, depth = 0) {
  if (depth > 2) return [text];
  const made = [];
  let last = 0;
  for (const found of text.matchAll(INLINE)) {
    made.push(text.slice(last, found.index));
    last = found.index + found[0].length;
    const [whole, code, bold, strong, italic, label, url, agent] = found;
    const place = agent === undefined ? undefined : cited(agent);
    if (code !== undefined) made.push(element("code", {}, code));
    else if (bold ?? strong) made.push(element("strong", {}, ...inline(bold ?? strong, cited, depth + 1)));
    else if (italic !== undefined) made.push(element("em", {}, ...inline(italic, cited, depth + 1)));
    else if (url !== undefined) made.push(...link(label, url));
    else if (place !== undefined) made.push(element("a", { className: "cite", href: `#${place}` }, agent));
    else made.push(whole);
  }
  made.push(text.slice(last));
  return made.filter((each) => each !== "");
}

function link(label, address) {
  let url;
  try {
    url = new URL(address);
  } catch {
    return [`[${label}](${address})`];
  }
  const made = element("a", { href: url.href, title: url.href, target: "_blank", rel: "noopener noreferrer" }, label);
  made.addEventListener("click", (event) => {
    const isOdd = url.protocol !== "https:" || url.search.length > LONG_QUERY;
    if (isOdd && !confirm(`Open this address?\n\n${url.href}`)) event.preventDefault();
  });
  return label === address ? [made] : [made, ` (${url.host})`];
}

function element(tag, properties = {}, ...inside) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...inside);
  return made;
}
