import { takePhoto } from './camera.ts';
import { element, showMessage } from './element.ts';

/** Calls `use` with the images that the user drops, pastes, selects or photographs; at least one. */
export function onImagesChosen(use: (images: readonly Blob[]) => void): void {
  const useAll = (files: FileList | undefined, otherwise: string) => {
    if (files?.length) use([...files]);
    else showMessage('message', otherwise, 'error');
  };

  for (const id of ['file', 'capture']) {
    const input = element(id, HTMLInputElement);
    input.addEventListener('change', () => {
      const files = [...(input.files ?? [])];
      input.value = ''; // The same file may be chosen again.
      if (files.length > 0) use(files);
    });
  }

  document.addEventListener('paste', (event) => {
    if (event.target instanceof HTMLInputElement) return;
    useAll(event.clipboardData?.files, 'There is no image in the clipboard. Copy one and paste it here.');
  });

  const { classList } = document.documentElement;
  document.addEventListener('dragover', (event) => {
    event.preventDefault(); // Otherwise the browser would open the file instead of this page.
    classList.add('is-dragging');
  });
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) classList.remove('is-dragging');
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    classList.remove('is-dragging');
    useAll(event.dataTransfer?.files, 'This is not a file. Save the image first, then drop the file here.');
  });

  const camera = element('camera', HTMLButtonElement);
  // Phones have a camera app, which is better than our dialog.
  const hasCameraApp = matchMedia('(pointer: coarse)').matches;
  camera.hidden = !hasCameraApp && !navigator.mediaDevices;
  camera.addEventListener('click', async () => {
    if (hasCameraApp) return element('capture', HTMLInputElement).click();
    const photo = await takePhoto();
    if (photo) use([photo]);
  });
}
