import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readersPython } from '#setup/readers.mjs';
import type { Split } from '#training/data/dataset.ts';
import { casesOf } from './cases.ts';
import { readSetting, writeData, writeSetting } from './setting.ts';

const python = readersPython();
const count = 6;
const split: Split = {
  count,
  labels: Uint8Array.from({ length: count }, (_, index) => index),
  images: Uint8Array.from({ length: count * 3072 }, (_, index) => (index * 31) % 251),
};

const summary = `
import json, sys
sys.path.insert(0, sys.argv[1])
from setting import read_setting
setting = read_setting(sys.argv[2])
print(json.dumps({
    "batchSize": setting.batch_size,
    "labelSmoothing": setting.label_smoothing,
    "augmentation": {"flip": setting.flip, "translate": setting.translate},
    "trained": sorted(setting.trained),
    "shapes": {name: list(values.shape) for name, values in setting.weights.items()},
    "images": [list(setting.images.shape), int(setting.images[-1, -1, -1, -1])],
    "labels": setting.labels.tolist(),
}))`;

test.skipIf(!python)('the Python peers read the same settings as our contestant', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'setting-'));
  try {
    const [{ recipe }] = casesOf(['seed'], 2) as [ReturnType<typeof casesOf>[number]];
    const { file } = await writeSetting(folder, recipe, split, await writeData(folder, split));
    const ours = readSetting(file);
    const peers = execFileSync(python!, ['-B', '-c', summary, join(import.meta.dirname, 'peers'), file], {
      encoding: 'utf8',
    });
    const { batchSize, labelSmoothing, augmentation, groups } = ours.setting;
    expect(JSON.parse(peers)).toEqual({
      ...{ batchSize, labelSmoothing, augmentation },
      trained: groups.flatMap(({ weights }) => weights).sort(),
      shapes: Object.fromEntries(ours.weights.map(({ name, shape }) => [name, shape])),
      images: [[count, 32, 32, 3], split.images.at(-1)],
      labels: [...split.labels],
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});
