import { apiKey, keepKey } from './api-key.ts';
import { element, say } from './element.ts';

/** Asks for the API key. @param isWrong the one that was given is not taken @returns whether there is one now */
export async function askForKey({ isWrong }: { readonly isWrong: boolean }): Promise<boolean> {
  const dialog = element('key-dialog', HTMLDialogElement);
  if (dialog.open) return false;
  const input = element('key', HTMLInputElement);
  input.value = '';
  input.ariaInvalid = String(isWrong);
  say('key-error', isWrong ? 'This key is not taken. Look for a missing letter or a space.' : undefined, 'error');
  dialog.returnValue = '';
  element('key-cancel', HTMLButtonElement).onclick = () => dialog.close('');
  const closed = new Promise<void>((resolve) => dialog.addEventListener('close', () => resolve(), { once: true }));
  dialog.querySelector('form')!.onsubmit = () => keepKey(input.value.trim());
  dialog.showModal();
  await closed;
  input.value = '';
  showKeyState();
  return dialog.returnValue === 'use';
}

/** Whether a key is kept, and the way to be rid of it. */
export function showKeyState(): void {
  element('key-state', HTMLElement).hidden = apiKey() === undefined;
  element('forget-key', HTMLButtonElement).onclick = () => {
    keepKey(undefined);
    showKeyState();
  };
}
