// Builds elements from plain values and updates a page in place: nothing here ever parses text as markup.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element. Attributes that are null, undefined or false are left out; children are nodes, texts or lists of them. */
export function h(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same for SVG. */
export function s(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : harmless(value));
  }
  element.append(...children.flat(Infinity).filter(isShown).map(asNode));
  return element;
}

function isShown(child) {
  return child !== null && child !== undefined && child !== false && child !== "";
}

/**
 * Makes the children of `host` equal to `fresh` while keeping every element that is still of the same kind, so that focus,
 * selection, scroll places and opened details stay. Elements with a data-key are kept by it, wherever they move. Doing it twice
 * changes nothing the second time.
 */
export function show(host, ...fresh) {
  const focused = document.activeElement;
  patchChildren(host, fresh.flat(Infinity).filter(isShown).map(asNode));
  // An element that is moved loses the focus.
  if (focused !== document.activeElement && host.contains(focused)) focused.focus({ preventScroll: true });
}

/** A name in which a narrow place may break lines after each underscore: ecommerce_events. */
export function breakable(name) {
  return String(name).split(/(?<=_)/).map((part, number) => [number > 0 && h("wbr"), part]);
}

/** A sentence in which commands stand between backticks, as the server and the command line write them. */
export function prose(sentence) {
  return sentence.split("`").map((part, number) => (number % 2 ? h("code", {}, part) : part));
}

function asNode(child) {
  return child instanceof Node ? child : document.createTextNode(harmless(child));
}

/** A text with control, bidirectional and invisible characters escaped. Line ends and tabs are kept. */
function harmless(text) {
  return String(text).replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g, (one) => {
    return `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

function patchChildren(host, fresh) {
  const keyed = keepByKey(host, new Set(fresh.map(keyOf)));
  let place = host.firstChild;
  for (const node of fresh) {
    const old = keyOf(node) === undefined ? nextOfKind(place, node) : keyed.get(keyOf(node));
    if (old) patch(old, node);
    if (old && old === place) place = place.nextSibling;
    else host.insertBefore(old ?? node, place);
  }
  while (place) {
    const removed = place;
    place = place.nextSibling;
    removed.remove();
  }
}

/** The children that have one of the keys, by key; those with another key are removed. */
function keepByKey(host, keys) {
  const keyed = [...host.children].filter((child) => keyOf(child) !== undefined);
  keyed.filter((child) => !keys.has(keyOf(child))).forEach((child) => child.remove());
  return new Map(keyed.map((child) => [keyOf(child), child]));
}

function nextOfKind(place, node) {
  let old = place;
  while (old && !isSameKind(old, node)) old = old.nextSibling;
  return old;
}

function keyOf(node) {
  return node.dataset?.key;
}

function isSameKind(old, node) {
  return old.nodeType === node.nodeType && old.nodeName === node.nodeName && old.id === node.id && keyOf(old) === keyOf(node);
}

function patch(old, node) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== node.data) old.data = node.data;
    return;
  }
  patchAttributes(old, node);
  patchChildren(old, [...node.childNodes]);
}

function patchAttributes(old, node) {
  for (const { name } of [...old.attributes]) {
    // Whether details are open is the reader's own choice.
    if (!node.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  }
  for (const { name, value } of node.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}
