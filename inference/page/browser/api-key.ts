const NAME = 'cifar10-api-key';

/** Stored for this tab across reloads; if the browser has no session storage, until the next reload. */
let key: string | undefined;

export function apiKey(): string | undefined {
  try {
    key ??= sessionStorage.getItem(NAME) ?? undefined;
  } catch {}
  return key;
}

export function storeKey(value: string | undefined): void {
  key = value;
  try {
    if (value === undefined) sessionStorage.removeItem(NAME);
    else sessionStorage.setItem(NAME, value);
  } catch {}
}
