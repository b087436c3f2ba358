import { apiKey, storeKey } from './api-key.ts';
import { element, showMessage } from './element.ts';

/** Asks for the API key. @param isWrong whether the previous key was refused @returns whether the user entered one */
export async function askForKey({ isWrong }: { readonly isWrong: boolean }): Promise<boolean> {
  const dialog = element('key-dialog', HTMLDialogElement);
  if (dialog.open) return false;
  const input = element('key', HTMLInputElement);
  input.value = '';
  input.ariaInvalid = String(isWrong);
  showMessage(
    'key-error',
    isWrong ? 'This key was not accepted. Check for a missing letter or a space.' : undefined,
    'error',
  );
  dialog.returnValue = '';
  element('key-cancel', HTMLButtonElement).onclick = () => dialog.close('');
  const closed = new Promise<void>((resolve) => dialog.addEventListener('close', () => resolve(), { once: true }));
  dialog.querySelector('form')!.onsubmit = () => storeKey(input.value.trim());
  dialog.showModal();
  await closed;
  input.value = '';
  showKeyState();
  return dialog.returnValue === 'use';
}

/** Shows whether a key is stored, with a button to delete it. */
export function showKeyState(): void {
  element('key-state', HTMLElement).hidden = apiKey() === undefined;
  element('forget-key', HTMLButtonElement).onclick = () => {
    storeKey(undefined);
    showKeyState();
  };
}
