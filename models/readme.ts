import type { Card } from './card.ts';
import { describeParent } from './describe-parent.ts';
import { percent } from './percent.ts';

/** How many classes a sentence names. */
const NAMED = 20;

/** `README.md` of a version: its card for people, under the front matter that Hugging Face reads. */
export function renderReadme(card: Card): string {
  const { accuracy, data, recipe, host, input } = card;
  const [low, high] = accuracy.interval95;
  // Every JSON string is a YAML string: nothing in a card can break the front matter.
  const quoted = JSON.stringify;
  return `---
license: ${quoted(card.license.toLowerCase())}
library_name: tfjs
pipeline_tag: image-classification
datasets:
- ${quoted(data.name)}
metrics:
- accuracy
model-index:
- name: ${quoted(card.name)}
  results:
  - task:
      type: image-classification
    dataset:
      name: ${quoted(data.name)}
      type: ${quoted(data.name)}
      split: test
    metrics:
    - type: accuracy
      value: ${accuracy.plain}
    - type: accuracy
      name: with test-time augmentation
      value: ${accuracy.tta}
    - type: loss
      value: ${card.loss}
---

# ${card.name}: ${recipe.name}

A TensorFlow.js LayersModel that classifies images as one of ${card.classes.length} classes${card.classes.length > NAMED ? ', which are listed below' : `: ${card.classes.join(', ')}`}.

| On the ${accuracy.images} test images, read once | |
|---|---|
| Accuracy | ${percent(accuracy.plain)} (95 % interval ${percent(low)} to ${percent(high)}) |
| with test-time augmentation | ${percent(accuracy.tta)} |
| Cross-entropy | ${card.loss.toFixed(4)} |
${calibrationRow(card)}
| Class | Accuracy |
|---|---|
${card.classes.map((label) => `| ${cell(label)} | ${percent(accuracy.perClass[label] ?? 0)} |`).join('\n')}

## Use

${card.intendedUse}

It takes RGB images \`[N, ${input.height}, ${input.width}, ${input.channels}]\` of ${input.range[0]} to ${input.range[1]} unchanged: normalisation is its first layer.${fitSentence(card)} It returns
logits; the probabilities are \`softmax(logits / ${card.temperature})\`. An answer whose best probability is below ${card.uncertainBelow} is
uncertain.

## Limits

${card.limits}

## How it was made

| | |
|---|---|
| Recipe | ${recipe.name}, seed ${card.seed}, ${card.epochs} epochs |
| Settings | ${Object.entries(recipe.settings)
    .map(([key, value]) => `\`${key}=${JSON.stringify(value)}\``)
    .join(' ')} |
${parentRow(card)}| Parameters | ${card.parameters} |
| Data | ${cell(data.name)}, ${data.heldOut} training images held out to make choices on |
| Training | ${card.trainingSeconds.toFixed(1)} s of ${card.wallSeconds.toFixed(1)} s |
| Engine | ${card.engine} |
| Machine | ${host.gpu === undefined ? '' : `${host.gpu}, `}${host.cpu}, ${host.cores} cores, ${(host.memory / 2 ** 30).toFixed(0)} GiB |
| Source | ${card.commit ?? 'not a git checkout'} |
| Run | ${card.run} |
| Made at | ${card.createdAt} |

| SHA-256 of the data | |
|---|---|
${Object.entries(data.sha256)
  .map(([split, digest]) => `| ${split} | \`${digest}\` |`)
  .join('\n')}
`;
}

/** Text in a table, where a line end or a bar would end the cell. */
function cell(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|');
}

function fitSentence({ input: { fit = 'crop' } }: Card): string {
  if (fit === 'crop') return ''; // As images of other sizes are commonly brought to a model's.
  const ways = { pad: 'are padded with grey (128) and scaled', stretch: 'are stretched' };
  return ` Images of other sizes ${ways[fit]} to that size, by averaging areas.`;
}

function calibrationRow({ calibration }: Card): string {
  if (calibration === undefined) return '';
  const { before, after } = calibration;
  return `| Calibration error | ${percent(after)} (${percent(before)} without the temperature) |\n`;
}

function parentRow({ parent }: Card): string {
  if (parent === undefined) return '';
  const source = 'version' in parent ? parent.version : `${parent.file}, SHA-256 \`${parent.sha256}\``;
  return `| Began with | ${describeParent(parent, source)} |\n`;
}
