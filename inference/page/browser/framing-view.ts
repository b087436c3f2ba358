import { element } from './element.ts';
import { CENTER, type Framing, frameOf, isCropped, type ModelInput, type Picture } from './picture.ts';

/** Pixels across the largest original that is drawn; the style sheet scales it to its place. */
const MAX_SIDE = 640;

interface Shown {
  readonly picture: Picture;
  readonly target: ModelInput;
}

let shown: Shown | undefined;

const panel = element('framing', HTMLElement);
const original = element('original', HTMLCanvasElement);
const position = element('position', HTMLInputElement);
const whole = element('whole', HTMLInputElement);

/**
 * Shows a picture with the part that the network sees, in its middle, and the controls that move it. A picture that the network
 * sees as a whole needs none.
 *
 * @param picture `undefined` hides the controls
 */
export function showFraming(picture: Picture | undefined, target: ModelInput): void {
  const isWhole = picture === undefined || !isCropped(picture, target);
  shown = isWhole ? undefined : { picture, target };
  panel.hidden = isWhole;
  position.value = '50';
  whole.checked = false;
  drawOriginal();
}

/** The part that the controls choose. */
export function chosenFraming(): Framing {
  return whole.checked ? 'whole' : { position: Number(position.value) / 100 };
}

/**
 * @param moving called while the part moves, with what is seen so far
 * @param moved called once it has been chosen
 */
export function onFramingChosen(moving: (picture: Picture) => void, moved: (picture: Picture) => void): void {
  const move = () => {
    drawOriginal();
    if (shown) moving(shown.picture);
  };
  const end = () => {
    if (shown) moved(shown.picture);
  };
  position.addEventListener('input', move);
  position.addEventListener('change', end);
  whole.addEventListener('change', () => {
    move();
    end();
  });

  const follow = (event: PointerEvent) => {
    if (!shown || whole.checked) return;
    position.value = String(100 * positionAt(event, shown));
    move();
  };
  original.addEventListener('pointerdown', (event) => {
    original.setPointerCapture(event.pointerId);
    follow(event);
  });
  original.addEventListener('pointermove', (event) => {
    if (original.hasPointerCapture(event.pointerId)) follow(event);
  });
  original.addEventListener('pointerup', () => {
    if (!whole.checked) end();
  });
}

/** The position at which the middle of the part is under the pointer. */
function positionAt({ offsetX, offsetY }: PointerEvent, { picture, target }: Shown): number {
  const { width, height } = frameOf(picture, CENTER, target);
  const isWide = picture.width > width;
  const [at, side, part] = isWide
    ? [(offsetX / original.clientWidth) * picture.width, picture.width, width]
    : [(offsetY / original.clientHeight) * picture.height, picture.height, height];
  return Math.min(1, Math.max(0, (at - part / 2) / (side - part)));
}

/** Draws the picture, darkened where the network does not see it. */
function drawOriginal(): void {
  position.disabled = whole.checked;
  if (!shown) return;
  const { picture, target } = shown;
  const scale = Math.min(1, MAX_SIDE / Math.max(picture.width, picture.height));
  const [width, height] = [Math.round(picture.width * scale), Math.round(picture.height * scale)];
  Object.assign(original, { width, height });
  original.classList.toggle('is-wide', width > height);
  const context = original.getContext('2d')!;
  context.drawImage(picture.canvas, 0, 0, width, height);
  if (whole.checked) return;
  const area = frameOf(picture, chosenFraming(), target);
  const square = [area.left, area.top, area.width, area.height].map((length) => length * scale) as Square;
  context.fillStyle = 'rgb(8 12 24 / 60%)';
  context.beginPath();
  context.rect(0, 0, width, height);
  context.rect(...square);
  context.fill('evenodd');
  const line = Math.max(2, width / 100);
  context.lineWidth = line;
  context.strokeStyle = '#fff';
  context.strokeRect(square[0] + line / 2, square[1] + line / 2, square[2] - line, square[3] - line);
}

type Square = [left: number, top: number, width: number, height: number];
