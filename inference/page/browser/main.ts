import { type FittedImage, fitImage } from '#images/fit-image.ts';
import type { Golden } from '#models/golden.ts';
import type { Manifest } from '#models/manifest.ts';
import { percent } from '#models/percent.ts';
import type { ModelAnswer } from '../../client/client.ts';
import { apiKey } from './api-key.ts';
import { pixelsFromBase64 } from './base64.ts';
import type { BrowserModel } from './browser-model.ts';
import { onImagesChosen } from './choose-image.ts';
import { createElement, element, showMessage } from './element.ts';
import {
  classify,
  EndpointUnreachable,
  fetchFile,
  fetchGolden,
  fetchManifest,
  fetchModel,
  RequestRefused,
} from './endpoint.ts';
import { hideFileList, showFileList } from './file-list.ts';
import { chosenFraming, onFramingChosen, showFraming } from './framing-view.ts';
import { captionSeen, hideExplanation, showExplanation } from './heat-view.ts';
import { askForKey, showKeyState } from './key-dialog.ts';
import { showModel } from './model-view.ts';
import { CENTER, frame, type ModelInput, NotAnImage, type Picture, paint, readPicture } from './picture.ts';
import { type Result, showResult } from './result-view.ts';

/** The model that the endpoint serves. */
interface Served {
  readonly card: ModelAnswer;
  readonly manifest: Manifest;
  readonly golden: Golden;
  /** The same model in this browser, once the user has requested it. */
  browserModel?: BrowserModel;
}

/** The image that is shown: a picture of the user's, or a test image. */
interface ShownImage {
  /** What a model sees of it. */
  readonly seenBy: (input: ModelInput) => FittedImage;
  /** Shown with the part of it that the network sees. */
  readonly picture?: Picture;
  /** The label of a test image. */
  readonly truth?: string;
}

/** Largest number of test images offered. */
const MAX_TEST_IMAGES = 20;

let served: Served | undefined;
let shown: ShownImage | undefined;
/** Aborts whatever is pending for the previous image. */
let current = new AbortController();
/** Aborts the classification of several files. */
let list = new AbortController();
/** Counts the chosen images: one that takes long to read must not replace a later one. */
let choices = 0;

const runHere = element('run-here', HTMLButtonElement);
const explain = element('explain', HTMLButtonElement);
/** Whether answers come with what mattered. */
let explains = false;

onImagesChosen((files) => {
  list.abort();
  list = new AbortController();
  if (files.length > 1) return void classifyFiles(files, list.signal);
  hideFileList();
  void openFile(files[0]!);
});
onFramingChosen(
  (picture) => {
    if (served) paintSeen(frame(picture, chosenFraming(), served.card.input));
  },
  (picture) => {
    const framing = chosenFraming();
    if (served) void showImage({ picture, seenBy: (input) => frame(picture, framing, input) });
  },
);
runHere.addEventListener('click', async () => {
  runHere.disabled = true;
  runHere.ariaBusy = 'true';
  element('run-here-state', HTMLElement).textContent = 'Loading…';
  try {
    // Another model may be served by the time this one is loaded.
    for (let model = await ensureServed(); !model.browserModel; model = await ensureServed()) {
      model.browserModel = await loadInBrowser(model);
    }
    if (shown) await showImage(shown);
  } catch (error) {
    element('run-here-state', HTMLElement).textContent = '';
    showError(error);
  } finally {
    runHere.disabled = false;
    runHere.ariaBusy = 'false';
  }
});
explain.addEventListener('click', () => {
  explains = !explains;
  explain.textContent = explains ? 'Hide what mattered' : 'Show what mattered';
  if (!explains) hideExplanation();
  if (shown) showImage(shown).catch(showError);
});
showKeyState();
showCommand();
ensureServed().catch(showError);

/** The served model, fetched if it is not known yet. */
async function ensureServed(): Promise<Served> {
  if (served) return served;
  const first = await fetchServed();
  return served ?? setServed(first);
}

async function fetchServed(): Promise<Served> {
  const card = await fetchModel();
  const manifest = await fetchManifest(card.version);
  return { card, manifest, golden: await fetchGolden(card.version, manifest) };
}

function setServed(next: Served): Served {
  served?.browserModel?.dispose();
  served = next;
  showModel(next.card, next.manifest);
  showTestImages(next.card, next.golden);
  return next;
}

async function loadInBrowser({ card, manifest, golden }: Served): Promise<BrowserModel> {
  const paths = ['model.json', 'weights.bin'];
  const [{ openBrowserModel }, ...bodies] = await Promise.all([
    import('./browser-model.ts'),
    ...paths.map((path) => fetchFile(card.version, manifest, path)),
  ]);
  return openBrowserModel({ id: card.version, card, golden, file: (path) => bodies[paths.indexOf(path)]! });
}

