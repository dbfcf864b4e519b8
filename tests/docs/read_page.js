// Returns what a reader of the page would complain about, as lists of descriptions:
//   cut     text or a picture that is outside a box around it, and so is cut off or covers something else
//   hidden  code that is below the button that copies it
//   broken  a word that continues on another line
//   faint   text with less contrast than WCAG 2 requires at level AA
//   bare    code without a button that copies it, or output with one
//   alike   output that looks like code

const kept = (make) => {
  const map = new Map();
  return (element) => {
    if (!map.has(element)) map.set(element, make(element));
    return map.get(element);
  };
};
const style = kept((element) => getComputedStyle(element));
const box = kept((element) => element.getBoundingClientRect());
const SLACK = 1;

const visible = kept((element) => !element.closest(".visually-hidden, .skip-to-content, noscript, svg") &&
  element.checkVisibility({ visibilityProperty: true, opacityProperty: true }));

// On a phone, a table of many columns may be scrolled sideways.
function moves(element) {
  return innerWidth < 600 && element.matches(".table-wrapper") && element.querySelector("tr").cells.length > 4;
}

// The area that the boxes around an element leave for it.
const bounds = kept((element) => {
  if (!element || moves(element)) return { left: -Infinity, right: Infinity, top: -Infinity, bottom: Infinity };
  // The sidebars may be outside the page until they are opened.
  const around = bounds(element.matches(".sidebar-drawer, .toc-drawer") ? null : element.parentElement);
  if (/^(inline|contents)$/.test(style(element).display)) return around;
  const { left, right, top, bottom } = box(element);
  const hides = /hidden|clip/.test(style(element).overflowY) && element !== document.documentElement;
  return {
    left: Math.max(left, around.left),
    right: Math.min(right, around.right),
    top: hides ? Math.max(top, around.top) : around.top,
    bottom: hides ? Math.min(bottom, around.bottom) : around.bottom,
  };
});

function isInside(rect, element) {
  const { left, right, top, bottom } = bounds(element);
  return rect.left >= left - SLACK && rect.right <= right + SLACK && rect.top >= top - SLACK && rect.bottom <= bottom + SLACK;
}

const rgba = (text) => {
  const [red, green, blue, alpha = 1] = text.match(/[\d.]+/g).map(Number);
  return [red, green, blue, alpha];
};
const over = (top, below) => top.slice(0, 3).map((value, at) => value * top[3] + below[at] * (1 - top[3]));

const background = kept((element) => {
  if (!element) return [255, 255, 255];
  const own = rgba(style(element).backgroundColor);
  return own[3] === 1 ? own.slice(0, 3) : over(own, background(element.parentElement));
});

function luminance(color) {
  const [red, green, blue] = color.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

const isFaint = kept((element) => {
  const behind = background(element);
  const [dark, light] = [luminance(behind), luminance(over(rgba(style(element).color), behind))].sort((a, b) => a - b);
  const size = parseFloat(style(element).fontSize), bold = style(element).fontWeight >= 700;
  const large = size >= 24 || (bold && size >= 18.66);
  return (light + 0.05) / (dark + 0.05) < (large ? 3 : 4.5);
});

const range = document.createRange();
const shown = () => [...range.getClientRects()].filter((rect) => rect.width > 0);
const lines = (rects) => new Set(rects.map((rect) => Math.round(rect.top))).size;

function words(node, pattern) {
  return [...node.data.matchAll(pattern)].map(({ 0: word, index }) => {
    range.setStart(node, index);
    range.setEnd(node, index + word.length);
    return [word, shown()];
  });
}

const cut = [], hidden = [], broken = [], faint = [], bare = [], alike = [];
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = texts.nextNode(); node; node = texts.nextNode()) {
  const element = node.parentElement, text = node.data.trim();
  if (!text || !visible(element)) continue;
  range.selectNodeContents(node);
  const rects = shown();
  // Spaces at the end of a line do not count.
  const any = (test) => rects.some(test) && words(node, /\S+/g).some(([, found]) => found.some(test));
  if (any((rect) => !isInside(rect, element))) cut.push(text);
  const button = element.closest(".highlight")?.querySelector("button.copybtn");
  if (button && visible(button)) {
    const { left, bottom } = box(button);
    if (any((rect) => rect.right > left && rect.top < bottom)) hidden.push(text);
  }
  if (isFaint(element)) faint.push(`${text} (${style(element).color} on ${background(element).map(Math.round)})`);
  if (!element.closest("pre") && lines(rects) > 1) {
    broken.push(...words(node, /\w+/g).filter(([, found]) => lines(found) > 1).map(([word]) => word));
  }
}
for (const image of document.querySelectorAll("article img")) {
  if (!visible(image)) continue;
  if (!image.naturalWidth || !isInside(box(image), image.parentElement)) cut.push(image.src);
}
for (const output of document.querySelectorAll(".highlight .go")) {
  const command = output.parentElement.querySelector(".gp + *") ?? output.parentElement;
  if (style(output).color === style(command).color) alike.push(output.textContent);
}
const code = document.querySelector("div:not(.highlight-text) > .highlight");
for (const block of document.querySelectorAll("article .highlight")) {
  const output = block.parentElement.matches(".highlight-text"), start = block.textContent.slice(0, 60);
  const button = block.querySelector("button.copybtn");
  if (output === Boolean(button)) bare.push(start);
  if (output && code && String(background(block)) === String(background(code))) alike.push(start);
}
return { cut, hidden, broken, faint, bare, alike };
