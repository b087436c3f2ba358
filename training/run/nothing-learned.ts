import { UserError } from '#errors/user-error.ts';
import { percent } from '#models/percent.ts';
import type { RunResult } from '#models/runs.ts';
import type { Dataset, Split } from '../data/dataset.ts';
import { compareWithGuessing } from '../evaluation/guessing.ts';
import { topClasses } from '../evaluation/measure.ts';
import { type Recipe, recipes } from '../recipe/recipes.ts';
import type { ResolvedRecipe } from '../recipe/settings.ts';

/** A run has finished, and its version answers no better than guessing. */
export class NothingLearned extends UserError {
  override readonly name = 'NothingLearned';

  constructor({ version, guessing, steps }: RunResult & { readonly guessing: Guesses }, recipe: ResolvedRecipe) {
    super(
      `The training learned nothing: ${describeGuesses(guessing)}, which is no better than guessing (p = ` +
        `${guessing.pValue.toPrecision(2)}). Version ${version} is stored, but is not the candidate. ` +
        `Train again under another --run, ${whatToTry(recipe, steps)}.`,
    );
  }
}

type Guesses = NonNullable<RunResult['guessing']>;

interface Answered {
  /** `[count, classes]` */
  readonly logits: Float32Array;
  readonly split: Split;
  readonly of: Guesses['split'];
}

/** Whether a network knows more than guesses do, by its answers to images that it was not trained on. */
export function checkLearned({ logits, split, of }: Answered, { classes }: Pick<Dataset, 'classes'>) {
  const { isBetter, mostFrequent, ...counts } = compareWithGuessing(topClasses(logits, classes.length), split.labels);
  const guesses: Guesses = { split: of, ...counts, mostFrequent: classes[mostFrequent]! };
  return {
    guessing: isBetter === false ? guesses : undefined,
    warning:
      isBetter === 'unknown'
        ? `By so few images it cannot be told from guessing: ${describeGuesses(guesses)}.`
        : undefined,
  };
}

/** Such as `of 5,000 held-out images, 500 (10.00 %) are right, and always answering "cat" gets 512 (10.24 %)`. */
export function describeGuesses({ split, images, right, mostFrequent, guessed }: Guesses): string {
  const share = (count: number) => `${count.toLocaleString('en')} (${percent(count / images)})`;
  return `of ${images.toLocaleString('en')} ${split} images, ${share(right)} are right, and always answering "${mostFrequent}" gets ${share(guessed)}`;
}

/** After fewer steps of a budget, the time was more likely too short than the rate too high. */
const TOO_FEW_STEPS = 50;

/** The change of the recipe that helps most often. @param steps that it took, where they may be too few */
export function whatToTry({ name, settings }: ResolvedRecipe, steps = Number.POSITIVE_INFINITY): string {
  const own: Recipe | undefined = Object.hasOwn(recipes, name) ? recipes[name as keyof typeof recipes] : undefined;
  const rates = ['learningRate', ...(settings.optimizer === 'muon' ? (['muonLearningRate'] as const) : [])] as const;
  const tooHigh = rates.filter((rate) => own !== undefined && settings[rate] > own[rate]);
  if (tooHigh.length > 0) return `with the recipe's ${tooHigh.map((rate) => `${rate}=${own![rate]}`).join(' and ')}`;
  if (settings.budget > 0 && steps < TOO_FEW_STEPS)
    return `for longer, such as --budget ${4 * settings.budget}s: ${settings.budget} s left time for ${steps} steps`;
  if (settings.epochs < 1 && settings.budget === 0) return 'for longer, such as --set epochs=1';
  return `with lower rates, such as ${rates.map((rate) => `--set ${rate}=${settings[rate] / 10}`).join(' ')}`;
}
