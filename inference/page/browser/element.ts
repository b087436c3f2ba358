/** The element with this ID. @throws {TypeError} it is missing or of another kind */
export function element<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new TypeError(`The document has no ${kind.name} with the ID ${id}.`);
}

/** Shows a message, or hides it if `text` is undefined. @param tone a class of `page.css` */
export function showMessage(id: string, text: string | undefined, tone: 'error' | 'good' | '' = ''): void {
  const message = element(id, HTMLElement);
  message.className = `message ${tone}`;
  message.textContent = text ?? '';
  message.hidden = text === undefined;
}

/** Creates an element with properties and content. */
export function createElement<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: Partial<HTMLElementTagNameMap[Name]> = {},
  ...content: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const created = Object.assign(document.createElement(name), properties);
  created.append(...content);
  return created;
}
