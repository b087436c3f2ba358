import type { Golden } from '#models/golden.ts';
import type { Manifest } from '#models/manifest.ts';
import type { ModelAnswer } from '../../client/client.ts';
import { apiKey } from './api-key.ts';
import { pixelsFromBase64 } from './base64.ts';
import { onChosen } from './choose.ts';
import { element, make, say } from './element.ts';
import { classify, fetchFile, fetchGolden, fetchManifest, fetchModel, Refused, Unreachable } from './endpoint.ts';
import type { Engine } from './engine.ts';
import { showExplanation } from './heat-view.ts';
import { askForKey, showKeyState } from './key-dialog.ts';
import { showModel } from './model-view.ts';
import { NoPicture, paint, readPicture } from './picture.ts';
import { type Result, showResult } from './result-view.ts';

/** The model that the endpoint serves, and what the page knows of it. */
interface Served {
  readonly card: ModelAnswer;
  readonly manifest: Manifest;
  readonly golden: Golden;
  /** The same model in this browser, once that is asked for: it comes and goes with what the endpoint serves. */
  engine?: Engine;
}

/** What is being looked at. */
interface Picture {
  readonly pixels: Uint8Array;
  /** Of a test image: what it is. */
  readonly truth?: string;
}

/** At most. */
const TEST_IMAGES = 20;

let served: Served | undefined;
let picture: Picture | undefined;
/** Ends what is still on its way for the picture before. */
let current = new AbortController();
/** Counts what was chosen: a picture that takes long to read must not replace a later one. */
let choices = 0;

const runHere = element('run-here', HTMLButtonElement);
const explain = element('explain', HTMLButtonElement);

onChosen(async (file) => {
  const choice = ++choices;
  try {
    const { card } = await ensureServed();
    const pixels = await readPicture(file, card.input);
    if (choice !== choices) return;
    pressTestImage(undefined);
    await look({ pixels });
  } catch (error) {
    if (choice === choices) fail(error);
  }
});
runHere.addEventListener('click', async () => {
  runHere.disabled = true;
  runHere.ariaBusy = 'true';
  element('run-here-state', HTMLElement).textContent = 'Loading…';
  try {
    // By the time that one is loaded another may be served.
    for (let model = await ensureServed(); !model.engine; model = await ensureServed()) {
      model.engine = await openEngineOf(model);
    }
    if (picture) await look(picture);
  } catch (error) {
    element('run-here-state', HTMLElement).textContent = '';
    fail(error);
  } finally {
    runHere.disabled = false;
    runHere.ariaBusy = 'false';
  }
});
explain.addEventListener('click', () => {
  explain.ariaPressed = String(explain.ariaPressed !== 'true');
  if (picture) look(picture).catch(fail);
});
showKeyState();
showCommand();
ensureServed().catch(fail);

/** What is served, asked for until it is known. */
async function ensureServed(): Promise<Served> {
  if (served) return served;
  const first = await fetchServed();
  return served ?? serve(first);
}

async function fetchServed(): Promise<Served> {
  const card = await fetchModel();
  const [manifest, golden] = await Promise.all([fetchManifest(card.version), fetchGolden(card.version)]);
  return { card, manifest, golden };
}

function serve(next: Served): Served {
  served?.engine?.dispose();
  served = next;
  showModel(next.card, next.manifest);
  showTestImages(next.card, next.golden);
  return next;
}

async function openEngineOf({ card, manifest, golden }: Served): Promise<Engine> {
  const paths = ['model.json', 'weights.bin'];
  const [{ openEngine }, ...bodies] = await Promise.all([
    import('./engine.ts'),
    ...paths.map((path) => fetchFile(card.version, manifest.files.find((file) => file.path === path)!)),
  ]);
  return openEngine({ id: card.version, card, golden, file: (path) => bodies[paths.indexOf(path)]! });
}

