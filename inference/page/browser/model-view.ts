import type { Manifest } from '#models/manifest.ts';
import { percent } from '#models/percent.ts';
import type { ModelAnswer } from '../../client/client.ts';
import { bar } from './bar.ts';
import { createElement, element } from './element.ts';

const CONFUSION = 'report/confusion.svg';
const REPORT = 'report.html';

/** How many classes the first lines of the page name; the table has the others. */
const NAMED = 12;
/** With more classes the table scrolls, and the confusion matrix has the width of the page. */
const MOST_IN_COLUMN = 24;

/** Shows what the served model knows and how accurate it is, from its card. */
export function showModel(card: ModelAnswer, manifest: Manifest): void {
  const { accuracy, classes, data, limits } = card;
  showInput(card);

  const [low, high] = accuracy.interval95.map((fraction) => (100 * fraction).toFixed(1));
  element('accuracy', HTMLElement).replaceChildren(
    createElement('strong', {}, percent(accuracy.plain, { digits: 1 })),
    ` of ${accuracy.images.toLocaleString('en')} test images of ${data.name} are classified correctly (95 % interval ${low} to ${high} %). `,
    `The network has ${card.parameters.toLocaleString('en')} weights and was trained for ${duration(card.trainingSeconds)}.`,
  );
  const rows = classes.map((label) => {
    const correct = accuracy.perClass[label] ?? 0;
    const name = createElement('th', { scope: 'row' }, createElement('span', {}, label));
    return createElement(
      'tr',
      {},
      name,
      bar([correct, 'endpoint']),
      createElement('td', {}, percent(correct, { digits: 1 })),
    );
  });
  element('per-class', HTMLTableElement).tBodies[0]!.replaceChildren(...rows);
  const isLong = classes.length > MOST_IN_COLUMN;
  const scroll = element('per-class-scroll', HTMLElement);
  scroll.classList.toggle('is-long', isLong);
  scroll.tabIndex = isLong ? 0 : -1;

  const addressOf = (file: string) =>
    manifest.files.some(({ path }) => path === file) ? `models/${card.version}/${file}` : undefined;
  const confusion = showLink('confusion', addressOf(CONFUSION));
  if (!confusion.hidden) confusion.querySelector('img')!.src = addressOf(CONFUSION)!;
  showLink('report', addressOf(REPORT));
  element('limits', HTMLElement).textContent = limits;
  element('model', HTMLElement).hidden = false;
}

/** Shows the element with its link, or hides it if there is no address. */
function showLink(id: string, address: string | undefined): HTMLElement {
  const shown = element(id, HTMLElement);
  shown.hidden = address === undefined;
  if (address !== undefined) shown.querySelector('a')!.href = address;
  return shown;
}

/** Says what the model looks at, how a picture gets there, and which classes it knows. */
function showInput({ classes, data, input }: ModelAnswer): void {
  const { width, height, fit = 'crop' } = input;
  const size = `${width}\u00a0×\u00a0${height}\u00a0pixels`; // in one line
  element('lead', HTMLElement).replaceChildren(
    `A neural network, trained on ${data.name}, looks at ${size} and decides which of ${classes.length} classes they show: `,
    ...(classes.length > NAMED
      ? [
          `${classes.slice(0, NAMED - 2).join(', ')} and `,
          createElement('a', { href: '#per-class' }, `${classes.length - NAMED + 2} more`),
          '.',
        ]
      : [`${classes.slice(0, -1).join(', ')} or ${classes.at(-1)}.`]),
  );
  const shape = width === height ? 'a square' : `the shape of ${width} × ${height}`;
  const ways = {
    crop: `crops the image to ${shape} and scales it`,
    pad: `scales the whole image, with grey around it if it is not ${shape},`,
    stretch: `scales the whole image, stretched if it is not ${shape},`,
  };
  element('sent-hint', HTMLElement).textContent = `Your browser ${ways[fit]} to ${size}: nothing else is sent.`;
  element('camera-hint', HTMLElement).textContent =
    fit === 'crop' ? `Only ${width === height ? 'the square in ' : ''}the middle is used.` : 'The whole photo is used.';
  const view = element('camera-view', HTMLVideoElement);
  view.classList.toggle('is-whole', fit !== 'crop');
  view.style.aspectRatio = fit === 'crop' ? `${width} / ${height}` : '';
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} seconds`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} minutes`;
  return `${(seconds / 3600).toFixed(1)} hours`;
}
