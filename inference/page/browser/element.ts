/** What the document has under this id. @throws {TypeError} it is something else */
export function element<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new TypeError(`The document has no ${kind.name} called ${id}.`);
}

/** Text, or nothing at all; `tone` is a class of `page.css`. */
export function say(id: string, text: string | undefined, tone: 'error' | 'good' | '' = ''): void {
  const place = element(id, HTMLElement);
  place.className = `message ${tone}`;
  place.textContent = text ?? '';
  place.hidden = text === undefined;
}

/** A new element with text or other elements in it. */
export function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: Partial<HTMLElementTagNameMap[Name]> = {},
  ...content: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...content);
  return made;
}