/** Reads a file, shows it and classifies it, unless another image was chosen in the meantime. */
async function openFile(file: Blob): Promise<void> {
  const choice = ++choices;
  try {
    const { card } = await ensureServed();
    const picture = await readPicture(file);
    if (choice !== choices) return;
    pressTestImage(undefined);
    showFraming(picture, card.input);
    await showImage({ picture, seenBy: (input) => frame(picture, CENTER, input) });
  } catch (error) {
    if (choice !== choices) return;
    clearImage();
    showError(error);
  }
}

/** Classifies files one after the other, lists the answers, and opens the first file that has one. */
async function classifyFiles(files: readonly Blob[], signal: AbortSignal): Promise<void> {
  const choice = ++choices;
  clearImage();
  showMessage('message', undefined);
  const rows = showFileList(files, openFile);
  for (const [index, file] of files.entries()) {
    rows.start(index);
    try {
      const picture = await readPicture(file);
      const seenBy = (input: ModelInput) => frame(picture, CENTER, input);
      const { answer } = (await classifyAsSeen({ seenBy }, { topK: 1, signal })).endpoint;
      const isDoubtful = answer.uncertain || answer.unfamiliar === true;
      rows.answer(index, `${answer.label} ${percent(answer.score, { digits: 1 })}`, isDoubtful);
      if (choice === choices && shown === undefined) void openFile(file);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof NotAnImage || (error instanceof RequestRefused && !error.isAboutAccess))) {
        rows.refuse(index, 'not classified');
        return showError(error);
      }
      rows.refuse(index, error.message);
    }
  }
  element('status', HTMLElement).textContent = rows.end();
}

/** Takes an image and its answer away. */
function clearImage(): void {
  current.abort();
  shown = undefined;
  pressTestImage(undefined);
  element('result', HTMLElement).hidden = true;
}

/** Shows an image and classifies it. The answer is shown only if no other image was chosen in the meantime. */
async function showImage(next: ShownImage): Promise<void> {
  current.abort();
  current = new AbortController();
  const { signal } = current;
  shown = next;
  showMessage('message', undefined);
  const before = await ensureServed();
  if (signal.aborted) return;
  const panel = element('result', HTMLElement);
  paintSeen(next.seenBy(before.card.input));
  panel.hidden = false;
  panel.ariaBusy = 'true';
  try {
    const { endpoint, seen, model } = await classifyAsSeen(next, { topK: 'all', signal, explains });
    if (!isSameInput(model, before)) {
      showFraming(next.picture, model.card.input);
      paintSeen(seen);
    }
    const isSame = endpoint.answer.model.version === model.card.version;
    const browser = isSame ? model.browserModel?.classify(seen.pixels) : undefined;
    showAnswers({ truth: next.truth, endpoint, browser }, model);
    await showExplanation(endpoint.answer.explanation, signal);
  } catch (error) {
    if (signal.aborted) return;
    const { browserModel, card } = served ?? before;
    // Without the endpoint, this browser can still answer.
    if (browserModel) {
      const browser = browserModel.classify(next.seenBy(card.input).pixels);
      showAnswers({ truth: next.truth, browser }, { ...before, card, browserModel });
    } else panel.hidden = true;
    await showExplanation(undefined, signal);
    showError(error, browserModel ? ' This answer is from this browser only.' : '');
  } finally {
    if (!signal.aborted) panel.ariaBusy = 'false';
  }
}

/** Shows what the network sees, without what mattered. */
function paintSeen({ pixels, transform, ...size }: FittedImage): void {
  captionSeen(transform);
  paint(element('seen', HTMLCanvasElement), pixels, size);
}

interface Asked {
  readonly topK: number | 'all';
  readonly explains?: boolean;
  readonly signal: AbortSignal;
}

/** What the endpoint answers, what its model saw, and the model that the page shows from now on. */
interface Answered {
  readonly endpoint: Awaited<ReturnType<typeof classify>>;
  readonly seen: FittedImage;
  readonly model: Served;
}

/**
 * Sends what the served model sees of an image, and follows the endpoint to the model that answers. One that was promoted in the
 * meantime may see the image in another size, or another part of it: then it is asked once more.
 *
 * @throws the signal's reason
 */
