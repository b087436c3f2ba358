import { element, say } from './element.ts';

/** Shows what the camera sees, until a picture is taken. @returns `undefined` if none was */
export async function takePicture(): Promise<Blob | undefined> {
  const stream = await open();
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
    return dialog.returnValue === 'taken' ? await still(view) : undefined;
  } finally {
    view.srcObject = null;
    for (const track of stream.getTracks()) track.stop();
  }
}

async function open(): Promise<MediaStream | undefined> {
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
  } catch (error) {
    const isRefused = error instanceof DOMException && error.name === 'NotAllowedError';
    say(
      'message',
      isRefused
        ? 'The browser does not let this page use the camera. Allow it in the settings of this site, or choose a picture.'
        : 'No camera was found. Choose a picture instead.',
      'error',
    );
    return undefined;
  }
}

function still(view: HTMLVideoElement): Promise<Blob | undefined> {
  const { videoWidth: width, videoHeight: height } = view;
  if (width === 0) return Promise.resolve(undefined); // It was quicker than the camera.
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d')!.drawImage(view, 0, 0);
  return canvas.convertToBlob();
}
