import type { Command, CommanderError } from 'commander';
import { UsageError } from '#errors/user-error.ts';

/** The command line cannot be parsed. */
export class BadArguments extends UsageError {
  override readonly name = 'BadArguments';
  readonly problem: CommanderError;
  /** The command whose arguments they are. */
  readonly command: Command;

  constructor(problem: CommanderError, command: Command) {
    super(problem.message, { cause: problem });
    this.problem = problem;
    this.command = command;
  }
}

/** What other programs call our commands. */
const otherCommands: Readonly<Record<string, string>> = {
  ...{ predict: 'classify', infer: 'classify', inference: 'classify', recognize: 'classify', label: 'classify' },
  ...{ fit: 'train', learn: 'train', finetune: 'train --from' },
  ...{ eval: 'evaluate', test: 'evaluate', validate: 'evaluate', measure: 'evaluate', score: 'evaluate' },
  ...{ convert: 'export', save: 'export', server: 'serve', run: 'serve' },
  ...{ undeploy: 'destroy', teardown: 'destroy', delete: 'destroy', queue: 'submit', job: 'jobs', ps: 'jobs' },
  ...{ up: 'local up', down: 'local down', stop: 'local down', status: 'local status', env: 'local env' },
  ...{ ls: 'models list', list: 'models list', show: 'models show', versions: 'models list' },
  ...{ promote: 'models promote', publish: 'models promote', rollback: 'models rollback', price: 'cost' },
};

/** What other programs call our options and settings: the first that the command has is meant. */
const otherOptions: Readonly<Record<string, readonly string[]>> = {
  ...{ lr: ['learningRate'], bs: ['batchSize'], batch: ['batchSize'], wd: ['weightDecay'], decay: ['weightDecay'] },
  ...{ 'num-epochs': ['epochs'], 'n-epochs': ['epochs'], 'max-epochs': ['epochs'], 'lr-schedule': ['schedule'] },
  ...{ scheduler: ['schedule'], optim: ['optimizer'], optimiser: ['optimizer'], 'early-stopping': ['patience'] },
  ...{ arch: ['net'], architecture: ['net'], network: ['net'], model: ['--version', 'net', '--alias'] },
  ...{ dtype: ['precision'], amp: ['precision'], backend: ['engine'], time: ['--budget'], 'max-time': ['--budget'] },
  ...{ 'random-seed': ['--seed'], dataset: ['--data'], recipe: ['--recipe'], resume: ['--run'], name: ['--run'] },
  ...{ output: ['--out', '--report'], 'output-dir': ['--out', '--report'], 'save-dir': ['--out'] },
  ...{ checkpoint: ['--from', '--run'], weights: ['--from'], pretrained: ['--from'], finetune: ['--from'] },
  ...{ url: ['--endpoint'], address: ['--endpoint', '--host'], key: ['--api-key'], k: ['--top-k'] },
  ...{ cloud: ['--target'], watch: ['--follow'], tail: ['--follow'], wait: ['--follow'], overwrite: ['--force'] },
};

/** What is wrong, what was probably meant, and where the command's arguments are explained: each on a line. */
export async function explainBadArguments({ problem, command }: BadArguments): Promise<string> {
  const [first = '', ...others] = problem.message.replace(/^error: /, '').split('\n');
  // Commander's own suggestion, which knows the spelling of this command's options.
  const similar = /\(Did you mean (.+)\?\)/.exec(others.join(' '))?.[1];
  const meant = (await meantBy(problem, command)) ?? similar;
  const sentence = `${first.charAt(0).toUpperCase()}${first.slice(1)}${/[.!?]$/.test(first) ? '' : '.'}`;
  return [
    meant === undefined ? sentence : `${sentence} Did you mean ${meant}?`,
    `See "${pathOf(command)} --help".`,
  ].join('\n');
}

async function meantBy({ code, message }: CommanderError, command: Command): Promise<string | undefined> {
  const word = /'([^']*)'/.exec(message)?.[1] ?? '';
  if (code === 'commander.unknownCommand' && command.parent === null && Object.hasOwn(otherCommands, word)) {
    return `"./cifar10 ${otherCommands[word]}"`;
  }
  if (code === 'commander.excessArguments' && hasOption(command, '--set')) {
    const change = command.args.find((each) => /^\w+=/.test(each));
    return change && `--set ${change}`;
  }
  if (code !== 'commander.unknownOption') return undefined;
  const child = command.commands.find((each) => command.args.includes(each.name()));
  if (child) return `"${pathOf(child)} … ${word}", with the option after the command`;
  return optionMeant(word, command);
}

async function optionMeant(word: string, command: Command): Promise<string | undefined> {
  const [, name = '', given] = /^--?([^=]*)(?:=(.*))?$/.exec(word) ?? [];
  const has = (option: string) => hasOption(command, option);
  // Loaded for this error alone: it takes longer than most commands.
  const settings: readonly string[] = has('--set')
    ? (await import('#training/recipe/settings-schema.ts')).settingNames
    : [];
  const isThere = (each: string) => has(each) || settings.includes(each);
  const own = Object.hasOwn(otherOptions, name) ? otherOptions[name]! : [];
  const meant = [...own, camelCase(name)].find(isThere) ?? settings.find((each) => isAlike(each, camelCase(name)));
  if (meant === undefined || meant.startsWith('--')) return meant;
  const next = command.args[command.args.indexOf(word) + 1];
  const value = given ?? (next === undefined || next.startsWith('--') ? '…' : next);
  return `--set ${meant}=${value}`;
}

function hasOption({ options }: Command, name: string): boolean {
  return options.some(({ long }) => long === name);
}

/** The same letters, or all but the last: a plural, for example. */
function isAlike(setting: string, name: string): boolean {
  const [a, b] = [setting.toLowerCase(), name.toLowerCase()];
  return a === b || a === `${b}s` || `${a}s` === b;
}

function camelCase(name: string): string {
  return name.replaceAll(/[-_]+(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** `./cifar10 models promote` */
function pathOf(command: Command): string {
  return command.parent === null ? `./${command.name()}` : `${pathOf(command.parent)} ${command.name()}`;
}
