import { percent } from '#models/percent.ts';
import type { ClassifyAnswer, ModelAnswer } from '../../client/client.ts';
import { bar } from './bar.ts';
import { element, make, say } from './element.ts';
import type { Engine } from './engine.ts';
import { roundUp } from './round-up.ts';

/** Answers of the endpoint are rounded to this many decimals. */
const DECIMALS = 6;
const SHOWN = 5;

/** What is known of a picture so far. */
export interface Result {
  /** Of a test image: what it is. */
  readonly truth?: string | undefined;
  readonly endpoint?: { readonly answer: ClassifyAnswer; readonly milliseconds: number } | undefined;
  readonly browser?: ReturnType<Engine['classify']> | undefined;
}

/** Shows the answer, of the endpoint or of this browser or of both. */
export function showResult({ truth, endpoint, browser }: Result, card: ModelAnswer, engine: Engine | undefined): void {
  const { classes, uncertainBelow } = card;
  const inBrowser = browser ? Array.from(browser.probabilities) : undefined;
  const atEndpoint = endpoint ? scores(endpoint.answer, classes.length) : undefined;
  const probabilities = atEndpoint ?? inBrowser;
  if (!probabilities) return;

  const best = classes
    .map((_, index) => index)
    .sort((a, b) => probabilities[b]! - probabilities[a]!)
    .slice(0, SHOWN);
  const rows = best.map((index) => {
    const bars = [
      ...(atEndpoint ? [[atEndpoint[index]!, 'endpoint'] as const] : []),
      ...(inBrowser ? [[inBrowser[index]!, 'browser'] as const] : []),
    ];
    return make(
      'tr',
      {},
      make('th', { scope: 'row' }, classes[index]!),
      bar(...bars),
      make('td', { className: 'endpoint-column' }, atEndpoint ? percent(atEndpoint[index]!, { digits: 1 }) : ''),
      make('td', { className: 'browser-column' }, inBrowser ? percent(inBrowser[index]!, { digits: 1 }) : ''),
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
    make('span', { className: 'score' }, percent(score, { digits: 1 })),
  );
  const verdict = verdictOf(label, score < uncertainBelow, truth);
  const verdictPlace = element('verdict', HTMLElement);
  verdictPlace.textContent = verdict.text;
  verdictPlace.className = verdict.kind;

  showFacts(endpoint, browser, engine);
  compare(atEndpoint, inBrowser, engine);
  element('status', HTMLElement).textContent = `${label}, ${percent(score, { digits: 1 })}. ${verdict.text}`;
}

function scores({ predictions }: ClassifyAnswer, classes: number): number[] {
  const all = new Array<number>(classes).fill(0);
  for (const { index, score } of predictions) all[index] = score;
  return all;
}

function verdictOf(label: string, isUncertain: boolean, truth: string | undefined): { text: string; kind: string } {
  if (truth === label) return { text: `Right: the picture is labelled ${truth}.`, kind: 'right' };
  if (truth) return { text: `Wrong: the picture is labelled ${truth}.`, kind: 'wrong' };
  if (isUncertain) return { text: 'It is not sure: take this for a guess.', kind: 'uncertain' };
  return { text: '', kind: '' };
}

function showFacts(endpoint: Result['endpoint'], browser: Result['browser'], engine: Engine | undefined): void {
  const time = (milliseconds: number) => `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`;
  if (endpoint) {
    const { model, timing_ms: timing } = endpoint.answer;
    element('version', HTMLElement).textContent = model.alias ? `${model.version} (${model.alias})` : model.version;
    const what = endpoint.answer.explanation ? 'to answer and explain' : 'in the network';
    element('endpoint-time', HTMLElement).textContent =
      `${time(timing.predict)} ${what}, ${time(endpoint.milliseconds)} there and back`;
  } else {
    element('endpoint-time', HTMLElement).textContent = 'no answer';
  }
  if (engine) {
    element('run-here-state', HTMLElement).textContent = browser
      ? `${time(browser.milliseconds)} in the network, by WebAssembly`
      : 'no answer';
  }
}

/** Whether both answer the same. */
function compare(endpoint: number[] | undefined, browser: number[] | undefined, engine: Engine | undefined): void {
  say('comparison', undefined);
  if (!endpoint || !browser || !engine) return;
  const difference = Math.max(...endpoint.map((score, index) => Math.abs(score - browser[index]!)));
  const golden = `It answers the ${engine.goldenImages} golden images as training did.`;
  if (difference <= 10 ** -DECIMALS) {
    say('comparison', `Both answer the same, to ${DECIMALS} decimals. ${golden}`, 'good');
  } else if (difference <= engine.tolerance) {
    say(
      'comparison',
      `Both answer the same: no probability differs by more than ${roundUp(difference)}. ${golden}`,
      'good',
    );
  } else {
    say('comparison', `The answers differ: a probability by ${difference.toPrecision(2)}.`, 'error');
  }
}
