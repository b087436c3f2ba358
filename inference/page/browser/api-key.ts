const NAME = 'cifar10-api-key';

/** Kept for this tab, over reloads; where the browser keeps nothing, until the next one. */
let key: string | undefined;

export function apiKey(): string | undefined {
  try {
    key ??= sessionStorage.getItem(NAME) ?? undefined;
  } catch {}
  return key;
}

export function keepKey(value: string | undefined): void {
  key = value;
  try {
    if (value === undefined) sessionStorage.removeItem(NAME);
    else sessionStorage.setItem(NAME, value);
  } catch {}
}
