/** Making elements. */

/** What an element is given: attributes, and what happens on it. */
interface Given {
  [attribute: string]: string | boolean | number | ((event: Event) => void);
}

/** Makes an element: functions are listeners, `true` is an attribute without value, `false` none. */
export function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  given: Given,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(given)) {
    if (typeof value === 'function') element.addEventListener(key, value);
    else if (value !== false) element.setAttribute(key, value === true ? '' : String(value));
  }
  element.append(...children);
  return element;
}

/** A button with a text. */
export function button(text: string, press: () => void, more: Given = {}): HTMLButtonElement {
  return make('button', { type: 'button', click: press, ...more }, text);
}

/** Makes an SVG element with attributes. */
export function svg(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  ...children: Node[]
): SVGElement {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}