async function classifyAsSeen(image: ShownImage, { topK, explains, signal }: Asked): Promise<Answered> {
  let model = await ensureServed();
  for (let tries = 1; ; tries++) {
    signal.throwIfAborted();
    const { input, classes } = model.card;
    const seen = image.seenBy(input);
    const options = { topK: topK === 'all' ? classes.length : topK, signal, ...(explains ? { explains } : {}) };
    const before = model;
    try {
      const endpoint = await classifyWithKey(seen.pixels, options);
      signal.throwIfAborted();
      if (endpoint.answer.model.version !== before.card.version) model = await updateServed(before, signal);
      if (tries > 1 || isSameInput(model, before)) return { endpoint, seen, model };
    } catch (error) {
      if (tries > 1 || !(error instanceof RequestRefused && error.isAboutModel)) throw error;
      model = await updateServed(before, signal);
      if (model === before) throw error;
    }
  }
}

function isSameInput({ card: { input: one } }: Served, { card: { input: other } }: Served): boolean {
  return one.width === other.width && one.height === other.height && one.fit === other.fit;
}

function showAnswers(result: Result, { card, browserModel }: Served): void {
  runHere.hidden = browserModel !== undefined;
  showResult(result, card, browserModel);
  element('result', HTMLElement).scrollIntoView({ block: 'nearest' });
}

/**
 * Fetches the model that the endpoint serves now, also for this browser if it runs the previous one. If that fails, the
 * endpoint's answer is still valid.
 *
 * @returns the new model, or `before` if it cannot be loaded or is still served
 * @throws the signal's reason
 */
async function updateServed(before: Served, signal: AbortSignal): Promise<Served> {
  try {
    const next = await fetchServed();
    if (next.card.version === before.card.version) return before;
    if (before.browserModel) next.browserModel = await loadInBrowser(next);
    signal.throwIfAborted();
    return setServed(next);
  } catch (error) {
    signal.throwIfAborted();
    showError(error, ' This answer is from the endpoint only.');
    return before;
  }
}

/** Classifies at the endpoint, and asks the user for an API key if it requires one. */
async function classifyWithKey(
  pixels: Uint8Array,
  options: Omit<Parameters<typeof classify>[1], 'key'>,
): ReturnType<typeof classify> {
  for (;;) {
    const key = apiKey();
    try {
      return await classify(pixels, { key, ...options });
    } catch (error) {
      if (error instanceof RequestRefused && error.isAboutSignature) showCommand({ isSigned: true });
      if (!(error instanceof RequestRefused && error.isAboutKey)) throw error;
      if (!(await askForKey({ isWrong: key !== undefined }))) throw error;
      showCommand();
    }
  }
}

/** Offers the first golden image of each class. Golden images are from the test set. */
function showTestImages({ classes, input }: ModelAnswer, { images }: Golden): void {
  const chosen = classes
    .flatMap((label) => images.find((image) => image.label === label) ?? [])
    .slice(0, MAX_TEST_IMAGES);
  const items = chosen.map(({ pixels: text, label }) => {
    const image = { pixels: pixelsFromBase64(text), width: input.width, height: input.height };
    const canvas = createElement('canvas');
    paint(canvas, image.pixels, input);
    const button = createElement('button', { type: 'button', title: label }, canvas);
    button.ariaLabel = `Test image: ${label}`;
    button.ariaPressed = 'false';
    button.addEventListener('click', () => {
      choices++;
      pressTestImage(button);
      showFraming(undefined, input);
      showImage({ seenBy: (other) => fitImage(image, other, other.fit), truth: label }).catch(showError);
    });
    return createElement('li', {}, button);
  });
  element('test-images', HTMLElement).replaceChildren(...items);
  element('tests', HTMLElement).hidden = items.length === 0;
}

function pressTestImage(pressed: HTMLButtonElement | undefined): void {
  for (const button of element('test-images', HTMLElement).querySelectorAll('button')) {
    button.ariaPressed = String(button === pressed);
  }
}

function showCommand({ isSigned = false } = {}): void {
  const signature = ' --aws-sigv4 "aws:amz:$AWS_REGION:execute-api" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"';
  const key = isSigned ? signature : apiKey() ? ' -H "x-api-key: $API_KEY"' : '';
  element('curl', HTMLElement).textContent =
    `curl --data-binary @picture.png${key} ${new URL('classify', document.baseURI)}`;
}

/** Shows an error below the buttons. Unexpected errors also go to the console. */
function showError(error: unknown, more = ''): void {
  const isExpected =
    error instanceof RequestRefused || error instanceof EndpointUnreachable || error instanceof NotAnImage;
  if (!isExpected) console.error(error);
  const text = error instanceof Error ? error.message : String(error);
  showMessage('message', `${text}${more}`, 'error');
}
