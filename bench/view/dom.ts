/** Elements in one expression. */

type Child = Node | string | null;
type Attributes = Readonly<Record<string, string | boolean>>;

/** Makes an element; an attribute that is false is left out. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** A button that does something. */
export function button(label: string, name: string, act: () => void): HTMLButtonElement {
  const made = element('button', { type: 'button', 'aria-label': name, title: name }, label);
  made.addEventListener('click', act);
  return made;
}

/** A list to choose from. */
export function select(
  name: string,
  options: readonly (readonly [value: string, label: string])[],
): HTMLSelectElement {
  return element(
    'select',
    { 'aria-label': name },
    ...options.map(([value, label]) => element('option', { value }, label)),
  );
}

/** Whether somebody asked for a page that does not move. */
export function prefersStill(): boolean {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}
