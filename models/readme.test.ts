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
