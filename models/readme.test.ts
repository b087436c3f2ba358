import { describe, expect, it } from 'vitest';
import { exampleCard } from './example-version.ts';
import { renderReadme } from './readme.ts';

describe('the README of a version', () => {
  it('begins with the front matter that Hugging Face reads', () => {
    const [, frontMatter = '', body = ''] = renderReadme(exampleCard(0.8342)).split(/^---$/m);
    expect(frontMatter).toContain('license: "apache-2.0"\n');
    expect(frontMatter).toContain('pipeline_tag: image-classification\n');
    expect(frontMatter).toMatch(/- type: accuracy\n +value: 0\.8342\n/);
    expect(body).toContain('83.42 % (95 % interval 82.42 % to 84.42 %)');
    expect(body).toContain('softmax(logits / 1.25)');
  });

  it('says how honest the probabilities are, where that was measured', () => {
    const card = { ...exampleCard(), calibration: { before: 0.0812, after: 0.0123 } };
    expect(renderReadme(card)).toContain('| Calibration error | 1.23 % (8.12 % without the temperature) |\n');
    expect(renderReadme(exampleCard())).not.toContain('Calibration');
  });

  it('says how images become its input where they are not cropped, and lists 120 classes once', () => {
    const classes = ['a | b', ...Array.from({ length: 119 }, (_, index) => `class ${index}`)];
    const perClass = Object.fromEntries(classes.map((label) => [label, 0.5]));
    const { input, accuracy } = exampleCard();
    const card = {
      ...exampleCard(),
      classes,
      input: { ...input, height: 96, width: 96, fit: 'pad' as const },
      accuracy: { ...accuracy, perClass },
    };
    const text = renderReadme(card);
    expect(text).toContain('one of 120 classes, which are listed below.\n');
    expect(text).toContain('| a \\| b | 50.00 % |\n');
    expect(text.match(/class 77\b/g)).toHaveLength(1);
    expect(text).toContain('`[N, 96, 96, 3]`');
    expect(text).toContain(' Images of other sizes are padded with grey (128) and scaled to that size');
    expect(renderReadme(exampleCard())).not.toContain('padded');
  });

  it('keeps its form whatever the card says', () => {
    const card = {
      ...exampleCard(),
      license: 'x"\n---\nevil: true',
      data: { ...exampleCard().data, name: 'a: b # c' },
    };
    const [, frontMatter = ''] = renderReadme(card).split(/^---$/m);
    expect(frontMatter).toContain('license: "x\\"\\n---\\nevil: true"\n');
    expect(frontMatter).toContain('- "a: b # c"\n');
    expect(frontMatter).toContain('model-index:');
  });
});
