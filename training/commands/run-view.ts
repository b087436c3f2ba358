import type { Writable } from 'node:stream';
import pc from 'picocolors';
import { describeLoss, describeParent } from '#models/describe-parent.ts';
import { percent } from '#models/percent.ts';
import type { TrainingEvent } from '../record/events.ts';
import { layerLines } from './layer-lines.ts';
import { type Place, placeOf } from './place.ts';

export interface View {
  show(event: TrainingEvent): void;
  /** Clears the live line; nothing is shown afterwards. */
  end(): void;
}

interface Terminal extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

type Of<Type extends TrainingEvent['type']> = Extract<TrainingEvent, { readonly type: Type }>;

/** Milliseconds between two progress lines where the output is not a terminal. */
const PLAIN_INTERVAL = 10_000;

interface ViewOptions {
  /** @default false */
  readonly json?: boolean;
  /** Where the run is stored. @default where this process finds the store that the events name */
  readonly place?: Place | undefined;
}

/**
 * Shows the progress of a run: on a terminal as a live line below the results so far, elsewhere as a line every ten
 * seconds, with `json` as one event per line.
 */
export function viewFor(stream: Terminal, { json = false, place }: ViewOptions = {}): View {
  if (json) {
    return {
      show: (event) => void stream.write(`${JSON.stringify(event)}\n`),
      end: () => {},
    };
  }
  return stream.isTTY ? liveView(stream, place) : plainView(stream, place);
}

function liveView(stream: Terminal, place: Place | undefined): View {
  const colours = pc.createColors(pc.isColorSupported);
  const facts = new Facts(place);
  let isDrawn = false;
  const erase = () => {
    if (isDrawn) stream.write('\r\x1b[2K');
    isDrawn = false;
  };
  const draw = (line: string) => {
    erase();
    stream.write(line);
    isDrawn = true;
  };
  return {
    show(event) {
      facts.learn(event);
      if (event.type === 'step') {
        draw(event.step === event.steps ? colours.dim(testing) : liveLine(event, facts, stream.columns ?? 80, colours));
        return;
      }
      const lines = linesOf(event, facts, colours);
      if (lines.length === 0) return;
      erase();
      stream.write(`${lines.join('\n')}\n`);
      const isTrained = event.type === 'stopped' || (event.type === 'epoch' && event.step === facts.steps);
      if (isTrained) draw(colours.dim(testing));
    },
    end: erase,
  };
}

function plainView(stream: Terminal, place: Place | undefined): View {
  const colours = pc.createColors(false);
  const facts = new Facts(place);
  let shownAt = Number.NEGATIVE_INFINITY;
  return {
    show(event) {
      facts.learn(event);
      const at = Date.parse(event.at);
      if (event.type === 'step' && at - shownAt < PLAIN_INTERVAL) return;
      const lines = event.type === 'step' ? [stepLine(event, facts)] : linesOf(event, facts, colours);
      if (lines.length === 0) return;
      shownAt = at;
      stream.write(`${lines.join('\n')}\n`);
    },
    end: () => {},
  };
}

/** Facts of earlier events that later lines show. */
class Facts {
  place: Place | undefined;
  run = '';
  epochs = 0;
  steps = 0;
  accuracy: number | undefined;
  /** Only the first fit to a budget is shown; later ones change the end by a few steps. */
  isFitted = false;

  constructor(place: Place | undefined) {
    this.place = place;
  }

  learn(event: TrainingEvent): void {
    if (event.type === 'saved') this.place ??= placeOf(event.store);
    if (event.type === 'started' || event.type === 'saved') this.run = event.run ?? this.run;
    if (event.type === 'started' || event.type === 'fitted') [this.epochs, this.steps] = [event.epochs, event.steps];
    if (event.type === 'epoch' && event.validation) this.accuracy = event.validation.accuracy;
  }
}

type Colours = ReturnType<typeof pc.createColors>;

const testing = 'testing on all test images …';

function parentLines(started: Of<'started'> & { readonly parent: string }, colours: Colours): string[] {
  const loss = describeLoss(started, started.parent);
  const why = started.byDefault ? ', since there are few pictures; --from none draws all weights' : '';
  return [
    `starts from ${describeParent(started, started.parent)}${why}`,
    ...(loss === undefined ? [] : [colours.yellow(loss)]),
  ];
}

