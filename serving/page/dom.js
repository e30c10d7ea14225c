// Elements made from plain values, and a page changed in place: nothing here ever parses text as markup.

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
    element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter(isShown));
  return element;
}

function isShown(child) {
  return child !== null && child !== undefined && child !== false && child !== "";
}

/**
 * Makes the children of `host` equal to `fresh` while keeping every element that is still of the same kind, so that focus,
 * selection, scroll places and opened details stay. Doing it twice changes nothing the second time.
 */
export function show(host, ...fresh) {
  patchChildren(host, fresh.flat(Infinity).filter(isShown).map(asNode));
}

function asNode(child) {
  return child instanceof Node ? child : document.createTextNode(String(child));
}

function patchChildren(host, fresh) {
  const before = [...host.childNodes];
  fresh.forEach((node, place) => {
    const old = before[place];
    if (!old) host.append(node);
    else if (isSameKind(old, node)) patch(old, node);
    else old.replaceWith(node);
  });
  before.slice(fresh.length).forEach((node) => node.remove());
}

function isSameKind(old, node) {
  return old.nodeType === node.nodeType && old.nodeName === node.nodeName && old.id === node.id;
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
