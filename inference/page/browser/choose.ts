import { takePicture } from './camera.ts';
import { element, say } from './element.ts';

/** All ways to choose a picture of one's own: drop, paste, pick, take. */
export function onChosen(use: (picture: Blob) => void): void {
  const useFirst = (files: FileList | undefined, otherwise: string) => {
    const [file] = files ?? [];
    if (file) use(file);
    else say('message', otherwise, 'error');
  };

  for (const id of ['file', 'capture']) {
    const input = element(id, HTMLInputElement);
    input.addEventListener('change', () => {
      const [file] = input.files ?? [];
      input.value = ''; // The same file may be chosen again.
      if (file) use(file);
    });
  }

  document.addEventListener('paste', (event) => {
    if (event.target instanceof HTMLInputElement) return;
    useFirst(event.clipboardData?.files, 'There is no picture in the clipboard. Copy one, and paste it here.');
  });

  const { classList } = document.documentElement;
  document.addEventListener('dragover', (event) => {
    event.preventDefault(); // Else the browser would leave this page for the file.
    classList.add('is-dragging');
  });
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) classList.remove('is-dragging');
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    classList.remove('is-dragging');
    useFirst(event.dataTransfer?.files, 'That was no file. Save the picture first, then drop its file here.');
  });

  const camera = element('camera', HTMLButtonElement);
  // Phones have a camera program of their own, and it is better than ours.
  const hasOwnProgram = matchMedia('(pointer: coarse)').matches;
  camera.hidden = !hasOwnProgram && !navigator.mediaDevices;
  camera.addEventListener('click', async () => {
    if (hasOwnProgram) return element('capture', HTMLInputElement).click();
    const picture = await takePicture();
    if (picture) use(picture);
  });
}