/** Shows a picture, and what it is taken for; whatever there was to wait for, only if no other is looked at meanwhile. */
async function look(next: Picture): Promise<void> {
  current.abort();
  current = new AbortController();
  const { signal } = current;
  picture = next;
  say('message', undefined);
  let model = await ensureServed();
  if (signal.aborted) return;
  const panel = element('result', HTMLElement);
  paint(element('seen', HTMLCanvasElement), next.pixels, model.card.input);
  panel.hidden = false;
  panel.ariaBusy = 'true';
  try {
    const endpoint = await ask(next.pixels, model.card.classes.length, signal);
    signal.throwIfAborted();
    const { version } = endpoint.answer.model;
    if (version !== model.card.version) model = await follow(model, signal);
    const isSame = version === model.card.version;
    show({ truth: next.truth, endpoint, browser: isSame ? model.engine?.classify(next.pixels) : undefined }, model);
    await showExplanation(endpoint.answer.explanation, signal);
  } catch (error) {
    if (signal.aborted) return;
    const { engine } = model;
    // The endpoint's failure does not keep this browser from answering.
    if (engine) show({ truth: next.truth, browser: engine.classify(next.pixels) }, model);
    else panel.hidden = true;
    await showExplanation(undefined, signal);
    fail(error, engine ? ' This is the answer of this browser alone.' : '');
  } finally {
    if (!signal.aborted) panel.ariaBusy = 'false';
  }
}

function show(result: Result, { card, engine }: Served): void {
  runHere.hidden = engine !== undefined;
  showResult(result, card, engine);
  element('result', HTMLElement).scrollIntoView({ block: 'nearest' });
}

/**
 * Another model is served now: the browser's must be the same. Where it cannot be loaded, the endpoint's answer is right all
 * the same.
 *
 * @returns what is served, or `before`
 * @throws the signal's reason
 */
async function follow(before: Served, signal: AbortSignal): Promise<Served> {
  try {
    const next = await fetchServed();
    if (before.engine) next.engine = await openEngineOf(next);
    signal.throwIfAborted();
    return serve(next);
  } catch (error) {
    signal.throwIfAborted();
    fail(error, ' This is the answer of the endpoint alone.');
    return before;
  }
}

/** Asks the endpoint, and for the key if it wants one. */
async function ask(pixels: Uint8Array, topK: number, signal: AbortSignal): ReturnType<typeof classify> {
  for (;;) {
    const key = apiKey();
    try {
      return await classify(pixels, { key, topK, signal, explains: explain.ariaPressed === 'true' });
    } catch (error) {
      if (!(error instanceof Refused && error.isAboutKey)) throw error;
      if (!(await askForKey({ isWrong: key !== undefined }))) throw error;
      showCommand();
    }
  }
}

/** The first golden image of each class: they are of the test set. */
function showTestImages({ classes, input }: ModelAnswer, { images }: Golden): void {
  const chosen = classes.flatMap((label) => images.find((image) => image.label === label) ?? []).slice(0, TEST_IMAGES);
  const items = chosen.map(({ pixels: text, label }) => {
    const pixels = pixelsFromBase64(text);
    const canvas = make('canvas');
    paint(canvas, pixels, input);
    const button = make('button', { type: 'button', title: label }, canvas);
    button.ariaLabel = `Test image: ${label}`;
    button.ariaPressed = 'false';
    button.addEventListener('click', () => {
      choices++;
      pressTestImage(button);
      look({ pixels, truth: label }).catch(fail);
    });
    return make('li', {}, button);
  });
  element('test-images', HTMLElement).replaceChildren(...items);
  element('tests', HTMLElement).hidden = items.length === 0;
}

function pressTestImage(pressed: HTMLButtonElement | undefined): void {
  for (const button of element('test-images', HTMLElement).querySelectorAll('button')) {
    button.ariaPressed = String(button === pressed);
  }
}

function showCommand(): void {
  const key = apiKey() ? ' -H "x-api-key: $API_KEY"' : '';
  element('curl', HTMLElement).textContent =
    `curl --data-binary @picture.png${key} ${new URL('classify', document.baseURI)}`;
}

/** Says what went wrong, where the next picture is chosen. What nobody could expect is for the console as well. */
function fail(error: unknown, more = ''): void {
  const isExpected = error instanceof Refused || error instanceof Unreachable || error instanceof NoPicture;
  if (!isExpected) console.error(error);
  const text = error instanceof Error ? error.message : String(error);
  say('message', `${text}${more}`, 'error');
}
