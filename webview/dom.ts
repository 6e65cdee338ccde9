interface Attributes {
  readonly class?: string;
  readonly id?: string;
  readonly role?: string;
  readonly title?: string;
  readonly text?: string;
  readonly label?: string;
}

/** A new element; `label` is its name for screen readers. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Node[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (attributes.class !== undefined) made.className = attributes.class;
  if (attributes.id !== undefined) made.id = attributes.id;
  if (attributes.role !== undefined) made.setAttribute("role", attributes.role);
  if (attributes.title !== undefined) made.title = attributes.title;
  if (attributes.text !== undefined) made.textContent = attributes.text;
  if (attributes.label !== undefined) made.setAttribute("aria-label", attributes.label);
  made.append(...children);
  return made;
}

export interface ButtonOptions extends Attributes {
  /** Name of a codicon; the button then shows the icon before its text. */
  readonly icon?: string;
  readonly onClick: () => void;
}

export function button({ icon, onClick, text, ...attributes }: ButtonOptions): HTMLButtonElement {
  const made = element("button", attributes);
  made.type = "button";
  if (icon !== undefined) made.append(codicon(icon));
  if (text !== undefined) made.append(element("span", { text }));
  made.addEventListener("click", onClick);
  return made;
}

/** An icon that screen readers skip: whatever holds it has a text or a label. */
export function codicon(name: string): HTMLElement {
  const made = element("span", { class: `codicon codicon-${name}` });
  made.setAttribute("aria-hidden", "true");
  return made;
}
