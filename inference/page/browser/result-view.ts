import { percent } from '#models/percent.ts';
import type { ClassifyAnswer, ModelAnswer } from '../../client/client.ts';
import { bar } from './bar.ts';
import type { BrowserModel } from './browser-model.ts';
import { createElement, element, showMessage } from './element.ts';

import { roundUp } from './round-up.ts';

/** The endpoint rounds probabilities to this many decimals. */
const DECIMALS = 6;
const SHOWN_CLASSES = 5;

/** The answers for an image so far. */
export interface Result {
  /** The label of a test image. */
  readonly truth?: string | undefined;
  readonly endpoint?: { readonly answer: ClassifyAnswer; readonly milliseconds: number } | undefined;
  readonly browser?: ReturnType<BrowserModel['classify']> | undefined;
}

/** Shows the answer of the endpoint, of this browser, or of both. */
export function showResult(
  { truth, endpoint, browser }: Result,
  card: ModelAnswer,
  browserModel: BrowserModel | undefined,
): void {
  const { classes, uncertainBelow } = card;
  const inBrowser = browser ? Array.from(browser.probabilities) : undefined;
  const atEndpoint = endpoint ? scores(endpoint.answer, classes.length) : undefined;
  const probabilities = atEndpoint ?? inBrowser;
  if (!probabilities) return;

  const best = classes
    .map((_, index) => index)
    .sort((a, b) => probabilities[b]! - probabilities[a]!)
    .slice(0, SHOWN_CLASSES);
  const rows = best.map((index) => {
    const bars = [
      ...(atEndpoint ? [[atEndpoint[index]!, 'endpoint'] as const] : []),
      ...(inBrowser ? [[inBrowser[index]!, 'browser'] as const] : []),
    ];
    return createElement(
      'tr',
      {},
      createElement('th', { scope: 'row' }, createElement('span', {}, classes[index]!)),
      bar(...bars),
      createElement(
        'td',
        { className: 'endpoint-column' },
        atEndpoint ? percent(atEndpoint[index]!, { digits: 1 }) : '',
      ),
      createElement('td', { className: 'browser-column' }, inBrowser ? percent(inBrowser[index]!, { digits: 1 }) : ''),
    );
  });
  const body = element('predictions', HTMLTableSectionElement);
  body.replaceChildren(...rows);
  const table = body.closest('table')!;
  table.classList.toggle('with-endpoint', atEndpoint !== undefined);
  table.classList.toggle('with-browser', inBrowser !== undefined);

  const label = classes[best[0]!]!;
  const score = probabilities[best[0]!]!;
  element('answer', HTMLElement).replaceChildren(
    label,
    ' ',
    createElement('span', { className: 'score' }, percent(score, { digits: 1 })),
  );
  // A test image of an earlier model may be of a class that this one does not know.
  const known = truth !== undefined && classes.includes(truth) ? truth : undefined;
  const isUnfamiliar = endpoint ? endpoint.answer.unfamiliar : browser?.unfamiliar;
  const verdict = verdictOf(label, { isUncertain: score < uncertainBelow, isUnfamiliar, truth: known });
  Object.assign(element('verdict', HTMLElement), { textContent: verdict.text, className: verdict.kind });

  showFacts(endpoint, browser, browserModel);
  compare(atEndpoint, inBrowser, browserModel);
  element('status', HTMLElement).textContent = `${label}, ${percent(score, { digits: 1 })}. ${verdict.text}`;
}

function scores({ predictions }: ClassifyAnswer, classes: number): number[] {
  const all = new Array<number>(classes).fill(0);
  for (const { index, score } of predictions) all[index] = score;
  return all;
}

interface Judged {
  readonly isUncertain: boolean;
  /** Undefined where the model cannot tell. */
  readonly isUnfamiliar: boolean | undefined;
  readonly truth: string | undefined;
}

function verdictOf(label: string, { isUncertain, isUnfamiliar, truth }: Judged): { text: string; kind: string } {
  if (truth === label) return { text: `Correct: the image is labeled ${truth}.`, kind: 'right' };
  if (truth) return { text: `Wrong: the image is labeled ${truth}.`, kind: 'wrong' };
  if (isUnfamiliar) return { text: 'This looks like none of the classes.', kind: 'uncertain' };
  if (isUncertain) return { text: 'The network is not sure: treat this as a guess.', kind: 'uncertain' };
  return { text: '', kind: '' };
}

function showFacts(
  endpoint: Result['endpoint'],
  browser: Result['browser'],
  browserModel: BrowserModel | undefined,
): void {
  const time = (milliseconds: number) => `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`;
  if (endpoint) {
    const { model, timing_ms: timing } = endpoint.answer;
    element('version', HTMLElement).textContent = model.alias ? `${model.version} (${model.alias})` : model.version;
    const what = endpoint.answer.explanation ? 'to answer and explain' : 'in the network';
    element('endpoint-time', HTMLElement).textContent =
      `${time(timing.predict)} ${what}, ${time(endpoint.milliseconds)} round trip`;
  } else {
    element('endpoint-time', HTMLElement).textContent = 'no answer';
  }
  if (browserModel) {
    element('run-here-state', HTMLElement).textContent = browser
      ? `${time(browser.milliseconds)} in the network, on WebAssembly`
      : 'no answer';
  }
}

/** Shows whether both answers agree. */
function compare(
  endpoint: number[] | undefined,
  browser: number[] | undefined,
  browserModel: BrowserModel | undefined,
): void {
  showMessage('comparison', undefined);
  if (!endpoint || !browser || !browserModel) return;
  const difference = Math.max(...endpoint.map((score, index) => Math.abs(score - browser[index]!)));
  const golden = `The browser passes the ${browserModel.goldenImageCount} golden images.`;
  if (difference <= 10 ** -DECIMALS) {
    showMessage('comparison', `Both answers agree, to ${DECIMALS} decimals. ${golden}`, 'good');
  } else if (difference <= browserModel.tolerance) {
    showMessage(
      'comparison',
      `Both answers agree: no probability differs by more than ${roundUp(difference)}. ${golden}`,
      'good',
    );
  } else {
    showMessage('comparison', `The answers differ: a probability by ${difference.toPrecision(2)}.`, 'error');
    element('details', HTMLDetailsElement).open = true;
  }
}
