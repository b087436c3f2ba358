import type { Manifest } from '#models/manifest.ts';
import { percent } from '#models/percent.ts';
import type { ModelAnswer } from '../../client/client.ts';
import { bar } from './bar.ts';
import { createElement, element } from './element.ts';

const CONFUSION = 'report/confusion.svg';
const REPORT = 'report.html';

/** Shows the accuracy of the served model, from its card. */
export function showModel(card: ModelAnswer, manifest: Manifest): void {
  const { accuracy, classes, limits } = card;
  const [last = '', ...others] = classes.map(withArticle).reverse();
  element('classes', HTMLElement).textContent = `${others.reverse().join(', ')} or ${last}`;

  const [low, high] = accuracy.interval95.map((fraction) => (100 * fraction).toFixed(1));
  element('accuracy', HTMLElement).replaceChildren(
    createElement('strong', {}, percent(accuracy.plain, { digits: 1 })),
    ` of ${accuracy.images.toLocaleString('en')} test images are classified correctly (95 % interval ${low} to ${high} %). `,
    `The network has ${card.parameters.toLocaleString('en')} weights and was trained for ${duration(card.trainingSeconds)}.`,
  );
  const rows = classes.map((label) => {
    const correct = accuracy.perClass[label] ?? 0;
    const name = createElement('th', { scope: 'row' }, label);
    return createElement(
      'tr',
      {},
      name,
      bar([correct, 'endpoint']),
      createElement('td', {}, percent(correct, { digits: 1 })),
    );
  });
  element('per-class', HTMLTableElement).tBodies[0]!.replaceChildren(...rows);

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

function withArticle(label: string): string {
  return `${/^[aeiou]/.test(label) ? 'an' : 'a'} ${label}`;
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} seconds`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} minutes`;
  return `${(seconds / 3600).toFixed(1)} hours`;
}
