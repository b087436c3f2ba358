import { element, showMessage } from './element.ts';

/** Opens the camera dialog. @returns the photo; `undefined` if none was taken */
export async function takePhoto(): Promise<Blob | undefined> {
  const stream = await openCamera();
  if (!stream) return undefined;
  const dialog = element('camera-dialog', HTMLDialogElement);
  const view = element('camera-view', HTMLVideoElement);
  view.srcObject = stream;
  try {
    const closed = new Promise<void>((resolve) => dialog.addEventListener('close', () => resolve(), { once: true }));
    element('camera-cancel', HTMLButtonElement).onclick = () => dialog.close('cancel');
    dialog.returnValue = 'cancel';
    dialog.showModal();
    await closed;
    return dialog.returnValue === 'taken' ? await captureFrame(view) : undefined;
  } finally {
    view.srcObject = null;
    for (const track of stream.getTracks()) track.stop();
  }
}

async function openCamera(): Promise<MediaStream | undefined> {
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
  } catch (error) {
    const isRefused = error instanceof DOMException && error.name === 'NotAllowedError';
    showMessage(
      'message',
      isRefused
        ? 'This page is not allowed to use the camera. Allow it in the site settings, or choose an image.'
        : 'No camera was found. Choose an image instead.',
      'error',
    );
    return undefined;
  }
}

function captureFrame(view: HTMLVideoElement): Promise<Blob | undefined> {
  const { videoWidth: width, videoHeight: height } = view;
  if (width === 0) return Promise.resolve(undefined); // The camera has not started yet.
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d')!.drawImage(view, 0, 0);
  return canvas.convertToBlob();
}