/** The lines that stay on the screen; none for events that only change the live line. */
function linesOf(event: Exclude<TrainingEvent, Of<'step'>>, facts: Facts, colours: Colours): string[] {
  switch (event.type) {
    case 'started':
      return [
        `${colours.bold(event.recipe)}, seed ${event.seed}: ${trim(event.epochs)} epochs, ${count(event.steps)} steps, ${count(event.parameters)} parameters`,
        colours.dim(`${event.engine} · run ${event.run}`),
        ...(event.parent ? parentLines({ ...event, parent: event.parent }, colours) : []),
        ...(event.damaged ?? []).map((key) => colours.yellow(`skipped ${key}: missing or damaged`)),
        ...(event.fromStep > 0
          ? [`resumes after step ${count(event.fromStep)}`]
          : layerLines(event.layers ?? [], colours)),
      ];
    case 'epoch': {
      const heldOut = event.validation ? `   held out ${percent(event.validation.accuracy)}` : '';
      return [
        `epoch ${trim(event.epoch).padEnd(5)} loss ${event.loss.toFixed(3)}${heldOut}   ${duration(event.trainingSeconds)}`,
      ];
    }
    case 'fitted': {
      if (facts.isFitted) return [];
      facts.isFitted = true;
      const { budgetSeconds, epochs, steps } = event;
      return [`${duration(budgetSeconds)} of training fit about ${trim(epochs)} epochs, ${count(steps)} steps`];
    }
    case 'recovered':
      return [
        `${colours.yellow('diverged')} at step ${count(event.fromStep)}: ${event.reason}; continues from step ` +
          `${count(event.toStep)} with ${event.learningRateFactor} times the learning rate`,
      ];
    case 'stopped': {
      const { epoch, accuracy } = event.best;
      return [
        `${colours.yellow('stopped')} after epoch ${trim(event.epoch)}: the best was epoch ${trim(epoch)} (held out ${percent(accuracy)})`,
      ];
    }
    case 'spooled': {
      const where = event.folder === undefined ? 'not kept' : `kept in ${event.folder}`;
      return [`${colours.yellow('store unavailable')}: ${event.reason} Step ${count(event.step)} is ${where} for now`];
    }
    case 'evaluated':
      return [
        ...(event.kept === 'best' ? [colours.dim(`publishing the best weights, of step ${count(event.step)}`)] : []),
        ...(event.imageSteps === undefined
          ? []
          : [
              colours.dim(
                `trained on ${count(event.imageSteps)} images, counted by their operations in whole-size images`,
              ),
            ]),
        `test  ${colours.bold(percent(event.plain))} plain, ${percent(event.tta)} with augmentation ` +
          colours.dim(`(${count(event.images)} images, loss ${event.loss.toFixed(3)}, ${duration(event.seconds)})`),
      ];
    case 'measured':
      return [
        `held out  ${colours.bold(percent(event.accuracy))} ` +
          colours.dim(`(${count(event.images)} images, loss ${event.loss.toFixed(3)}; the test images were not read)`),
      ];
    case 'saved':
      return [
        `${colours.green('saved')} ${colours.bold(event.version)} in ${event.store}`,
        ...(facts.run === '' ? [] : [colours.dim(`report ${facts.place?.reportOf(facts.run)}`)]),
        ...(event.better ? betterBefore(event.better, facts.place?.options ?? '', colours) : []),
      ];
    case 'reclaimed':
      return [
        `${colours.yellow('reclaimed')}: EC2 takes this instance back at ${event.time} (${event.action}). A checkpoint is kept now; the training continues until then`,
      ];
    case 'warning':
      return [`${colours.yellow('warning')} ${event.message}`];
    case 'interrupted':
      return [
        `${colours.yellow(event.signal)}: kept a checkpoint at step ${count(event.step)}. To resume:`,
        `  ${event.resume}`,
      ];
    case 'failed':
      return [`${colours.red('failed')} ${event.message}`];
    case 'checkpoint':
      return [];
  }
}

function betterBefore(
  { version, plain, than }: NonNullable<Of<'saved'>['better']>,
  options: string,
  colours: Colours,
): string[] {
  const points = (100 * (plain - than)).toFixed(2);
  return [
    `${colours.yellow('warning')} the candidate before was better: ${version} has ${percent(plain)} plain, ${points} points more. To make it the candidate again:`,
    `  ./cifar10 models promote ${version} --alias candidate${options}`,
  ];
}

/** As much of the line as fits; the bar takes the remaining columns. */
function liveLine(event: Of<'step'>, { epochs, accuracy }: Facts, columns: number, colours: Colours): string {
  const before = `epoch ${trim(event.epoch)}/${trim(epochs)} `;
  const after = [
    ` ${String(Math.floor((100 * event.step) / event.steps)).padStart(3)} %`,
    `${duration(event.etaSeconds)} left`,
    `${count(Math.round(event.imagesPerSecond))} images/s`,
    `loss ${event.loss.toFixed(3)}`,
    ...(accuracy === undefined ? [] : [`held out ${percent(accuracy)}`]),
  ];
  // The last column stays free: some terminals wrap there, and the line could not be erased.
  while (after.length > 1 && before.length + 10 + after.join('   ').length > columns - 1) after.pop();
  const text = after.join('   ');
  const width = Math.max(0, Math.min(30, columns - 1 - before.length - text.length));
  const full = Math.floor((width * event.step) / event.steps);
  return `${before}${colours.cyan('━'.repeat(full))}${colours.dim('━'.repeat(width - full))}${text}`;
}

function stepLine(event: Of<'step'>, { epochs, accuracy }: Facts): string {
  const heldOut = accuracy === undefined ? '' : `   held out ${percent(accuracy)}`;
  return (
    `step ${count(event.step)}/${count(event.steps)}   epoch ${trim(event.epoch)}/${trim(epochs)}   ` +
    `${count(Math.round(event.imagesPerSecond))} images/s   loss ${event.loss.toFixed(3)}${heldOut}   ${duration(event.etaSeconds)} left`
  );
}

function count(value: number): string {
  return value.toLocaleString('en');
}

/** At most two decimals, without trailing zeros. */
function trim(value: number): string {
  return String(Math.round(100 * value) / 100);
}

/** `48 s`, `2:07`, `3:04:05`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number) => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
